"""An answer that is held to a form has it, whatever the model would rather say."""

from __future__ import annotations

import re
from functools import cached_property
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.answer_format import AnswerFormat, Lines, Text, Until
from engine.constraint import ConstrainedTokens
from engine.decoding import Decoder
from engine.demanded_text import DemandedText
from engine.engine import BRANCHES
from engine.errors import BackendError
from engine.request import Candidate, FinishReason, GenerationRequest, Sampling
from tests.scripted_backend import ByteTokenizer, ScriptedBackend

ALPHABET = "ab <=>\n"
END = 0
SPACE = st.text(ALPHABET, max_size=6)


def rewrite(fence: str = ">") -> AnswerFormat:
    return AnswerFormat((Text(b"<\n  "), Until(f"\n{fence}".encode())))


def blocks(lines: list[str | None]) -> AnswerFormat:
    known = tuple(line.encode() if line is not None else None for line in lines)
    return AnswerFormat(
        (Text(b"<<\n"), Lines(known, b"==\n"), Until(b"\n>", at_line_start=True)), more=b"\n<<\n", back_to=1
    )


def read_blocks(answer: str) -> list[tuple[list[str], str]] | None:
    """The blocks of an answer, read in another way than the automaton's; None where it is malformed."""
    found = []
    while True:
        taken = re.match(r"<<\n((?:.*\n)+?)==\n((?:.*\n)*?)>", answer)
        if taken is None:
            return None
        found.append((taken[1].splitlines(), taken[2]))
        answer = answer[taken.end() :]
        if not answer:
            return found
        if not answer.startswith("\n"):
            return None
        answer = answer[1:]


def places(lines: list[str | None], run: list[str]) -> list[int]:
    return [n for n in range(len(lines) - len(run) + 1) if lines[n : n + len(run)] == run]


class Vocabulary(ByteTokenizer):
    """Token 0 ends an answer, the others are ``texts``."""

    def __init__(self, texts: list[str]) -> None:
        self.texts = texts

    def encode(self, text: str, *, special: bool = False) -> tuple[int, ...]:
        """The longest that fits, from left to right."""
        del special
        tokens = []
        while text:
            token = max(
                (n for n, t in enumerate(self.texts) if text.startswith(t)), key=lambda n: len(self.texts[n])
            )
            tokens.append(token + 1)
            text = text[len(self.texts[token]) :]
        return tuple(tokens)

    def piece(self, token: int) -> bytes:
        return self.texts[token - 1].encode() if token else b""

    @cached_property
    def pieces(self):
        return [self.piece(token) for token in range(len(self.texts) + 1)]

    @cached_property
    def stop_tokens(self) -> frozenset[int]:
        return frozenset({END})


class RestlessBackend(ScriptedBackend):
    """A model that wants anything: its logits are random, but the same after the same tokens. With a
    ``wish`` it says that, and then ends."""

    def __init__(self, vocabulary: Vocabulary, seed: int, wish: str | None = None) -> None:
        super().__init__(lambda _: b"", context_tokens=4096)
        self.tokenizer, self.seed = vocabulary, seed
        self.wish = None if wish is None else (*vocabulary.encode(wish), END)

    def _logits(self, sequence: int) -> np.ndarray:
        held = self.held[sequence]
        random = np.random.default_rng([self.seed, *held[-6:], len(held)])
        logits = random.normal(size=len(self.tokenizer.pieces)).astype(np.float32)
        if self.wish is not None and (said := len(held) - 1) < len(self.wish):
            logits[self.wish[said]] = 9.0
        return logits


@st.composite
def vocabularies(draw: st.DrawFn) -> Vocabulary:
    merged = draw(st.lists(st.text(ALPHABET, min_size=2, max_size=5), max_size=25, unique=True))
    return Vocabulary([*ALPHABET, *merged])


