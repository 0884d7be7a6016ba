"""A GGUF file made a checkpoint: the same tokens, the same template, and nothing that is not known."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from engine.catalog import resolve
from engine.chat import gguf_chat_template, read_chat_template
from engine.errors import BackendError, ModelUnavailable
from engine.llama.model import LlamaModel
from engine.loop.config import read_config
from engine.loop.tokenizer import open_tokenizer
from engine.training.gguf_checkpoint import checkpoint_of, whole_checkpoint

pytest.importorskip("gguf", reason="gguf is not installed")
ROOT = Path(__file__).parents[2]
TEXTS = [
    *(file.read_text("utf-8")[:6000] for file in (ROOT / "context" / "window.py", ROOT / "README.md")),
    "größe = 'naïve'  # → ∑ 漢字\n\tx = 1234.5678e-10\r\n    it's we'll\n\n\n   \n",
    "<|im_start|>user\n<file_sep>",
]


def file_of(name: str) -> Path:
    try:
        return resolve(name, allow_smaller=False).path
    except ModelUnavailable as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))


@pytest.mark.model
def test_text_becomes_the_tokens_that_llama_cpp_makes_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = file_of("smollm2-135m")
    monkeypatch.setenv("CODEFLOW_HOME", str(tmp_path))
    folder = whole_checkpoint(file)
    assert folder.parent == tmp_path / "whole" and whole_checkpoint(file) == folder
    config, theirs = read_config(folder), LlamaModel(file, vocabulary_only=True)
    ours = open_tokenizer(folder, config.vocabulary_size, config.stop_tokens)
    for text in TEXTS:
        for special in (False, True):
            assert ours.encode(text, special=special) == theirs.encode(text, special=special)
    assert [ours.piece(token) for token in range(config.vocabulary_size)] == [
        theirs.piece(token) for token in range(config.vocabulary_size)
    ]
    assert config.stop_tokens and set(config.stop_tokens) <= set(theirs.stop_tokens)
    said = [{"role": "user", "content": "Hello."}]
    template = gguf_chat_template(theirs.metadata, str(file), read_chat_template(folder).marker_texts)
    assert read_chat_template(folder).render(said) == template.render(said)


@pytest.mark.model
def test_what_is_no_plain_llama_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(BackendError, match="of the kind 'qwen2'"):
        checkpoint_of(file_of("qwen2.5-coder-0.5b"), tmp_path)
