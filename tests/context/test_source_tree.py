"""Positions in code points and bytes of a syntax tree, both ways."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from context.document import Document, Position
from context.refactor import Selection
from context.refactor.source_tree import SourceTree


def tree_of(text: str, language: str = "python") -> SourceTree:
    found = SourceTree.of(Document.of("file:///a", "a", language, 1, text))
    assert found is not None
    return found


@given(st.lists(st.sampled_from(["x", "é", "\U0001f600", "\ud800", " ", "\n", "\r\n", "\r"]), max_size=30))
def test_every_position_comes_back(parts: list[str]) -> None:
    """Bytes and positions map one to one, whatever the characters and line ends."""
    tree = tree_of("".join(parts))
    for line in range(len(tree.document.lines)):
        for column in range(len(tree.document.line(line)) + 1):
            at = Position(line, column)
            assert tree.position(tree.byte(at)) == at


def test_a_selection_is_a_node_where_it_is_one() -> None:
    """Blanks around an expression do not matter; half an expression is none."""
    tree = tree_of("é = f(a + b, c)\n")
    node = tree.exactly(Selection(Position(0, 6), Position(0, 11)))
    assert node is not None and node.type == "binary_operator" and tree.text(node) == "a + b"
    assert tree.span(node) == Selection(Position(0, 6), Position(0, 11))
    wider = tree.exactly(Selection(Position(0, 12), Position(0, 14)))
    assert wider is not None and tree.text(wider) == "c"
    assert tree.exactly(Selection(Position(0, 8), Position(0, 11))) is None
    assert tree.exactly(Selection(Position(0, 6), Position(0, 6))) is None
    assert tree.smallest(Selection(Position(0, 8), Position(0, 11))).type == "binary_operator"
