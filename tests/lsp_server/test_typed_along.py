"""What is left of a suggestion while somebody types. The cases are data, in tests/golden/typed_along.toml."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from context.document import Document, Position
from lsp_server.place import Place
from lsp_server.trim import Shown
from lsp_server.typed_along import TypedAlong

GOLDEN = Path(__file__).parents[1] / "golden" / "typed_along.toml"
CASES = tomllib.loads(GOLDEN.read_text("utf-8"))["case"]


def plain(text: str) -> str:
    """A text of the golden file with its tabs and carriage returns."""
    return text.replace("→", "\t").replace("␍", "\r")


def place_of(before: str, after: str, uri: str = "file:///case.py") -> Place:
    """A place between two texts."""
    document = Document.of(uri, "case.py", "python", 1, before + after)
    column = len(before) - max(before.rfind("\n"), before.rfind("\r")) - 1
    line = len(Document.of(uri, "", "", 1, before).lines) - 1
    return Place(document, Position(line, column))


def marked(text: str) -> Place:
    before, after = plain(text).split("█")
    return place_of(before, after)


def offered(place: Place, accepted: str) -> Shown:
    """The suggestion whose acceptance, marked, is ``accepted``."""
    before, rest = plain(accepted).split("⟦")
    text, after = rest.split("⟧")
    assert before == place.document.text[: len(before)], "the case's two texts differ"
    return Shown(text, len(place.document.text) - len(before) - len(after))


def accepted(place: Place, shown: Shown) -> str:
    before = "".join(place.document.lines[: place.position.line]) + place.head
    return f"{before}⟦{shown.text}⟧{place.document.text[len(before) + shown.replaced :]}"


@pytest.mark.parametrize("case", [pytest.param(case, id=case["name"]) for case in CASES])
def test_what_is_left(case: dict[str, Any]) -> None:
    memory, place = TypedAlong(), marked(case["text"])
    memory.remember(place, offered(place, case["offered"]), "key")
    now = marked(case["now"])
    found = memory.find(now)
    if case["rest"] is False:
        assert found is None
    else:
        assert found is not None
        assert accepted(now, found[0]) == plain(case["rest"])


lines = st.text("ab (){}[]\"':.", max_size=6)
texts = st.lists(lines, min_size=1, max_size=4)


@given(
    above=st.lists(lines, max_size=3),
    head=lines,
    text=texts,
    tail=st.sampled_from(["", ")", '")', "):", "  ", " + 1", "b)"]),
    below=st.lists(lines, max_size=2),
    end=st.sampled_from(["\n", "\r\n"]),
    data=st.data(),
)
def test_typing_a_part_and_accepting_the_rest_is_accepting_at_once(
    above: list[str], head: str, text: list[str], tail: str, below: list[str], end: str, data: st.DataObject
) -> None:
    end = end if above or below else "\n"  # a document of one line has no line end to take over
    suggestion = end.join(text)
    before = "".join(line + end for line in above) + head
    after = "".join(end + line for line in below)
    place = place_of(before, tail + after)
    replaced = len(tail) if place.tail_is_replaced else 0
    typed = data.draw(st.integers(0, len(suggestion)))
    assume(not suggestion[:typed].endswith("\r"))
    memory = TypedAlong()
    memory.remember(place, Shown(suggestion, replaced), "key")
    now = place_of(before + suggestion[:typed], tail[replaced:] + after)
    found = memory.find(now)
    left = suggestion[typed:]
    if not left.strip():
        assert found is None
    else:
        assert found is not None
        shown, key = found
        assert (shown.text, key) == (left, "key")
        at_once = before + suggestion + tail[replaced:] + after
        start = len(before) + typed
        assert now.document.text[:start] + shown.text + now.document.text[start + shown.replaced :] == at_once


def test_deleting_back_shows_an_earlier_suggestion_again() -> None:
    memory = TypedAlong()
    memory.remember(place_of("total = ", "\n"), Shown("sum(values)"), "first")
    memory.remember(place_of("total = m", "\n"), Shown("ax(values)"), "second")
    assert memory.find(place_of("total = ma", "\n")) == (Shown("x(values)"), "second")
    assert memory.find(place_of("total = ", "\n")) == (Shown("sum(values)"), "first")


def test_a_closed_document_and_another_one_know_nothing() -> None:
    memory, place = TypedAlong(), place_of("total = ", "\n")
    memory.remember(place, Shown("sum(values)"), "key")
    assert memory.find(place_of("total = ", "\n", uri="file:///other.py")) is None
    memory.forget(place.document.uri)
    assert memory.find(place) is None


def test_only_the_latest_suggestions_are_remembered() -> None:
    memory = TypedAlong()
    for number in range(40):
        memory.remember(place_of(f"a{number} = ", "\n"), Shown("sum(values)"), str(number))
    assert memory.find(place_of("a39 = ", "\n")) is not None
    assert memory.find(place_of("a0 = ", "\n")) is None
