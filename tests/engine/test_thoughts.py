"""Thoughts before an answer are kept out of it, however its text is cut into pieces."""

from __future__ import annotations

from itertools import combinations

import pytest

from engine.roles import INSTRUCT, THINKING, role_of
from engine.thoughts import ThoughtFilter, thinks_already, without_thoughts

CASES: dict[str, tuple[str, bool, str]] = {  # the text, whether it begins inside a block, what may be used
    "an answer": ("  x = 1\n", False, "  x = 1\n"),
    "nothing": ("", False, ""),
    "only blanks": (" \n", False, " \n"),
    "thoughts": ("<think>a\nb</think>\n\n  x\n", False, "  x\n"),
    "after blanks": ("\n <think>a</think>x", False, "x"),
    "no thoughts at all": ("<think></think>x", False, "x"),
    "two blocks": ("<think>a</think>\r\n<think>b</think>\n\nx", False, "x"),
    "never closed": ("<think>a</thin", False, ""),
    "closed at the end": ("<think>a</think>", False, ""),
    "opened by the prompt": ("a\n</think>\nx", True, "x"),
    "opened by the prompt, never closed": ("a < b", True, ""),
    "opened by the prompt, and again": ("a</think>\n<think>b</think>x", True, "x"),
    "the tag of another": ("<thinking>x", False, "<thinking>x"),
    "half a tag": ("<thi", False, "<thi"),
    "code that holds the tags": ("x = '<think>a</think>'", False, "x = '<think>a</think>'"),
    "thoughts, then such code": ("<think>a</think>\nx = '<think>'", False, "x = '<think>'"),
    "tags within thoughts": ("<think>a <think> b</think>x", False, "x"),
    "closed though never opened": ("x</think>y", False, "x</think>y"),
}


@pytest.mark.parametrize("name", CASES)
def test_what_may_be_used_of_an_answer(name: str) -> None:
    text, inside, answer = CASES[name]
    assert without_thoughts(text, inside=inside) == answer


@pytest.mark.parametrize("name", CASES)
def test_the_same_comes_of_a_stream_cut_anywhere(name: str) -> None:
    """In up to three pieces, and letter by letter."""
    text, inside, answer = CASES[name]
    places = range(len(text) + 1)
    cuts = [*combinations(places, 1), *combinations(places, 2), tuple(places)]
    for cut in cuts:
        thoughts, given = ThoughtFilter(inside=inside), ""
        for start, end in zip((0, *cut), (*cut, len(text)), strict=True):
            given += thoughts.feed(text[start:end])
            assert answer.startswith(given)
        assert given + thoughts.end() == answer


def test_an_answer_comes_through_at_once() -> None:
    """Nothing is held back but what may still be a tag."""
    thoughts = ThoughtFilter()
    given = [thoughts.feed(part) for part in ("<think>a", "</think>", "\n", "x", "<th")]
    assert given == ["", "", "", "x", "<th"] and not thoughts.thinking


def test_a_prompt_may_open_the_thoughts() -> None:
    assert thinks_already("<|im_start|>assistant\n<think>\n")
    assert not thinks_already("<|im_start|>assistant\n")
    assert not thinks_already("<think>\n\n</think>\n\n")


def test_roles_go_by_the_names_of_models() -> None:
    """With what the publisher suggests to sample with."""
    assert role_of("IQuest-Coder-V1-40B-Loop-Instruct") is INSTRUCT
    assert role_of("iquest-coder-v1-14b-thinking.Q4_K_M") is THINKING
    assert THINKING.thinks and not INSTRUCT.thinks
    assert (INSTRUCT.sampling.temperature, INSTRUCT.sampling.top_p, INSTRUCT.sampling.top_k) == (
        0.6,
        0.85,
        20,
    )
