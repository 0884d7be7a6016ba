"""Whatever was asked before: what a prompt's tokens were evaluated as is what an empty cache would do."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.batches import body_length
from engine.decoding import Decoder
from engine.engine import BRANCHES
from engine.request import Generation, GenerationRequest, Priority
from engine.saved_prefixes import SavedPrefixes
from tests.scripted_backend import MIDDLE, PREFIX, SUFFIX, ScriptedBackend


def ask(decoder: Decoder, tokens: tuple[int, ...], **options) -> Generation:
    running = decoder.run(GenerationRequest(tokens, **options), lambda: False)
    while True:
        try:
            next(running)
        except StopIteration as end:
            return end.value


def backend(**options) -> ScriptedBackend:
    return ScriptedBackend(lambda said: bytes([97 + sum(said) % 26]) * (len(said) % 5), **options)


def opened(held: ScriptedBackend, **options) -> Decoder:
    return Decoder(held, BRANCHES, **options)


def prompt(document: str, head: str = "") -> tuple[int, ...]:
    return (PREFIX, *document.encode(), SUFFIX, 10, MIDDLE, *head.encode())


PIECES = ["a" * 90, "b" * 130, "c" * 7, "d\n" * 60]
STEP = st.tuples(
    st.lists(st.sampled_from(PIECES), max_size=4).map("".join),
    st.text("xy ", max_size=9),
    st.sampled_from([Priority.INTERACTIVE, Priority.BACKGROUND]),
    st.sampled_from(["", "one", "two"]),
    st.sampled_from([1, 3]),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(STEP, min_size=1, max_size=14))
def test_reused_is_evaluated_as_fresh(walk):
    """With sequences given up, parked, fetched, copied, rewound, and answers in between."""
    held = backend(block_tokens=4)
    decoder = opened(held, parked_bytes=20_000)
    for document, head, priority, owner, candidates in walk:
        tokens = prompt(document, head)
        wanted = body_length(len(tokens), 4)
        as_fresh = ["blocks"] * wanted + ["alone"] * (len(tokens) - wanted)
        found = ask(decoder, tokens, max_tokens=0, priority=priority, owner=owner)
        assert found.timings.prompt_tokens == len(tokens)
        there = [
            held.manner[n][: len(tokens)]
            for n in range(BRANCHES)
            if held.held[n][: len(tokens)] == list(tokens)
        ]
        assert as_fresh in there
        answer = ask(decoder, tokens, max_tokens=6, priority=priority, owner=owner, candidates=candidates)
        fresh = ask(opened(backend(block_tokens=4)), tokens, max_tokens=6, candidates=candidates)
        assert answer.candidates == fresh.candidates


def test_what_is_expected_is_what_is_then_reused():
    decoder = opened(backend(block_tokens=4), parked_bytes=1 << 20)
    for document in ("a" * 300, "b" * 300, "c" * 300, "d" * 300):
        ask(decoder, prompt(document))
    for document in ("a" * 300, "b" * 150, "e" * 90):
        tokens = prompt(document)
        expected = decoder.store.expected(tokens)
        assert ask(decoder, tokens).timings.cached_tokens in range(expected - 8, expected + 1)


def test_four_documents_take_turns_without_being_evaluated_again():
    held = backend(block_tokens=4)
    decoder = opened(held, parked_bytes=1 << 20)
    documents = [prompt(letter * 400, "x") for letter in "abcdef"]
    for tokens in documents:
        ask(decoder, tokens)
    before = held.evaluated
    for tokens in documents:
        ask(decoder, tokens)
    assert held.evaluated - before <= 8 * len(documents)


def test_what_is_warmed_leaves_the_prompt_in_use_alone():
    held = backend(block_tokens=4)
    decoder = opened(held)
    typed = prompt("a" * 400, "x")
    ask(decoder, typed)
    for letter in "bcdefg":
        ask(decoder, prompt(letter * 400), max_tokens=0, priority=Priority.BACKGROUND)
    before = held.evaluated
    ask(decoder, typed)
    assert held.evaluated == before


def test_parked_prompts_keep_to_their_bytes():
    decoder = opened(backend(block_tokens=4), parked_bytes=3_000)
    for letter in "abcdefghijkl":
        ask(decoder, prompt(letter * 400))
    assert 0 < decoder.store.parked_bytes <= 3_000


def test_a_prompt_comes_back_after_a_restart(tmp_path: Path):
    tokens = prompt("a" * 400, "x")
    decoder = opened(backend(block_tokens=4), saved=SavedPrefixes(tmp_path, "model"))
    first = ask(decoder, tokens, owner="one")
    decoder.save(everything=True)
    held = backend(block_tokens=4)
    again = opened(held, saved=SavedPrefixes(tmp_path, "model"))
    assert ask(again, tokens, owner="one").candidates == first.candidates
    assert held.evaluated <= 8
    other = backend(block_tokens=4)
    ask(opened(other, saved=SavedPrefixes(tmp_path, "another model")), tokens)
    assert other.evaluated == len(tokens)


def test_only_the_newest_prompt_of_an_owner_is_saved(tmp_path: Path):
    decoder = opened(backend(block_tokens=4), saved=SavedPrefixes(tmp_path, "model"))
    for document in ("a" * 300, "b" * 300, "c" * 300):
        ask(decoder, prompt(document), owner="one")
        decoder.save()
    ask(decoder, prompt("d" * 300), owner="")
    assert not decoder.save()
    (entry,) = SavedPrefixes(tmp_path, "model").entries
    assert entry.tokens[1] == ord("c")


@pytest.mark.parametrize("block", [1, 4])
def test_a_saved_prompt_that_vanished_is_evaluated(tmp_path: Path, block: int):
    tokens = prompt("a" * 400, "x")
    decoder = opened(backend(block_tokens=block), saved=SavedPrefixes(tmp_path, "model"))
    first = ask(decoder, tokens, owner="one")
    decoder.save(everything=True)
    again = opened(backend(block_tokens=block), saved=SavedPrefixes(tmp_path, "model"))
    for path in tmp_path.iterdir():
        path.unlink()
    assert ask(again, tokens).candidates == first.candidates


def test_what_cannot_be_cut_back_anywhere_is_cut_back_as_near_as_it_can():
    """As a model with a window of its own: what is left is a beginning of the new prompt."""
    held = backend(stride=16)
    decoder = opened(held)
    ask(decoder, prompt("a" * 39 + "b" * 40), max_tokens=0)
    other = prompt("a" * 39 + "c" * 40)
    found = ask(decoder, other, max_tokens=4)
    assert found.timings.cached_tokens == 32
    assert found.candidates == ask(opened(backend()), other, max_tokens=4).candidates
    assert ask(decoder, other, max_tokens=0).timings.cached_tokens >= len(other) - 1


@settings(max_examples=100, deadline=None)
@given(st.lists(STEP, min_size=1, max_size=14))
def test_it_answers_as_a_fresh_one_does(walk):
    """A backend that can be cut back at few places only."""
    decoder = opened(backend(stride=16), parked_bytes=20_000)
    for document, head, priority, owner, candidates in walk:
        options = {"max_tokens": 5, "priority": priority, "owner": owner, "candidates": candidates}
        tokens = prompt(document, head)
        found = ask(decoder, tokens, **options)
        assert found.candidates == ask(opened(backend()), tokens, **options).candidates


@pytest.mark.parametrize("named", [0, 2])
def test_a_prefix_kept_by_name_outlives_every_other_prompt(named):
    """Kept in sequences of its own, or parked where there are none; another takes its place by its name."""
    held = backend(sequences=5 + named)
    decoder = opened(held, named=named, parked_bytes=4_000)
    library, other = prompt("x" * 150), prompt("y" * 150)
    ask(decoder, library, max_tokens=0, keep="library")
    for letter in "abcdefgh":
        ask(decoder, prompt(letter * 200), max_tokens=3, candidates=2)
    begins_alike = (*library[:140], 122, *other)
    assert ask(decoder, begins_alike, max_tokens=0).timings.cached_tokens >= 140
    ask(decoder, other, max_tokens=0, keep="library")
    for letter in "ijklmnop":
        ask(decoder, prompt(letter * 200), max_tokens=0)
    assert ask(decoder, other, max_tokens=0).timings.cached_tokens >= 150
    kept = [one.name for one in (*decoder.store._residents, *decoder.store._parked) if one.name]
    assert kept == ["library"]
