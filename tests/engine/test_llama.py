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
from engine.batches import batches
from engine.catalog import resolve
from engine.decoding import Decoder
from engine.engine import BRANCHES, SEQUENCES, Engine
from engine.errors import ModelCorrupt
from engine.fim import FAMILIES, markers_of
from engine.llama.backend import LlamaBackend
from engine.llama.opening import open_llama
from engine.pace import Pace
from engine.prefill import Prefill
from engine.prefix_store import PrefixStore
from engine.request import FinishReason, GenerationRequest, Priority
from engine.saved_prefixes import SavedPrefixes
from engine.speed import Speed

FRESH = SEQUENCES - 1
pytestmark = pytest.mark.model
SOURCE = Path(__file__).parents[2] / "context" / "document.py"


@pytest.fixture(scope="module")
def backend(small_model: Path) -> Iterator[LlamaBackend]:
    opened = open_llama(small_model, sequences=SEQUENCES, context_tokens=4096)
    yield opened
    opened.close()


def fresh_logits(backend: LlamaBackend, tokens: tuple[int, ...], most: int = 128) -> np.ndarray:
    """Of an empty sequence."""
    backend.rewind(FRESH, 0)
    logits = None
    for start, end in batches(0, len(tokens), most=most, block=backend.block_tokens):
        logits = backend.prefill(FRESH, tokens[start:end], lambda: False)
    assert logits is not None
    backend.rewind(FRESH, 0)
    return logits


@pytest.mark.parametrize("length", [6, 8, 151])
def test_logits_do_not_depend_on_how_a_prompt_was_cut(backend: LlamaBackend, length: int):
    """Bit for bit, where the body is evaluated in batches of whole blocks; in others it is not."""
    tokens = backend.tokenizer.encode(SOURCE.read_text())[:length]
    whole = fresh_logits(backend, tokens)
    for most in (100, 64, 16):
        assert np.array_equal(fresh_logits(backend, tokens, most), whole)


def test_reused_is_fresh_over_random_edits(backend: LlamaBackend, tmp_path: Path):
    """Bit for bit, whatever was edited, given up, parked, saved and copied, and answered in between."""
    generator = random.Random(7)
    text = backend.tokenizer.encode(SOURCE.read_text())
    documents = [list(text[start : start + 60]) for start in range(0, 300, 60)]
    saved = SavedPrefixes(tmp_path, "model")
    store = PrefixStore(backend, BRANCHES, parked_bytes=8_000_000, saved=saved)
    prefill = Prefill(backend, store, Pace(Speed(300, 50)))
    reused = 0
    for step in range(24):
        document = generator.choice(documents)
        at = generator.randrange(len(document))
        document[at : at + generator.randrange(3)] = generator.sample(text, generator.randrange(6))
        priority = generator.choice(list(Priority))
        owner = str(documents.index(document))
        request = GenerationRequest(tuple(document), max_tokens=0, priority=priority, owner=owner)
        found = prefill.run(request, lambda: False)
        assert found.logits is not None
        assert np.array_equal(found.logits, fresh_logits(backend, request.tokens)), f"step {step}"
        reused += found.cached
        for token in generator.sample(text, 3):  # an answer
            backend.decode([(found.sequence, token)], lambda: False)
            store.extend(found.sequence, [token])
        store.save()
    assert reused > 200


def test_a_state_that_was_saved_goes_on_as_if_it_had_not(backend: LlamaBackend):
    tokens = backend.tokenizer.encode("def add(a, b):\n    return a +")
    backend.rewind(0, 0)
    backend.prefill(0, tokens[:8], lambda: False)
    state = backend.save(0)
    backend.fork(0, 3, 8)
    assert backend.load(2, state, 8)
    found = [backend.prefill(sequence, tokens[8:9], lambda: False) for sequence in (0, 2, 3)]
    assert all(np.array_equal(one, found[0]) for one in found)  # type: ignore[arg-type]
    assert not backend.load(2, state[:100], 8)
    assert backend.length(2) == 0
    for sequence in (0, 2, 3):
        backend.rewind(sequence, 0)


def test_guessing_changes_no_answer(backend: LlamaBackend):
    """Greedy answers are the same text with prompt lookup."""
    body = "".join(SOURCE.read_text().splitlines(True)[20:32])
    prompt = backend.tokenizer.encode(f"# old\n{body}\n# the same again\n{body[:60]}")
    texts = []
    for guesses in (False, True):
        decoder = Decoder(backend, BRANCHES)
        running = decoder.run(GenerationRequest(prompt, max_tokens=60, guesses=guesses), lambda: False)
        while True:
            try:
                next(running)
            except StopIteration as end:
                texts.append(end.value.candidates[0].text)
                break
    assert texts[0] == texts[1]


def test_a_stopped_prefill_leaves_the_sequence_as_it_was(backend: LlamaBackend):
    tokens = backend.tokenizer.encode(SOURCE.read_text())[:128]
    backend.rewind(0, 0)
    looks = iter([False] * 40 + [True] * 100_000)
    assert backend.prefill(0, tokens, lambda: next(looks)) is None
    assert backend.length(0) == 0
    assert np.array_equal(backend.prefill(0, tokens, lambda: False), fresh_logits(backend, tokens))  # type: ignore[arg-type]


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
    assert again.timings.evaluated_tokens == 0
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
