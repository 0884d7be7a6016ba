"""One name in many files: what an edit of its definition asks of them, and what becomes of each."""

from __future__ import annotations

import pytest

from context.document import Document, Position
from context.edit_log import RecentEdit
from context.next_edit.changes import runs_of
from context.refactor.everywhere import Spread, calls, renamed, spread_of


@pytest.mark.parametrize(
    ("before", "after", "spread"),
    [
        ("def load(url):\n", "def fetch(url):\n", Spread("load", "fetch")),
        ("    def load(self, url):\n", "    def load(self, url, n):\n", Spread("load", "load", "n")),
        ("def load(u: str) -> str:\n", "def load(u: str, *, n: str) -> str:\n", Spread("load", "load", "n")),
        ("def load(url):\n", "def load(url, retries=3):\n", None),
        ("function load(u: U) {\n", "function load(u: U, n: number) {\n", Spread("load", "load", "n")),
        ("x = load(url)\n", "x = fetch(url)\n", None),
        ("def load(url):\n", "def load(address):\n", None),
    ],
)  # fmt: skip
def test_what_an_edit_asks_of_other_places(before: str, after: str, spread: Spread | None):
    """Another name, or one more parameter that has to be passed; nothing where callers may stay."""
    edits = (RecentEdit("file:///a", "a", 4, (before,), (after,)),)
    assert spread_of(runs_of(edits, "file:///a", Position(4, 0)), "file:///a", 4) == spread
    assert spread_of(runs_of(edits, "file:///a", Position(4, 0)), "file:///a", 9) is None


def document(text: str, language: str = "python") -> Document:
    return Document.of("file:///a", "a", language, 1, text)


def test_strings_and_comments_keep_the_old_name():
    """Identifiers only, non-ASCII before them or not; None where there is none."""
    text = "'😀'; load(load_all, x.load)  # load\r\n'load'\r\n"
    assert renamed(document(text), "load", "fetch") == text.replace("load(", "fetch(").replace(
        "x.load", "x.fetch"
    )
    assert renamed(document("'load'\n"), "load", "fetch") is None


def test_where_a_further_argument_belongs():
    """Behind the last argument, or between the brackets; calls inside of calls too."""
    text = "é = load(load(), a,  # why\n  b)\nother.load(*c)\nload\n"
    places = calls(document(text), "load")
    assert [(text[:at][-5:], empty) for at, empty in places] == [
        ("load(", True),
        ("y\n  b", False),
        ("ad(*c", False),
    ]
    assert calls(document("load(a);\n", "typescript"), "load") == [(6, False)]
