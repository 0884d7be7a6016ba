"""Edits between two texts: exact both ways, small, and fast."""

from __future__ import annotations

import time
from difflib import SequenceMatcher
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from context.document import Document, split_lines
from context.refactor.difference import (
    LineChange,
    _anchors,
    _without_common_ends,
    applied,
    difference,
    line_changes,
)

PIECES = ["a", "b", "é", "\U0001f600", "name", " ", "\t", "\n", "\n", "\r\n", "\r", "x = 1\n", "    "]
TEXTS = st.lists(st.sampled_from(PIECES), max_size=40).map("".join)


def document(text: str) -> Document:
    return Document.of("file:///a.py", "a.py", "python", 1, text)


@given(TEXTS, TEXTS)
def test_edits_make_the_new_text_and_undo_it(old: str, new: str) -> None:
    """Applying the edits gives the new text, the edits back give the old one; none touches another."""
    before, after = document(old), document(new)
    edits = difference(before, new)
    assert applied(before, edits) == new
    assert applied(after, difference(after, old)) == old
    for edit, following in pairwise(edits):
        assert edit.start and edit.end and following.start and edit.start <= edit.end < following.start


@given(TEXTS, TEXTS)
def test_one_by_one_from_the_end_is_the_same(old: str, new: str) -> None:
    """An editor that applies them from the last to the first has the same text: each position is one."""
    now = document(old)
    for edit in reversed(difference(now, new)):
        assert edit.start and edit.end and (now.clamp(edit.start), now.clamp(edit.end)) == edit[1:]
        now = now.apply(edit, 2)
    assert now.text == new


@given(st.lists(st.integers(0, 6), max_size=30), st.lists(st.integers(0, 6), max_size=30))
def test_unchanged_lines_stay(old: list[int], new: list[int]) -> None:
    """Between two changes stand equal lines. They match as many lines as a plain search or nearly so, but
    where a line that both have once says more than many that are everywhere."""
    sides = [[f"{number}\n" for number in side] for side in (old, new)]
    at_old = at_new = kept = 0
    for change in (*line_changes(*sides), (len(old), len(old), len(new), len(new))):
        equal = sides[0][at_old : change[0]]
        assert equal == sides[1][at_new : change[2]]
        kept += len(equal)
        at_old, at_new = change[1], change[3]
    plain = sum(
        block.size for block in SequenceMatcher(None, sides[0], sides[1], False).get_matching_blocks()
    )
    part = _without_common_ends(sides[0], sides[1], LineChange(0, len(old), 0, len(new)))
    assert kept >= (1 if _anchors(sides[0], sides[1], part) else plain / 2)


Expected = tuple[str, tuple[int, int], tuple[int, int]]
CASES: list[tuple[str, str, str, list[Expected]]] = [
    # what, the old text, the new one, the edits
    ("a word", "x = total + 1\n", "x = amount + 1\n", [("amount", (0, 4), (0, 9))]),
    ("a word's end", "call(arg)\n", "call(args)\n", [("args", (0, 5), (0, 8))]),
    ("an argument", "f(a, c)\n", "f(a, b, c)\n", [("b, ", (0, 5), (0, 5))]),
    ("lines", "a\nb\nc\n", "a\nx\ny\nb\nc\n", [("x\ny\n", (1, 0), (1, 0))]),
    ("deleted lines", "a\nb\nc\n", "a\nc\n", [("", (1, 0), (2, 0))]),
    ("two lines", "a = 1\nb\nc = 1\n", "a = 2\nb\nc = 2\n", [("2", (0, 4), (0, 5)), ("2", (2, 4), (2, 5))]),
    ("indentation", "a\nb\n", "if x:\n  a\n  b\n", [("if x:\n  ", (0, 0), (0, 0)), ("  ", (1, 0), (1, 0))]),
    ("final newline", "a", "a\n", [("\n", (0, 1), (0, 1))]),
    ("no final newline", "a\n", "a", [("", (0, 1), (1, 0))]),
    ("line end", "a\r\nb\r\n", "a\nb\r\n", [("\n", (0, 1), (1, 0))]),
    ("nothing", "a\r\nb", "a\r\nb", []),
    ("everything", "", "a\n", [("a\n", (0, 0), (0, 0))]),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "expected"), [case[1:] for case in CASES], ids=[c[0] for c in CASES])
def test_edits_are_small(old: str, new: str, expected: list[Expected]) -> None:
    """What is replaced is the words that differ, not the lines around them."""
    assert [tuple(edit) for edit in difference(document(old), new)] == expected


LONG = "".join(f"value_{number} = compute({number % 50})\n\n" for number in range(10_000))
HARD = [
    ("one line", LONG, LONG.replace("value_5000 =", "other =")),
    ("every line", LONG, "".join("    " + line for line in LONG.splitlines(True))),
    ("every second line", LONG, LONG.replace("value_", "v_")),
    ("reversed", LONG, "".join(reversed(LONG.splitlines(True)))),
    ("repetition", "a\nb\n" * 10_000, "b\nb\na\n" * 7_000),
    ("another text", LONG, "".join(f"{number * 7}\n" for number in range(20_000))),
    ("one long line", "x" * 1_000_000, "x" * 400_000 + "y" + "x" * 600_000),
    ("two long lines", "a " * 500_000, "b " + "a " * 499_998 + "b "),
]


@pytest.mark.parametrize(("old", "new"), [case[1:] for case in HARD], ids=[case[0] for case in HARD])
def test_large_texts_take_less_than_a_second(old: str, new: str) -> None:
    """20,000 lines and lines of a megabyte are compared in a second."""
    before = document(old)
    started = time.process_time()
    edits = difference(before, new)
    assert time.process_time() - started < 1
    assert applied(before, edits) == new


def test_lines_that_moved_are_moved() -> None:
    """A function that is cut out and put elsewhere leaves the one it passes untouched."""
    one, two = "def one():\n    return 1\n\n\n", "def two():\n    x = 1\n    return x\n\n\n"
    before = document(one + two + "end\n")
    edits = difference(before, two + one + "end\n")
    assert sum(len(split_lines(edit.text)) - 1 for edit in edits) == 4


def test_edits_that_overlap_are_an_error() -> None:
    """Edits that are not in order are refused, not applied somehow."""
    before = document("abc\n")
    edits = difference(before, "xbc\n")
    with pytest.raises(ValueError, match="line 1"):
        applied(before, edits * 2)
