"""Pieces of a source put in the place of others: every byte outside them stays.

Lines are moved in or out without touching the inside of strings, whose blanks are content. Bytes of UTF-8, as
tree-sitter counts. Knows no Python but where its strings are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from inspect import cleandoc
from typing import TYPE_CHECKING, NamedTuple

from context.refactor.values import Refused

if TYPE_CHECKING:
    from tree_sitter import Node

    from context.refactor.source_tree import SourceTree


class Splice(NamedTuple):
    """``text`` instead of the bytes from ``start`` to ``end``."""

    start: int
    end: int
    text: str


def spliced(source: bytes, splices: Iterable[Splice], start: int = 0, end: int | None = None) -> str:
    """The bytes from ``start`` to ``end`` with the splices that lie in there.

    What lies within a removal goes with it; two that overlap otherwise are refused.
    """
    end = len(source) if end is None else end
    parts, at, removed = [], start, False
    for splice in sorted(set(splices), key=lambda part: (part.start, part.start < part.end, -part.end)):
        if splice.start < start or splice.end > end or (removed and splice.start < splice.end <= at):
            continue
        if splice.start < at:
            raise Refused("Two changes would touch the same place; do it in two steps.")
        parts += [source[at : splice.start].decode("utf-8", "replace"), splice.text]
        at, removed = splice.end, not splice.text
    parts.append(source[at:end].decode("utf-8", "replace"))
    return "".join(parts)


def line_start(source: bytes, byte: int) -> int:
    """Where the line of ``byte`` begins."""
    return max(source.rfind(b"\n", 0, byte), source.rfind(b"\r", 0, byte)) + 1


def line_stop(source: bytes, byte: int) -> int:
    """Where the line of ``byte`` ends, its line end included."""
    match = re.compile(rb"\r\n|\r|\n").search(source, byte)
    return match.end() if match is not None else len(source)


def indentation(source: bytes, byte: int) -> str:
    """The blanks that the line of ``byte`` begins with."""
    start = line_start(source, byte)
    line = source[start : line_stop(source, byte)]
    return line[: len(line) - len(line.lstrip(b" \t\f"))].decode()


def comments_above(source: bytes, start: int, column: int | None = None) -> int:
    """Where the lines of comments begin that stand right above a line; ``column``: only those so indented."""
    while start > 0:
        above = line_start(source, start - 1 - (source[start - 2 : start] == b"\r\n"))
        line = source[above:start]
        blanks = len(line) - len(line.lstrip())
        if line[blanks : blanks + 1] != b"#" or (column is not None and blanks != column):
            break
        start = above
    return start


def starts_of_lines(source: bytes, start: int, end: int) -> Iterator[int]:
    """Where the lines from that of ``start`` on begin that begin before ``end``."""
    at = line_start(source, start)
    while at < end:
        yield at
        at = line_stop(source, at)


def strings_in(node: Node, start: int, end: int) -> list[Node]:
    """The strings between two bytes that span lines; not those within others."""
    found, stack = [], [node]
    while stack:
        part = stack.pop()
        if part.end_byte <= start or part.start_byte >= end or part.start_point[0] == part.end_point[0]:
            continue
        if part.type == "string":
            found.append(part)
        else:
            stack.extend(part.children)
    return found


def shifted(tree: SourceTree, start: int, end: int, old: str, new: str) -> list[Splice]:
    """The lines from ``start`` to ``end`` with the indentation ``new`` where they have ``old``.

    Lines that begin inside a string stay, but those of docstrings move where that leaves what they say.
    """
    source = tree.source
    kept = strings_in(tree.root, start, end)
    docstrings = [string for string in kept if is_docstring(string)]
    moves = []
    for at in starts_of_lines(source, start, end):
        string = next((part for part in kept if part.start_byte < at < part.end_byte), None)
        if string is not None and string not in docstrings:
            continue
        line = source[at : line_stop(source, at)].decode("utf-8", "replace")
        if not line.strip():
            continue  # a blank line's blanks say nothing
        if line.startswith(old):
            moves.append(Splice(at, at + len(old), new))
    for string in docstrings:
        inside = [move for move in moves if string.start_byte < move.start < string.end_byte]
        before = tree.text(string)
        after = spliced(source, inside, string.start_byte, string.end_byte)
        if cleandoc(before) != cleandoc(after) or "\\" in before:
            moves = [move for move in moves if move not in inside]
    return [move for move in moves if source[move.start : move.end].decode() != move.text]


def is_docstring(string: Node) -> bool:
    """Whether a string is the first statement of a function or class."""
    statement = string.parent
    block = statement.parent if statement is not None else None
    if (
        statement is None
        or statement.type != "expression_statement"
        or block is None
        or block.type != "block"
    ):
        return False
    first = next((child for child in block.named_children if child.type != "comment"), None)
    return first == statement and block.parent is not None and block.parent.type.endswith("_definition")
