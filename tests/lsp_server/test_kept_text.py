"""How much of an accepted text is still there. A case is a document with it in ⟦⟧ and what came of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from context.document import Position, split_lines
from lsp_server.kept_text import Accepted, kept_letters, letters


def accepted(marked: str) -> Accepted:
    before, rest = marked.split("⟦")
    text, after = rest.split("⟧")

    def end(whole: str) -> Position:
        return Position(whole.count("\n"), len(whole) - whole.rfind("\n") - 1)

    return Accepted("file:///a", split_lines(before + text + after), end(before), end(before + text))


LOOP = "def f(items):\n    total = 0\n    ⟦for item in items:\n        total += item⟧\n    return total\n"

CASES = {
    "untouched": ("total = ⟦sum(values)⟧\n", "total = sum(values)\n", 11, 11),
    "typed on behind it": ("total = ⟦sum(values)⟧\n", "total = sum(values) + 1\n", 11, 11),
    "lines came above and below": ("a\n⟦b = 1⟧\nc\n", "x\ny\na\nz\nb = 1\nq\nc\n", 3, 3),
    "deleted": ("a\n⟦b = 1⟧\nc\n", "a\nc\n", 0, 3),
    "all is gone": ("a\n⟦b = 1⟧\nc\n", "", 0, 3),
    "one word of it was changed": ("total = ⟦sum(values)⟧\n", "total = max(values)\n", 8, 11),
    "another right side": ("total = ⟦sum(values)⟧\n", "total = 3\n", 0, 11),
    "what stood before it does not count": ("total = ⟦sum(values)⟧\n", "count = sum(values)\n", 11, 11),
    "one of its lines was deleted": (LOOP, LOOP.replace("\n        total += item", ""), 15, 26),
    "indented anew": (LOOP, LOOP.replace("\n", "\n  "), 26, 26),
    "formatted": ("x = ⟦f(a,b)⟧\n", "x = f(\n    a, b\n)\n", 6, 6),
    "moved elsewhere is gone": ("⟦alpha = 1⟧\nb\nc\nd\ne\n", "b\nc\nd\ne\nalpha = 1\n", 0, 7),
    "a word that was begun by hand": ("total = su⟦m(values)⟧\n", "total = sum(values) / 2\n", 9, 9),
    "an equal line elsewhere is not it": ("⟦x = 1⟧\na\nb\nx = 1\n", "a\nb\nx = 1\n", 0, 3),
    "beyond the first plane": ("print(⟦'👋 wörld'⟧)\n", "print('👋 wörld', end='')\n", 8, 8),
}


@pytest.mark.parametrize(("before", "after", "kept", "of"), CASES.values(), ids=CASES)
def test_kept(before: str, after: str, kept: int, of: int) -> None:
    later = split_lines(after.replace("⟦", "").replace("⟧", ""))
    assert kept_letters(accepted(before), later) == (kept, of)


lines = st.lists(st.text("ab( )=1", max_size=8), max_size=6)


@given(lines, lines, lines, lines)
def test_never_more_than_there_was_and_all_of_it_where_nothing_changed(
    above: list[str], text: list[str], below: list[str], later: list[str]
) -> None:
    whole = "\n".join(above) + "⟦" + "\n".join(text) + "⟧" + "\n".join(below)
    place = accepted(whole)
    of = letters("\n".join(text))
    assert kept_letters(place, place.lines) == (of, of)
    kept, counted = kept_letters(place, later or ("",))
    assert 0 <= kept <= counted == of


def test_a_stretch_of_thousands_of_changed_words_is_compared_by_lines() -> None:
    """Quadratic time would be seconds; what is still there as a line counts."""
    old = "".join(f"x = {n % 2}\n" for n in range(3000))
    new = "".join(f"y = {n % 2}\n" for n in range(3000)) + "z = 5\n"
    assert kept_letters(accepted("a = 1\n⟦z = 5\nw = 6⟧\n" + old), split_lines(new)) == (3, 6)
