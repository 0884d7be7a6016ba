"""A document with its syntax tree: nodes by position, positions by node.

tree-sitter counts bytes of UTF-8; here that begins and ends. The tree may hold errors: a document that is
being written has them.
"""

from __future__ import annotations

from bisect import bisect_right
from functools import cached_property
from typing import TYPE_CHECKING

from context.document import Document, Position
from context.language import language_named
from context.outline.query import dialect, parse, source_of
from context.refactor.values import Selection

if TYPE_CHECKING:
    from tree_sitter import Node, Tree


class SourceTree:
    """Immutable. ``source`` is the document's text as the tree's bytes."""

    def __init__(self, document: Document, tree: Tree) -> None:
        self.document, self.tree, self.source = document, tree, source_of(document.text)

    @classmethod
    def of(cls, document: Document) -> SourceTree | None:
        """Parsed anew; None where the language has no grammar."""
        language = dialect(language_named(document.language), document.text)
        tree = parse(language, source_of(document.text))
        return cls(document, tree) if tree is not None else None

    @cached_property
    def root(self) -> Node:
        """The whole file's node."""
        return self.tree.root_node

    def text(self, node: Node) -> str:
        """What a node spans."""
        return self.source[node.start_byte : node.end_byte].decode("utf-8", "replace")

    def span(self, node: Node) -> Selection:
        """Where a node stands."""
        return Selection(self.position(node.start_byte), self.position(node.end_byte))

    def position(self, byte: int) -> Position:
        """The position of a byte that begins a character."""
        line = self._line_of(byte)
        head = self.source[self._starts[line] : byte]
        return Position(line, len(head.decode("utf-8", "replace")))

    def byte(self, position: Position) -> int:
        """Where a position lies in the source; clamped to the document."""
        line, column = self.document.clamp(position)
        head = self.document.lines[line][:column]
        return self._starts[line] + len(head.encode("utf-8", "replace"))

    def trimmed(self, selection: Selection) -> tuple[int, int]:
        """A selection's bytes without the blanks at its ends; a cursor stays where it is."""
        start, end = self.byte(selection.start), self.byte(selection.end)
        part = self.source[start:end]
        if not part.strip():
            return start, start
        return start + len(part) - len(part.lstrip()), end - (len(part) - len(part.rstrip()))

    def smallest(self, selection: Selection) -> Node:
        """The smallest named node around a selection, blanks at its ends left out."""
        start, end = self.trimmed(selection)
        return self.root.named_descendant_for_byte_range(start, end) or self.root

    def exactly(self, selection: Selection) -> Node | None:
        """The outermost named node that spans what was selected, blanks left out; None where none does."""
        start, end = self.trimmed(selection)
        node = self.root.named_descendant_for_byte_range(start, end)
        if start == end or node is None or (node.start_byte, node.end_byte) != (start, end):
            return None
        while (above := node.parent) is not None and (above.start_byte, above.end_byte) == (start, end):
            node = above
        return node

    @cached_property
    def _starts(self) -> list[int]:
        starts, at = [], 0
        for line in self.document.lines:
            starts.append(at)
            at += len(line) if line.isascii() else len(line.encode("utf-8", "replace"))
        return starts

    def _line_of(self, byte: int) -> int:
        return bisect_right(self._starts, byte) - 1
