"""What clients report of a suggestion is counted once, however they report it. A case is a row of events."""

from __future__ import annotations

from typing import Any

import pytest

from context.document import Position
from lsp_server.fates import Acceptance, Fates, Offer

WHOLE = "sum(values) + 1"


def offer(text: str, column: int = 8, known: int = 0) -> Offer:
    return Offer("file:///a.py", Position(0, column), text, known)


def given(text: str, column: int = 8, known: int = 0) -> tuple[Any, ...]:
    return "given", [offer(text, column, known)]


def partly(units: int, item: str | None = None) -> tuple[Any, ...]:
    return "partly", item, units


WHOLLY = ("wholly",)

# characters saved, suggestions accepted whole, suggestions accepted in part; after each report
CASES: dict[str, tuple[list[tuple[Any, ...]], list[tuple[int, int, int]]]] = {
    "at once": ([given(WHOLE), WHOLLY], [(15, 1, 0)]),
    "twice is once": ([given(WHOLE), WHOLLY, WHOLLY], [(15, 1, 0), (0, 0, 0)]),
    "what was typed along is not saved": ([given(WHOLE), given("values) + 1", 12), WHOLLY], [(11, 1, 0)]),
    "a word": ([given(WHOLE), partly(3, WHOLE)], [(3, 0, 1)]),
    "word by word, of the item as it was first given": (
        [given(WHOLE), partly(3, WHOLE), partly(11, WHOLE)],
        [(3, 0, 1), (8, 0, 0)],
    ),
    "word by word, of what is given anew": (
        [given(WHOLE), partly(3, WHOLE), given("(values) + 1", 11), partly(8, "(values) + 1")],
        [(3, 0, 1), (8, 0, 0)],
    ),
    "the same word reported twice": ([given(WHOLE), partly(3), partly(3)], [(3, 0, 1), (0, 0, 0)]),
    "a word, then the rest": ([given(WHOLE), partly(3, WHOLE), WHOLLY], [(3, 0, 1), (12, 1, -1)]),
    "a word, then the rest as it is given anew": (
        [given(WHOLE), partly(3, WHOLE), given("(values) + 1", 11), WHOLLY],
        [(3, 0, 1), (12, 1, -1)],
    ),
    "a word, a letter typed, then the rest": (
        [given(WHOLE), partly(3, WHOLE), given("values) + 1", 12), WHOLLY],
        [(3, 0, 1), (11, 1, -1)],
    ),
    "word by word to the end is whole": ([given(WHOLE), partly(3), partly(15)], [(3, 0, 1), (12, 1, -1)]),
    "whole, and reported as a part as well": ([given(WHOLE), WHOLLY, partly(15)], [(15, 1, 0), (0, 0, 0)]),
    "a part that was reported to the end, and whole": (
        [given(WHOLE), partly(15), WHOLLY],
        [(15, 1, 0), (0, 0, 0)],
    ),
    "a bracket that was there is not saved": ([given("values)", known=1), WHOLLY], [(6, 1, 0)]),
    "all but a bracket that was there is all": ([given("values)", known=1), partly(6)], [(6, 1, 0)]),
    "an item that goes on from the menu's entry": (
        [given("(values)"), partly(4, "sum(values)")],
        [(1, 0, 1)],
    ),
    "UTF-16 units": ([given("'👋' + a"), partly(4, "'👋' + a")], [(3, 0, 1)]),
    "more units than there are": ([given(WHOLE), partly(99)], [(15, 1, 0)]),
    "no unit at all": ([given(WHOLE), partly(0), partly(-3)], [(0, 0, 0), (0, 0, 0)]),
    "line ends of the document": (
        [given("a:\r\n    b"), partly(4, "a:\r\n    b"), WHOLLY],
        [(3, 0, 1), (5, 1, -1)],
    ),
    "deleting back and accepting again": (
        [given(WHOLE), partly(3), given(WHOLE), partly(3), partly(11)],
        [(3, 0, 1), (0, 0, 0), (8, 0, 0)],
    ),
}


@pytest.mark.parametrize(("events", "counted"), CASES.values(), ids=CASES)
def test_counted_once(events: list[tuple[Any, ...]], counted: list[tuple[int, int, int]]) -> None:
    fates, found = Fates(), []
    for what, *values in events:
        if what == "given":
            fates.offered("c1", "python", values[0])
            continue
        if what == "wholly":
            new = fates.accepted("c1")
        else:
            new = fates.partly_accepted("c1", item=values[0], units=values[1])
        found.append((new.characters, new.accepted, new.partly) if new else (0, 0, 0))
    assert found == counted


def test_where_the_accepted_text_stands() -> None:
    fates = Fates()
    fates.offered("c1", "python", [offer("if a:\n    b()\n", 4)])
    assert fates.partly_accepted("c1", item=None, units=5) == Acceptance(
        "python", 5, 0, 1, "file:///a.py", "if a:", Position(0, 4), Position(0, 9)
    )
    rest = fates.accepted("c1")
    assert rest is not None
    assert (rest.text, rest.start, rest.end) == ("\n    b()\n", Position(0, 9), Position(2, 0))


def test_the_candidate_that_was_chosen_is_the_one_that_counts() -> None:
    fates = Fates()
    fates.offered("c1", "go", [offer("a"), offer("bcd")])
    new = fates.accepted("c1", 1)
    assert new is not None and (new.characters, new.language) == (3, "go")
    fates.offered("c2", "go", [offer("a"), offer("bcd")])
    fates.offered("c2", "go", [offer("cd", 9)])  # the second one, typed along
    new = fates.accepted("c2")
    assert new is not None and new.characters == 2


def test_a_suggestion_is_new_and_shown_once_and_an_unknown_one_never() -> None:
    fates = Fates()
    assert fates.offered("c1", "go", [offer("ab")])
    assert not fates.offered("c1", "go", [offer("b", 9)])
    assert [fates.shown(key) for key in ("c1", "c1", "c9", "")] == ["go", None, None, None]
    assert fates.accepted("c9") is None
    assert fates.partly_accepted("", item="ab", units=1) is None


def test_only_the_latest_suggestions_are_followed() -> None:
    fates = Fates()
    for number in range(600):
        fates.offered(f"c{number}", "go", [offer("ab")])
    assert fates.accepted("c1") is None
    assert fates.accepted("c599") is not None
