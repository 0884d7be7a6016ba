"""Exact refactorings by syntax trees: golden files of before and after, and what must never happen.

A golden file is a list of cases: "=== LANGUAGE: fact", the text with its selection between « and »
(nothing between them is a cursor), then "---" and the text after, or "--- nothing", "--- disabled: sentence",
"--- refused: sentence". "=== LANGUAGE: fact (name: x)" asks for a name.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import pytest

from context.document import Document, Position
from context.refactor import Offer, Refused, Selection
from context.refactor.grammar import ACTIONS
from context.refactor.source_tree import SourceTree

GOLDEN = Path(__file__).parent / "golden" / "refactor_grammar"


class Case(NamedTuple):
    action: str
    language: str
    fact: str
    name: str
    before: str
    verdict: str
    after: str


def cases() -> list[Case]:
    found = []
    for path in sorted(GOLDEN.glob("*.txt")):
        for part in re.split(r"^=== ", path.read_text("utf-8"), flags=re.M)[1:]:
            head, rest = part.split("\n", 1)
            language, fact = head.split(": ", 1)
            name = re.search(r" \(name: (.*)\)$", fact)
            split = re.fullmatch(r"(.*?)^---(?: ([^\n]*))?\n(.*)", rest, re.M | re.S)
            assert split, f"{path.name}: {head}"
            action = path.stem.replace("_", "-")
            found.append(
                Case(
                    action, language, fact, name[1] if name else "", *(part or "" for part in split.groups())
                )
            )
    return found


def selected(language: str, marked: str) -> tuple[Document, Selection]:
    """The document without its marks, and what stood between the first two that hold something."""
    text, marks = "", []
    for part in re.split("([«»])", marked.replace("«»", "") if re.search("«[^»]", marked) else marked):
        if part in ("«", "»"):
            marks.append(len(text))
        else:
            text += part
    document = Document.of("file:///a", "a", language, 1, text)
    start, end = (position(text, mark) for mark in marks[:2])
    return document, Selection(start, end)


def position(text: str, offset: int) -> Position:
    head = text[:offset]
    return Position(head.count("\n"), offset - (head.rfind("\n") + 1))


def offered(action: str, document: Document, selection: Selection) -> Offer | None:
    tree = SourceTree.of(document)
    assert tree is not None
    return ACTIONS[action].find(tree, selection)


@pytest.mark.parametrize("case", cases(), ids=lambda case: f"{case.action}: {case.language}: {case.fact}")
def test_golden(case: Case) -> None:
    """What is offered, and what becomes of the text, is as written down."""
    document, selection = selected(case.language, case.before)
    offer = offered(case.action, document, selection)
    if case.verdict == "nothing":
        assert offer is None
        return
    assert offer is not None
    if case.verdict.startswith("disabled: "):
        assert offer.disabled == case.verdict.removeprefix("disabled: ")
        return
    assert not offer.disabled
    if case.verdict.startswith("refused: "):
        with pytest.raises(Refused) as refused:
            ACTIONS[case.action].perform(document, offer, case.name)
        assert str(refused.value) == case.verdict.removeprefix("refused: ")
        return
    ((changed, text),) = ACTIONS[case.action].perform(document, offer, case.name).texts
    assert changed is document
    assert text == case.after
