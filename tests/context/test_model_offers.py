"""Which edits a model is offered for, where, and over which lines."""

from __future__ import annotations

import pytest

from context.document import Document, Position
from context.refactor import Offer, Selection
from context.refactor.model_offers import (
    MOST_LINES,
    Diagnostic,
    instruction_of,
    model_offers,
    without_request,
)
from context.refactor.source_tree import SourceTree

PYTHON = '''import os


class A:
    @property
    def f(self, a, b=1):
        x = a
        # codeflow: use a list comprehension
        y = []
        for i in x:
            y.append(i)

        return y


def g(a: int) -> int:
    """Doc."""
    return a
'''
TYPESCRIPT = """/** Said. */
export function foo(a, b: number): number { return a }
class B { m(x: string): string { return x } } // codeflow: rename m to n
"""


def offers(
    text: str, language: str, start: tuple[int, int], end: tuple[int, int] | None = None, *said: Diagnostic
) -> list[Offer]:
    document = Document.of("file:///a", "a", language, 1, text)
    selection = Selection(Position(*start), Position(*(end or start)))
    return model_offers(document, SourceTree.of(document), selection, said)


@pytest.mark.parametrize(
    ("text", "language", "at", "expected"),
    [
        (PYTHON, "python", (0, 0), {}),
        (
            PYTHON,
            "python",
            (4, 4),
            {"write-docstring": (5, 12), "add-types": (5, 12), "write-tests": (5, 12)},
        ),
        (PYTHON, "python", (8, 9), {"edit": (7, 10), "write-docstring": (5, 12)}),
        (PYTHON, "python", (17, 4), {"write-tests": (15, 17), "explain": (15, 17)}),
        (TYPESCRIPT, "typescript", (1, 20), {"add-types": (1, 1), "explain": (1, 1)}),
        (TYPESCRIPT, "typescript", (2, 12), {"edit": (2, 2), "write-docstring": (2, 2)}),
        ("a = 1\n", "cobol", (0, 0), {}),
    ],
)
def test_offers_at_a_cursor(
    text: str, language: str, at: tuple[int, int], expected: dict[str, tuple[int, int]]
):
    """The function around the cursor, what it lacks, and what a comment asks for; over whole lines."""
    found = {
        offer.action: (offer.selection.start.line, offer.selection.end.line)
        for offer in offers(text, language, at)
    }
    assert expected.items() <= found.items() and bool(found) == bool(expected)
    assert all(not offer.exact for offer in offers(text, language, at))


def test_what_is_there_is_not_offered():
    """A documented function needs no documentation, an annotated one no types."""
    assert not {"write-docstring", "add-types"} & {o.action for o in offers(PYTHON, "python", (17, 4))}
    assert "write-docstring" not in {o.action for o in offers(TYPESCRIPT, "typescript", (1, 20))}


def test_a_diagnostic_is_a_quick_fix():
    """First in the list, over the function it stands in, with its line in the instruction."""
    said = Diagnostic(Selection(Position(8, 8), Position(8, 9)), "y is\nbad " + "x" * 80)
    (fix,) = [o for o in offers(PYTHON, "python", (8, 8), None, said) if o.kind == "quickfix"]
    assert fix.title.startswith("Fix: y is bad x") and fix.title.endswith("…")
    assert "line 9: y is\nbad" in instruction_of(fix) and fix.selection.start == Position(5, 0)


def test_a_selection_can_be_guarded():
    """Whole lines, without the one that the selection only touches; too many are refused with a reason."""
    (offer,) = [o for o in offers(PYTHON, "python", (8, 3), (10, 0)) if o.action == "add-error-handling"]
    assert offer.selection == Selection(Position(8, 0), Position(9, 19)) and not offer.disabled
    many = "x = 1\n" * (MOST_LINES + 1)
    (offer,) = [
        o for o in offers(many, "python", (0, 0), (MOST_LINES, 2)) if o.action == "add-error-handling"
    ]
    assert str(MOST_LINES + 1) in offer.disabled


def test_the_comment_that_asked_goes():
    """Alone on its line the line goes, behind code only the comment."""
    assert without_request(PYTHON) == PYTHON.replace("        # codeflow: use a list comprehension\n", "")
    assert without_request("a; // codeflow: do\r\nb\n") == "a;\r\nb\n"
    assert without_request("no codeflow: here\n") == "no codeflow: here\n"
