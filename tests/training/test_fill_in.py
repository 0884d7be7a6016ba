"""A model that only goes on is taught to fill in: markers, data in its order, training, a GGUF file."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from engine.errors import BackendError
from engine.fim import markers_of
from engine.llama.opening import open_llama
from engine.loop.config import read_config
from engine.loop.tokenizer import open_tokenizer
from engine.training import fill_in, gguf_file
from engine.training.data.pipeline import BuildError, build
from engine.training.data.shards import read_shards
from engine.training.data.units import Recipe
from engine.training.gguf_checkpoint import checkpoint_of
from tests.engine.loop.checkpoints import opened
from tests.engine.loop.test_model import backend, chunks, never
from tests.training.tiny_llama import CONTROL, write_llama
from tests.training_data.packed import module, wheel

PARTS = "abcdef"
NAMES = ("amber", "birch", "cedar", "dogwood", "elder", "fir")
TEXTS = [module("ginkgo")[:600], "größe = 'naïve'  # → ∑\n\tx = 1234.5\n\n\n   \n", "[SUFFIX]<file_sep>"]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Llama with markers, its weights fresh."""
    folder = tmp_path_factory.mktemp("llama")
    fill_in.begin(str(write_llama(folder)), folder / "base")
    return folder / "base"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory, base: Path) -> Path:
    """Training data in its vocabulary."""
    folder = tmp_path_factory.mktemp("data")
    (folder / "archives").mkdir()
    for name in NAMES:
        wheel(folder / "archives", name, {f"{name}/{part}.py": module(f"{name}{part}") for part in PARTS})
    build(folder / "built", [folder / "archives"], tokenizer=base, recipe=Recipe(hole_share=0.85))
    return folder / "built"


def test_two_spare_tokens_become_markers(base: Path) -> None:
    """The engines see a model that fills in with the suffix first; nothing else of it has changed."""
    config = read_config(base)
    tokenizer = open_tokenizer(base, config.vocabulary_size, config.stop_tokens)
    form = markers_of(tokenizer)
    assert form.suffix_first and (form.prefix, form.suffix, form.middle) == ("[PREFIX]", "[SUFFIX]", "")
    assert (form.file_separator, form.repository) == ("<file_sep>", "<repo_name>")
    before, after = (load_file(folder / "model.safetensors") for folder in (base.parent / "model", base))
    ids = {name: token for token, name in enumerate(CONTROL)}
    for name, weight in before.items():
        if name == "model.embed_tokens.weight":
            weight[ids["<jupyter_start>"]] = weight[ids["<file_sep>"]]
            weight[ids["<jupyter_code>"]] = weight[ids["<filename>"]]
        assert torch.equal(weight, after[name])


def test_holes_come_with_the_suffix_first(base: Path, data: Path) -> None:
    """As prompts do: head, suffix, prefix, and behind it the answer, up to the token that ends it."""
    config = read_config(base)
    tokenizer = open_tokenizer(base, config.vocabulary_size, config.stop_tokens)
    whole = [module(f"{name}{part}") for name in NAMES for part in PARTS]
    seen = 0
    for split in ("train", "valid"):
        for shard in read_shards(data, split):
            for kind, (start, answer, end) in zip(shard.kinds, shard.documents(), strict=True):
                if kind not in fill_in.FILLED:
                    continue
                pieces = [tokenizer.piece(token) for token in shard.ids[start:end].tolist()]
                names = [tokenizer.marker_token(text) for text in ("[SUFFIX]", "[PREFIX]", "<|im_end|>")]
                ids = shard.ids[start:end].tolist()
                suffix, prefix, last = (ids.index(name) for name in names if name is not None)
                assert suffix < prefix < answer - start <= last == end - start - 1
                joined = b"".join(pieces[prefix + 1 : last]) + b"".join(pieces[suffix + 1 : prefix])
                assert any(joined.decode() in text for text in whole)
                seen += 1
    assert seen > 20


