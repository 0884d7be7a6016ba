"""What is shown of what a model wrote. The cases are data, in tests/golden/shown.toml."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from context.document import Document, Position
from lsp_server.place import Place
from lsp_server.trim import Shown, is_finished, trim

GOLDEN = Path(__file__).parents[1] / "golden" / "shown.toml"
CASES = tomllib.loads(GOLDEN.read_text("utf-8"))["case"]


def plain(text: str) -> str:
    """A text of the golden file with its tabs and carriage returns."""
    return text.replace("→", "\t").replace("␍", "\r")


def place_of(text: str, language: str) -> Place:
    """The place of the cursor in a marked text."""
    before, after = plain(text).split("█")
    document = Document.of("file:///case", "case", language, 1, before + after)
    line = before.count("\n")
    return Place(document, Position(line, len(before) - before.rfind("\n") - 1))


def accepted(place: Place, shown: Shown) -> str:
    """The document with a suggestion in it, marked."""
    before = "".join(place.document.lines[: place.position.line]) + place.head
    after = place.document.text[len(before) + shown.replaced :]
    return f"{before}⟦{shown.text}⟧{after}"


def stopped(place: Place, raw: str) -> str:
    """What the engine would have generated of ``raw``, one character at a time."""
    return next((raw[:end] for end in range(len(raw) + 1) if is_finished(place, raw[:end])), raw)


@pytest.mark.parametrize("case", [pytest.param(case, id=case["name"]) for case in CASES])
def test_shown(case: dict[str, Any]) -> None:
    place, raw = place_of(case["text"], case["language"]), plain(case["raw"])
    shown = trim(place, raw)
    if case["shown"] is False:
        assert shown is None
    else:
        assert shown is not None
        assert accepted(place, shown) == plain(case["shown"])


@pytest.mark.parametrize("case", [pytest.param(case, id=case["name"]) for case in CASES])
def test_stopping_early_shows_the_same(case: dict[str, Any]) -> None:
    place, raw = place_of(case["text"], case["language"]), plain(case["raw"])
    assert trim(place, stopped(place, raw)) == trim(place, raw)


LANGUAGES = ["python", "typescript", "go", "rust", "c", "ruby", "lua", "shellscript", "yaml", "plaintext"]
_PIECES = [
    *("a", "x = 1", "if x:", "else:", "elsewhere", "for", "do", "end", "return", "return x;", "@a", "ab, "),
    *("(", ")", "[", "]", "{", "}", "'", '"', '"""', "'''", "`", "#", "//", "/*", "*/", "--", "\\", "<", ">"),
    *(
        "\n",
        "\n",
        "\n    ",
        "\n        ",
        "\n  ",
        "\n\t",
        "    ",
        " ",
        "\t",
        "\r\n",
        "\r",
        ";",
        ":",
        ",",
        ".",
    ),
    *("<|im_end|>", "é", "👋", "\ud800"),
]
code = st.lists(st.sampled_from(_PIECES), max_size=20).map("".join)


def place_between(before: str, after: str, language: str) -> Place:
    """The place between two texts that need not fit together."""
    document = Document.of("file:///any", "any", language, 1, before + after)
    start = Document.of("file:///any", "any", language, 1, before)
    line = len(start.lines) - 1
    return Place(document, document.clamp(Position(line, len(start.line(line)))))


@settings(max_examples=300, deadline=None)  # the first call of a language builds its patterns
@given(code, code, st.sampled_from(LANGUAGES), code)
def test_any_text_stopped_early_shows_the_same(before: str, after: str, language: str, raw: str) -> None:
    place = place_between(before, after, language)
    assert trim(place, stopped(place, raw)) == trim(place, raw)


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=40), st.text(max_size=40), st.sampled_from(LANGUAGES), st.text(max_size=60))
def test_any_text_is_shown_or_not_but_raises_nothing(
    before: str, after: str, language: str, raw: str
) -> None:
    place = place_between(before, after, language)
    is_finished(place, raw)
    shown = trim(place, raw)
    assert shown is None or (shown.text.strip() and 0 <= shown.replaced <= len(place.tail))


@settings(max_examples=200, deadline=None)
@given(code, st.sampled_from(LANGUAGES), code)
def test_a_replaced_rest_of_the_line_loses_no_closer(before: str, language: str, raw: str) -> None:
    """Whatever the model wrote, the brackets that the editor closed are closed once it is accepted."""
    place = place_between(before + "f(g[", "])\n", language)
    shown = trim(place, raw)
    if shown is not None and not place.at_cursor.inside:
        assert shown.text.count("]") >= 1
        assert shown.text.count(")") >= 1
