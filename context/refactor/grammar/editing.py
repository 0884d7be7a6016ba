"""Changes at a syntax tree's bytes to a document's new text; indentation, line ends, semicolons, free names.

Everything that is not named in a change stays as it is, character by character.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import cached_property
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

from context.document import Position, end_of, line_end
from context.refactor.grammar.names import Name
from context.refactor.grammar.tables import Table
from context.refactor.grammar.walking import walk
from context.refactor.values import Refused

if TYPE_CHECKING:
    from tree_sitter import Node

    from context.refactor.source_tree import SourceTree

_IDENTIFIER = re.compile(r"[^\W\d]\w*")
_WORD = re.compile(r"[\w$]")
_HAZARDS = ("(", "[", "`", "+", "-", "/", "*", ".", ",", "?")  # JavaScript joins these to the line above
_VERBATIM = ("template_string", "string", "raw_string_literal")
_OPEN_ENDED = (
    "expression_statement",
    "lexical_declaration",
    "variable_declaration",
    "return_statement",
    "throw_statement",
)


class Change(NamedTuple):
    """Replace bytes ``start`` to ``end`` by ``text``."""

    start: int
    end: int
    text: str


class Editing:
    """One document that is being changed."""

    def __init__(self, tree: SourceTree, table: Table) -> None:
        self.tree, self.table, self.document = tree, table, tree.document

    @cached_property
    def _starts(self) -> list[int]:
        return [0, *accumulate(len(line) for line in self.document.lines)]

    def offset(self, byte: int) -> int:
        """The offset in code points of a byte."""
        line, column = self.tree.position(byte)
        return self._starts[line] + column

    def text(self, start: int, end: int) -> str:
        """The document's own characters between two bytes."""
        return self.document.text[self.offset(start) : self.offset(end)]

    def of(self, node: Node) -> str:
        """A node's own characters."""
        return self.text(node.start_byte, node.end_byte)

    def apply(self, changes: list[Change]) -> str:
        """The new text."""
        return self.applied(changes)[0]

    def applied(self, changes: list[Change], marked: int = -1) -> tuple[str, Position | None]:
        """The new text, and where in it change number ``marked`` begins."""
        text, parts, at, mark = self.document.text, [], 0, None
        for number, change in sorted(enumerate(changes), key=lambda pair: (pair[1].start, pair[0])):
            start = self.offset(change.start)
            parts.append(text[at:start])
            if number == marked:
                mark = end_of(Position(0, 0), "".join(parts))
            parts.append(change.text)
            at = self.offset(change.end)
        return "".join([*parts, text[at:]]), mark

    def head(self, byte: int) -> str:
        """What stands before a place on its line."""
        line, column = self.tree.position(byte)
        return self.document.lines[line][:column]

    def tail(self, byte: int) -> str:
        """What stands behind a place on its line."""
        line, column = self.tree.position(byte)
        return self.document.line(line)[column:]

    def indentation(self, byte: int) -> str:
        """The blanks that the line of a place begins with."""
        line = self.document.line(self.tree.position(byte).line)
        return line[: len(line) - len(line.lstrip())]

    @property
    def unit(self) -> str:
        """One step of indentation: by how much lines are most often deeper than the one above."""
        steps: Counter[int] = Counter()
        depth = 0
        for line in self.document.lines[:2000]:
            if line.startswith("\t"):
                return "\t"
            if text := line.lstrip(" "):
                blanks = len(line) - len(text)
                steps[blanks - depth] += blanks > depth + 1 and text[0] != "*"
                depth = blanks
        if not steps.total():
            return "\t" if self.table.language == "go" else "    "
        return " " * min(steps.most_common(1)[0][0], 8)

    @property
    def terminator(self) -> str:
        """What ends a statement in this file: JavaScript is written with and without semicolons."""
        if not self.table.terminator:
            return ""
        lines = [line.rstrip() for line in self.document.lines[:2000]]
        ended = sum(line.endswith(";") for line in lines)
        bare = sum(bool(re.search(r"[\w)\]'\"`]$", line)) for line in lines)
        return self.table.terminator if ended * 4 >= bare else ""

    def statement_before(self, statement: Node, text: str) -> Change:
        """Put a new statement before another one; below a comment only where that is not the statement's."""
        at, head = statement.start_byte, self.head(statement.start_byte)
        end = self.terminator
        if head.strip():
            return Change(at, at, f"{text}; ")
        comment = statement.prev_sibling
        row = statement.start_point.row
        while (
            comment is not None
            and comment.type == "comment"
            and comment.end_point.row == row - 1
            and not self.head(comment.start_byte).strip()
            and not re.search(r"@ts-|eslint|nolint|prettier|istanbul|go:", self.of(comment))
        ):
            at, head, row = comment.start_byte, self.head(comment.start_byte), comment.start_point.row
            comment = comment.prev_sibling
        if (
            not end
            and self.table.terminator
            and self.text(at, at + 1) in _HAZARDS
            and at == statement.start_byte
        ):
            end = self.table.terminator
        return Change(at, at, f"{text}{end}{self.document.line_end}{head}")

    def removal(self, statement: Node) -> Change:
        """Take a statement away, with its line where nothing else stands there."""
        start, end = statement.start_byte, statement.end_byte
        head, tail = self.head(start), self.tail(end)
        if tail.strip() or head.strip():
            rest = tail.lstrip(" \t").removeprefix(";").lstrip(" \t")
            return Change(start, end + len(tail) - len(rest), "")
        line = self.tree.position(end).line
        whole = self.tree.byte(Position(line + 1, 0)) if line + 1 < len(self.document.lines) else end
        return Change(start - len(head.encode()), whole, "")

    def outdented(self, block: Node, columns: int) -> str:
        """The lines between a block's braces, each with so many blanks less; without the last line end.

        Lines that begin inside a string stay as they are.
        """
        first, last = block.start_point.row + 1, block.end_point.row
        inside = {
            row
            for node in walk(block)
            if node.type in _VERBATIM
            for row in range(node.start_point.row + 1, node.end_point.row + 1)
        }
        body = "".join(
            line if row in inside or line[:columns].strip(" \t") else line[columns:]
            for row, line in enumerate(self.document.lines[first:last], first)
        )
        return body[: len(body) - len(line_end(body))]

    def depth(self, block: Node) -> int:
        """How many blanks the first line in a block begins with."""
        lines = self.document.lines[block.start_point.row + 1 : block.end_point.row]
        first = next((line for line in lines if line.strip()), "")
        return len(first) - len(first.lstrip(" \t"))

    def check_joint(self, removed: Node, text: str, at: int) -> None:
        """Refused where JavaScript would read on from the statement before a removed one."""
        before = removed.prev_named_sibling
        if not self.table.terminator or before is None or before.type not in _OPEN_ENDED:
            return
        if text[at:].lstrip()[:1] in _HAZARDS and not self.of(before).endswith(";"):
            raise Refused("Without this line the next one would be read as part of the one above.")

    def apart(self, node: Node, text: str) -> str:
        """``text`` in place of ``node``, with blanks where it would run into a word: return(x)."""
        start, end = self.head(node.start_byte)[-1:], self.tail(node.end_byte)[:1]
        before = " " if _WORD.match(start) and _WORD.match(text[:1]) else ""
        after = " " if _WORD.match(end) and _WORD.match(text[-1:]) else ""
        return before + text + after

    def free_name(self, wish: str, scope: Node) -> str:
        """``wish``, or with a number where it is taken in ``scope``."""
        wish = wish if _IDENTIFIER.fullmatch(wish) else "value"
        number = 1
        while True:
            name = wish if number == 1 else f"{wish}{number}"
            if name not in self.table.keywords and not self.is_taken(name, scope):
                return name
            number += 1

    def checked_name(self, name: str, scope: Node) -> str:
        """A name that was asked for; Refused where it cannot be given."""
        if not _IDENTIFIER.fullmatch(name.replace("$", "_")) or name in self.table.keywords:
            raise Refused(f"'{name}' cannot be a name here: it is a word of the language or no identifier.")
        if self.is_taken(name, scope):
            raise Refused(f"The name '{name}' is already used here.")
        return name

    def is_taken(self, name: str, scope: Node) -> bool:
        """Whether the name occurs in ``scope``, whatever it means there."""
        return bool(Name(self.tree, self.table, name, scope).occurrences)


def error_count(tree: SourceTree) -> int:
    """How many error and missing nodes a tree has."""
    errors, waiting = 0, [tree.root] if tree.root.has_error else []
    while waiting:
        node = waiting.pop()
        errors += node.is_error or node.is_missing
        waiting.extend(child for child in node.children if child.has_error or child.is_missing)
    return errors
