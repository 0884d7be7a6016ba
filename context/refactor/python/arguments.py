"""Changes to a call's arguments and a function's parameters, as splices: one more in front, one less.

Line breaks, comments and alignment stay as they are written. Knows no names' meaning.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from context.refactor.python.splices import Splice, line_start, starts_of_lines, strings_in

if TYPE_CHECKING:
    from tree_sitter import Node

    from context.refactor.source_tree import SourceTree


def given(arguments: Node) -> list[Node]:
    """The arguments of a call; a generator that is the only one may stand without brackets of its own."""
    if arguments.type == "generator_expression":
        return [arguments]
    return [child for child in arguments.named_children if child.type != "comment"]


def with_first(tree: SourceTree, arguments: Node, text: str) -> list[Splice]:
    """One more argument in front of the others."""
    if arguments.type == "generator_expression":
        start, end = arguments.start_byte, arguments.end_byte
        return [Splice(start, start, f"({text}, "), Splice(end, end, ")")]
    others = given(arguments)
    if not others:
        at = arguments.start_byte + 1
        return [Splice(at, at, text)]
    first = others[0].start_byte
    gap = tree.source[arguments.start_byte + 1 : first].decode()
    blank = gap[len(gap.rstrip()) :] if "\n" in gap or "\r" in gap else ""
    return [Splice(first, first, f"{text},{blank or ' '}")]


def without_first(tree: SourceTree, listed: list[Node], brackets: Node) -> list[Splice]:
    """Without the first of ``listed``, which stand in ``brackets``."""
    first = listed[0]
    if len(listed) > 1:
        between = tree.source[first.end_byte : listed[1].start_byte]
        start, line = first.start_byte, line_start(tree.source, first.start_byte)
        if b"#" not in between:
            if not tree.source[line:start].strip() and line_start(tree.source, listed[1].start_byte) > start:
                return [Splice(line, line_start(tree.source, listed[1].start_byte), "")]
            return [Splice(start, listed[1].start_byte, "")]
        comma = first.end_byte + between.index(b",") + 1
        return [Splice(first.start_byte, comma, "")]
    rest = tree.source[first.end_byte : brackets.end_byte]
    blanks = len(rest) - len(rest.lstrip())
    comma = blanks + 1 if rest[blanks : blanks + 1] == b"," else 0
    return [Splice(first.start_byte, first.end_byte + comma, "")]


def realigned(tree: SourceTree, brackets: Node, moved: int) -> list[Splice]:
    """The lines that stand right below what follows an opening bracket, moved as far as that moved.

    ``moved``: columns, negative to the left. Nothing where the lines are not aligned so.
    """
    source = tree.source
    column = brackets.start_byte + 1 - line_start(source, brackets.start_byte)
    behind = source[brackets.start_byte + 1 : brackets.end_byte].lstrip(b" ")[:1]
    if not moved or behind in (b"\n", b"\r", b"#"):
        return []
    strings = strings_in(brackets, brackets.start_byte, brackets.end_byte)
    splices = []
    for at in list(starts_of_lines(source, brackets.start_byte, brackets.end_byte))[1:]:
        line = source[at : brackets.end_byte].split(b"\n", 1)[0]
        if any(string.start_byte < at < string.end_byte for string in strings) or not line.strip():
            continue
        blank = len(line) - len(line.lstrip(b" "))
        if blank < column:
            return []
        splices.append(Splice(at, at, " " * moved) if moved > 0 else Splice(at, at - moved, ""))
    return splices if column + moved >= 0 else []
