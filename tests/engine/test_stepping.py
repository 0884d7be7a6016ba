"""Guessed tokens save steps and change nothing."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.decoding import Decoder
from engine.engine import BRANCHES
from engine.pace import Pace
from engine.request import Generation, GenerationRequest
from engine.speculation import PromptLookup
from engine.speed import Speed
from engine.stepping import Stepper
from tests.scripted_backend import MIDDLE, PREFIX, SUFFIX, ScriptedBackend


def ask(backend: ScriptedBackend, tokens: tuple[int, ...], **options) -> Generation:
    running = Decoder(backend, BRANCHES).run(GenerationRequest(tokens, **options), lambda: False)
    while True:
        try:
            next(running)
        except StopIteration as end:
            return end.value


def prompt(prefix: str) -> tuple[int, ...]:
    return (PREFIX, *prefix.encode(), SUFFIX, MIDDLE)


def test_the_longest_match_that_stands_last_is_guessed():
    lookup = PromptLookup([1, 2, 3, 4, 9, 1, 2, 3, 5, 6, 7, 1, 2])
    assert lookup.draft(8) == ([], 0)
    lookup.append(3)
    assert lookup.draft(2) == ([5, 6], 3)
    assert PromptLookup([7, 1, 2, 3, 8, 8, 8, 7, 1, 2, 3]).draft(3) == ([8, 8, 8], 4)


@given(st.lists(st.integers(0, 300), max_size=60), st.integers(1, 9))
def test_a_guess_continues_an_earlier_occurrence(tokens, most):
    guess, agreed = PromptLookup(tokens).draft(most)
    if agreed:
        end = tokens[len(tokens) - agreed :]
        assert any(
            tokens[n : n + agreed] == end and tokens[n + agreed :][:most] == guess
            for n in range(len(tokens) - agreed)
        )
    else:
        assert guess == []


class SteadyPace(Pace):
    """A machine on which a batch of 16 takes as long as five single steps."""

    def note(self, tokens: int, seconds: float) -> None:
        del tokens, seconds

    def note_verified(self, tokens: int, seconds: float) -> None:
        del tokens, seconds


def steps_for(text: str, written: str) -> int:
    """How many evaluations an answer takes after a prompt."""
    backend = ScriptedBackend(lambda said: text.encode() if not said else b"")
    for token in prompt(written):
        backend.prefill(0, [token], lambda: False)
    pace = SteadyPace(Speed(prefill=300.0, decode=50.0))
    lookup = PromptLookup(prompt(written))
    stepper = Stepper(backend, 0, 4, lambda _, evaluate: evaluate(), pace, lookup)
    for token in text.encode():
        logits = stepper.after(token, lambda: False)
        assert logits is not None
    stepper.settle()
    assert bytes(t for t in backend.held[0] if t < 256).endswith(text.encode())
    return backend.steps


def test_repeating_the_prompt_takes_few_steps():
    text = "def total(values):\n    return sum(value.amount for value in values)\n"
    assert steps_for(text, text) < len(text) / 4
    assert steps_for("abcdefghijklmnopqrstuvwxyz", text) == 26


def test_a_renamed_name_does_not_end_the_guessing():
    """Behind the new name, it goes on as behind the old one."""
    old = "".join(f"line {n} x {n}\n" for n in range(10, 20))
    assert steps_for(old.replace("x", "y"), old) < len(old) / 3


@settings(max_examples=60, deadline=None)
@given(st.text("ab\n", max_size=60), st.text("ab\n", max_size=60), st.sampled_from([1, 4]), st.booleans())
def test_guessing_changes_nothing(written, answer, block, looked_up):
    def made() -> ScriptedBackend:
        return ScriptedBackend(lambda said: answer.encode() if not said else b"", block_tokens=block)

    options = {"lookup": tuple(answer.encode())} if looked_up else {}
    guessing = ask(made(), prompt(written), max_tokens=50, **options)
    plain = ask(made(), prompt(written), max_tokens=50, guesses=False)
    assert guessing.candidates[0].text == plain.candidates[0].text
    assert guessing.candidates[0].finish == plain.candidates[0].finish
    assert np.isclose(guessing.candidates[0].mean_logprob, plain.candidates[0].mean_logprob)


def test_what_follows_a_guessed_answer_is_reused_as_fresh():
    text = "abcdefgh" * 12
    backend = ScriptedBackend(lambda said: text.encode() if not said else b"", block_tokens=4)
    decoder = Decoder(backend, BRANCHES)
    for tokens in (prompt(text), (*prompt(text), *text[:30].encode())):
        running = decoder.run(GenerationRequest(tokens, max_tokens=40), lambda: False)
        list(running)
    company = [n for n, manner in enumerate(backend.manner[0][: len(tokens)]) if manner == "company"]
    assert not company


def test_the_pace_follows_the_machine():
    pace = Pace(Speed(prefill=300.0, decode=50.0))
    before, step = pace.batch_s(128), pace.step_s
    for _ in range(30):
        pace.note(128, 3 * before)
        pace.note(1, 2 * step)
    assert 2.5 * before < pace.batch_s(128) < 3.5 * before
    assert 1.7 * step < pace.step_s < 2.3 * step
    pace.note(128, 1_000.0)  # the machine slept
    assert pace.batch_s(128) < 5 * before