def ask(backend: ScriptedBackend, form: AnswerFormat | None, **options) -> Candidate:
    request = GenerationRequest((1,), constraint=form, max_tokens=80, **options)
    running = Decoder(backend, BRANCHES).run(request, lambda: False)
    while True:
        try:
            next(running)
        except StopIteration as end:
            return end.value.candidates[0]


LINES = st.lists(
    st.one_of(st.none(), st.text("ab <=", max_size=3).filter(lambda t: t != "==")), min_size=1, max_size=6
)


@settings(max_examples=100, deadline=None)
@given(vocabularies(), LINES, st.integers(0, 1 << 30), st.sampled_from([0.0, 1.0]))
def test_blocks_of_a_model_that_wants_anything_are_well_formed(vocabulary, lines, seed, temperature):
    """Each takes whole lines, which occur once, in order, none of them hidden."""
    form = blocks(lines)
    if not any(end is not None for part in form.parts if isinstance(part, Lines) for end in part.ends):
        return
    found = ask(RestlessBackend(vocabulary, seed), form, sampling=Sampling(temperature, seed=seed))
    if found.finish is FinishReason.LENGTH:
        return
    taken = read_blocks(found.text)
    assert taken
    where = [places(lines, search) for search, _ in taken]
    assert all(len(at) == 1 for at in where)
    spans = [(at[0], at[0] + len(search)) for at, (search, _) in zip(where, taken, strict=True)]
    assert all(end <= start for (_, end), (start, _) in pairwise(spans))
    assert all("".join(search).strip() for search, _ in taken)


@settings(max_examples=100, deadline=None)
@given(vocabularies(), st.integers(0, 1 << 30))
def test_a_rewrite_by_a_model_that_wants_anything_is_well_formed(vocabulary, seed):
    found = ask(RestlessBackend(vocabulary, seed), rewrite())
    assert found.text.startswith("<\n  ")
    if found.finish is not FinishReason.LENGTH:
        assert found.text.endswith("\n>") and found.text.count("\n>") == 1


@settings(max_examples=100, deadline=None)
@given(vocabularies(), LINES, st.integers(0, 1 << 30), st.sampled_from(["rewrite", "blocks", "marks"]))
def test_what_is_allowed_is_what_does_not_break_the_form(vocabulary, lines, seed, which):
    """The search through the sorted vocabulary finds what trying each token finds."""
    marks = AnswerFormat((Until(b"aab"), Text(b"<\n"), Until(b">>a>>"), Text(b"a"), Until(b">>")))
    form = {"rewrite": rewrite(), "blocks": blocks(lines), "marks": marks}[which]
    pieces = vocabulary.pieces
    tokens = ConstrainedTokens(DemandedText(pieces), vocabulary.stop_tokens, len(pieces))
    random, state = np.random.default_rng(seed), form.start
    for _ in range(25):
        if form.is_done(state) or form.following(state) == b"":
            break
        tried = {t for t in range(1, len(pieces)) if form.advance(state, pieces[t])[0] is not None}
        if form.ending(state) is not None:
            tried.add(END)
        allowed = tokens.allowed(form, state)
        assert set(range(len(pieces)) if allowed is None else allowed.tolist()) == tried
        token = int(random.choice(sorted(tried - {END})))
        state = form.advance(state, pieces[token])[0]


@settings(max_examples=60, deadline=None)
@given(vocabularies(), st.data())
def test_an_answer_that_has_the_form_anyway_is_not_changed(vocabulary, data):
    lines = data.draw(st.lists(st.text("ab <=", max_size=4), min_size=1, max_size=6, unique=True))
    lines = [line for line in lines if line != "==" and line.strip()] or ["a"]
    first = data.draw(st.integers(0, len(lines) - 1))
    last = data.draw(st.integers(first, len(lines) - 1))
    new = data.draw(SPACE).replace(">", "")
    wish = "<<\n" + "".join(f"{line}\n" for line in lines[first : last + 1]) + f"==\n{new}\n>"
    free = ask(RestlessBackend(vocabulary, 0, wish), None)
    held = ask(RestlessBackend(vocabulary, 0, wish), blocks(lines))
    assert free.text == held.text == wish