def test_it_learns_and_runs_in_llama_cpp(
    base: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Holes in packages that were held back cost less; the file says what the checkpoint says."""
    told = ["learn", "--model", str(base), "--data", str(data), "--out", str(tmp_path / "out")]
    told += ["--passes", "3"]
    told += ["--minutes", "0.3", "--learning-rate", "5e-3", "--device", "cpu", "--threads", "1"]
    assert fill_in.main([*told, "--step-tokens", "1024", "--most-tokens", "1024"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["steps"] > 5 and found["examples"] > 50
    assert found["nats_per_byte"]["after"] < found["nats_per_byte"]["before"] * 0.8
    file = tmp_path / "small.gguf"
    assert gguf_file.main([str(tmp_path / "out"), "--out", str(file), "--kind", "F16"]) == 0
    assert json.loads(capsys.readouterr().out)["bytes"] == file.stat().st_size
    theirs = open_llama(file, sequences=1, context_tokens=512)
    ours = backend(opened(tmp_path / "out"))
    try:
        assert markers_of(theirs.tokenizer).suffix_first
        config = read_config(tmp_path / "out")
        tokenizer = open_tokenizer(tmp_path / "out", config.vocabulary_size, config.stop_tokens)
        for text in TEXTS:
            for special in (False, True):
                assert tokenizer.encode(text, special=special) == theirs.tokenizer.encode(
                    text, special=special
                )
        ids = list(tokenizer.encode(TEXTS[0]))[:120]
        rows = np.stack([row.copy() for row in theirs.verify(0, ids, never) or []])
        assert np.abs(chunks(ours, ids, [len(ids)]) - rows).max() < 0.1
    finally:
        theirs.close()


@pytest.mark.parametrize("tied", [True, False])
def test_a_file_and_back_are_the_same_weights(tied: bool, tmp_path: Path) -> None:
    folder, back = write_llama(tmp_path, tied=tied), tmp_path / "back"
    gguf_file.write_gguf(folder, tmp_path / "small.gguf", "F16")
    back.mkdir()
    checkpoint_of(tmp_path / "small.gguf", back)
    one, other = (load_file(each / "model.safetensors") for each in (folder, back))
    assert one.keys() == other.keys() and ("lm_head.weight" in one) == (not tied)
    for name in one:
        assert torch.allclose(one[name].float(), other[name], atol=1e-6)
    kept = (
        "hidden_size",
        "num_attention_heads",
        "num_key_value_heads",
        "rope_theta",
        "max_position_embeddings",
    )
    said = [json.loads((each / "config.json").read_text()) for each in (folder, back)]
    assert [said[0][name] for name in kept] == [said[1][name] for name in kept]


def test_what_cannot_be_taught_is_refused(
    base: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A vocabulary without tokens to spare, data in another one, a folder in use, and no data."""
    bare = write_llama(tmp_path / "bare", control=CONTROL[:3])
    with pytest.raises(BackendError, match="no control tokens to spare"):
        fill_in.begin(str(bare), tmp_path / "out")
    with pytest.raises(BuildError, match=r"has no .* and no <\|repo_name\|>"):
        build(tmp_path / "built", [data.parent / "archives"], tokenizer=bare)
    with pytest.raises(BackendError, match="is not empty"):
        fill_in.begin(str(base.parent / "model"), base)
    other = write_llama(tmp_path / "other", vocabulary=490)
    for given, said in (
        (data, "was built with a tokenizer of 480 tokens, model has 490"),
        (tmp_path, "no index.json"),
    ):
        told = ["learn", "--model", str(other), "--out", str(tmp_path / "out"), "--data", str(given)]
        assert fill_in.main(told) == 1
        assert said in capsys.readouterr().err


def test_a_loop_model_is_no_file_for_llama_cpp(
    base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nor is a folder without a model; what was there stays."""
    (tmp_path / "kept.gguf").write_text("kept")
    (tmp_path / "loop").mkdir()
    raw = json.loads((base / "config.json").read_text())
    raw |= {"model_type": "iquestloopcoder", "loop_num": 2, "loop_window_size": 8}
    (tmp_path / "loop" / "config.json").write_text(json.dumps(raw))
    for folder, said in (("loop", "a Loop model"), ("nothing", "config.json")):
        assert gguf_file.main([str(tmp_path / folder), "--out", str(tmp_path / "kept.gguf")]) == 1
        assert said in capsys.readouterr().err
    assert (tmp_path / "kept.gguf").read_text() == "kept"
    assert not list(tmp_path.glob("*.part"))
