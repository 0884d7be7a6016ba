"""The real llama.cpp backend with the real 0.5B: exact reuse, healed prompts, stopping in the middle."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from context.prompt import encode_lines
from engine.catalog import resolve
from engine.engine import SEQUENCES, Engine
from engine.errors import ModelCorrupt
from engine.fim import FAMILIES, markers_of
from engine.llama.backend import LlamaBackend
from engine.llama.opening import open_llama
from engine.request import FinishReason, GenerationRequest

pytestmark = pytest.mark.model
SOURCE = Path(__file__).parents[2] / "context" / "document.py"


@pytest.fixture(scope="module")
def backend(small_model: Path) -> Iterator[LlamaBackend]:
    opened = open_llama(small_model, sequences=SEQUENCES, context_tokens=4096)
    yield opened
    opened.close()


def fresh_logits(backend: LlamaBackend, tokens: tuple[int, ...], chunk: int) -> np.ndarray:
    backend.rewind(1, 0)
    logits = None
    for start in range(0, len(tokens), chunk):
        logits = backend.prefill(1, tokens[start : start + chunk], lambda: False)
    assert logits is not None
    backend.rewind(1, 0)
    return logits


def test_logits_do_not_depend_on_how_a_prompt_was_cut(backend: LlamaBackend):
    """Bit for bit where pieces are multiples of four tokens: llama.cpp's repacked kernels take rows by four
    and round the odd ones differently, so other pieces agree only nearly."""
    tokens = backend.tokenizer.encode(SOURCE.read_text())[:300]
    whole = fresh_logits(backend, tokens, 128)
    for chunk in (100, 64, 12):
        assert np.array_equal(fresh_logits(backend, tokens, chunk), whole)
    assert np.abs(fresh_logits(backend, tokens, 37) - whole).max() < 1.0


def test_reused_is_as_good_as_fresh_over_random_edits(backend: LlamaBackend):
    """Rewinding and going on gives the logits of an empty cache, but for the rounding of another summation
    order: cells lie elsewhere in the pool, so vector units group them in another way."""
    generator = random.Random(7)
    tokens = list(backend.tokenizer.encode(SOURCE.read_text())[:200])
    backend.rewind(0, 0)
    backend.prefill(0, tokens[:120], lambda: False)
    backend.prefill(0, tokens[120:], lambda: False)
    for _ in range(4):
        at = 4 * generator.randrange(5, len(tokens) // 4 - 1)
        tokens = tokens[:at] + generator.sample(tokens, 8) + tokens[at:][:100]
        tokens = tokens[: len(tokens) // 4 * 4]
        backend.rewind(0, at)
        logits = None
        for start in range(at, len(tokens), 128):
            logits = backend.prefill(0, tokens[start : start + 128], lambda: False)
        fresh = fresh_logits(backend, tuple(tokens), 128)
        assert logits is not None and np.abs(logits - fresh).max() < 0.5
        assert fresh.max() - fresh[int(logits.argmax())] < 0.1


def test_a_fork_equals_its_source(backend: LlamaBackend):
    tokens = backend.tokenizer.encode("def add(a, b):\n    return")
    backend.rewind(0, 0)
    backend.prefill(0, tokens[:-1], lambda: False)
    backend.fork(0, 3, len(tokens) - 1)
    forked = backend.prefill(3, tokens[-1:], lambda: False)
    direct = backend.prefill(0, tokens[-1:], lambda: False)
    backend.rewind(3, 0)
    assert forked is not None and direct is not None and np.array_equal(forked, direct)


def test_a_stopped_prefill_leaves_the_sequence_as_it_was(backend: LlamaBackend):
    tokens = backend.tokenizer.encode(SOURCE.read_text())[:128]
    backend.rewind(0, 0)
    looks = iter([False] * 40 + [True] * 100_000)
    assert backend.prefill(0, tokens, lambda: next(looks)) is None
    assert backend.length(0) == 0
    assert np.array_equal(backend.prefill(0, tokens, lambda: False), fresh_logits(backend, tokens, 128))  # type: ignore[arg-type]


def test_block_by_block_is_the_tokenizers_own_way(backend: LlamaBackend):
    """Tokenising line by line, as prompts are, gives the ids of the whole text."""
    for text in (SOURCE.read_text(), "a\n\n\n    b\n \n\tc\n", "x = 'é😀'\n\n", "\n\nif a:\n\n\n        b"):
        lines = text.splitlines(True)
        assert encode_lines(lines, backend.tokenizer.encode) == backend.tokenizer.encode(text)


def test_markers_come_from_the_file(backend: LlamaBackend):
    assert markers_of(backend.model) == FAMILIES["qwen"]


def test_marker_text_in_a_document_is_text(backend: LlamaBackend):
    """A file that contains a marker cannot break the prompt."""
    ids = backend.tokenizer.encode("x = '<|fim_middle|>'")
    assert not set(ids) & backend.tokenizer.stop_tokens
    assert b"".join(map(backend.tokenizer.piece, ids)) == b"x = '<|fim_middle|>'"


def test_a_lone_surrogate_is_tokenised(backend: LlamaBackend):
    assert backend.tokenizer.encode("x = '\ud83d'")


def test_completes_and_stops_within_a_token(small_model: Path):
    engine = Engine(lambda: open_llama(small_model, sequences=SEQUENCES, context_tokens=4096))
    tokenizer = engine.opened.result(60).tokenizer
    fim = {name: tokenizer.encode(f"<|fim_{name}|>", special=True) for name in ("prefix", "suffix", "middle")}
    prompt = (
        *fim["prefix"],
        *tokenizer.encode("def add(a, b):\n"),
        *fim["suffix"],
        *tokenizer.encode("\n\nprint(add(1, 2))\n"),
        *fim["middle"],
        *tokenizer.encode("   "),
    )
    healed = engine.submit(GenerationRequest(prompt, begin_with=b" ret", max_tokens=12)).result.result(60)
    assert healed.candidates[0].text.startswith("urn a + b")
    again = engine.submit(GenerationRequest(prompt, begin_with=b" ret", max_tokens=12)).result.result(60)
    assert again.candidates[0].text.startswith("urn a + b")
    assert again.timings.cached_tokens == len(prompt) - 1
    long = tokenizer.encode(SOURCE.read_text() * 3)[:3000]
    running = engine.submit(GenerationRequest(long))
    time.sleep(0.5)
    running.cancel()
    assert running.result.result(5).finish is FinishReason.CANCELLED
    engine.close()


def test_a_file_that_is_no_model_is_refused(tmp_path: Path):
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF" + b"\0" * 100)
    with pytest.raises(ModelCorrupt, match="could not be opened"):
        open_llama(broken, sequences=1, context_tokens=512)


def test_loading_can_be_cancelled(small_model: Path):
    cancelled = threading.Event()
    cancelled.set()
    with pytest.raises(ModelCorrupt):
        open_llama(small_model, sequences=1, context_tokens=512, cancelled=cancelled)


def test_a_model_without_markers_gets_prefix_only_prompts():
    """SmolLM2 has no fill-in-the-middle training, and is served all the same."""
    from lsp_server.model_session import prompt_format

    path = resolve("smollm2-135m").path
    opened = open_llama(path, sequences=1, context_tokens=512)
    try:
        assert not prompt_format(opened.model).fills_in
    finally:
        opened.close()