@settings(max_examples=60, deadline=None)
@given(vocabularies(), LINES, st.integers(0, 1 << 30))
def test_guessed_tokens_keep_to_the_form(vocabulary, lines, seed):
    form = rewrite() if None in lines else blocks([*lines, "abab"])
    text = "".join(f"{line}\n" for line in lines if line is not None)
    lookup = vocabulary.encode(f"<<\n{text}==\n{text}>") if text.isascii() else ()
    plain = ask(RestlessBackend(vocabulary, seed), form, guesses=False)
    assert ask(RestlessBackend(vocabulary, seed), form, lookup=lookup) == plain


def test_what_the_model_ends_early_is_made_whole():
    vocabulary = Vocabulary(list(ALPHABET))
    found = ask(RestlessBackend(vocabulary, 0, "<\n  ab"), rewrite())
    assert (found.text, found.finish) == ("<\n  ab\n>", FinishReason.END_OF_TEXT)
    found = ask(RestlessBackend(vocabulary, 0, "<<\na\n==\nb\n"), blocks(["a"]))
    assert found.text == "<<\na\n==\nb\n>"


def test_what_stands_behind_the_end_is_left_out():
    vocabulary = Vocabulary([*ALPHABET, "b\n> a"])
    found = ask(RestlessBackend(vocabulary, 0, "<\n  b\n> a"), rewrite())
    assert (found.text, found.finish) == ("<\n  b\n>", FinishReason.STOPPED)


def test_lines_that_occur_twice_are_taken_with_a_neighbour():
    form = blocks(["a", "b", "a"])
    assert form.advance(form.start, b"<<\na\n==\n")[0] is None
    assert form.advance(form.start, b"<<\na\nb\n==\n")[0] is not None
    assert form.advance(form.start, b"<<\nb\na\n==\n")[0] is not None


@given(st.lists(st.sampled_from([None, b"", b"a", b"b"]), max_size=8))
def test_where_lines_stand_only_once_is_found(lines):
    """The same as by trying every end."""
    for start, end in enumerate(Lines(tuple(lines), b"==\n").ends):
        ends = [
            last
            for last in range(start, len(lines))
            if None not in (run := lines[start : last + 1]) and any(run) and len(places(lines, run)) == 1
        ]
        assert end == min(ends, default=None)


def test_a_form_goes_on_behind_what_is_demanded():
    """And a token with more than what is demanded keeps to the form with the rest."""
    vocabulary = Vocabulary([*ALPHABET, "  >", "  a"])
    form = AnswerFormat((Text(b"a"), Until(b"\n>")))
    found = ask(RestlessBackend(vocabulary, 3, "  >"), form, begin_with=b"  ")
    assert found.text.startswith("a")


@given(st.text("ab", max_size=30), st.text("ab", min_size=1, max_size=5))
def test_a_mark_ends_free_text_where_it_first_stands(text, mark):
    form = AnswerFormat((Until(mark.encode()),))
    state, used = form.advance(form.start, text.encode())
    at = text.find(mark)
    assert form.is_done(state) == (at >= 0)
    assert used == (at + len(mark) if at >= 0 else len(text))


def test_thoughts_come_before_the_form_and_may_not_be_the_end():
    vocabulary = Vocabulary([*ALPHABET, "b>a", ">>"])
    form = AnswerFormat((Until(b"b>"), Text(b"<\n"), Until(b"\n>")))
    found = ask(RestlessBackend(vocabulary, 1, "aab"), form)
    assert re.match(r"(?s).*?b><\n", found.text)


def test_a_form_that_cannot_be_told_apart_is_refused():
    with pytest.raises(ValueError, match="one of the lines"):
        blocks(["a", "=="])


def test_a_vocabulary_without_the_letters_says_so():
    vocabulary = Vocabulary(["a", "b"])
    with pytest.raises(BackendError, match="no token for what"):
        ask(RestlessBackend(vocabulary, 0), rewrite())
