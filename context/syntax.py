"""What a syntax tree says about a piece of text: where the statement at a place ends, how much is broken.

Trees are made of a window of text around the place, so a call costs a few milliseconds whatever the file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from context.language import Language, grammar_of

if TYPE_CHECKING:
    from tree_sitter import Node


_BODIES = {"module", "program", "source_file", "translation_unit", "chunk", "compilation_unit", "document"}
_BODY_WORDS = ("block", "body", "statements", "statement_list", "declaration_list", "compound_statement")


def statement_end(language: Language, text: str, start: int) -> int | None:
    """Offset in ``text`` where the largest construct that begins at ``start`` ends.

    None without a grammar, or where no construct begins there. Offsets are in code points.
    """
    root = _parse(language, text)
    if root is None:
        return None
    at = len(text[:start].encode("utf-8", "replace"))
    node: Node | None = root.descendant_for_byte_range(at, at + 1)
    found = None
    while node is not None and node.start_byte == at and node.parent is not None:
        found, node = node, node.parent
        if node.type in _BODIES or any(word in node.type for word in _BODY_WORDS):
            break  # the first statement of a body begins where the body begins
    if found is None or found.end_byte <= at:
        return None
    return len(text.encode("utf-8", "replace")[: found.end_byte].decode("utf-8", "ignore"))


def error_count(language: Language, text: str) -> int:
    """How many error and missing nodes the syntax tree of ``text`` has; 0 without a grammar."""
    root = _parse(language, text)
    if root is None or not root.has_error:
        return 0
    errors, waiting = 0, [root]
    while waiting:
        node = waiting.pop()
        errors += node.is_error or node.is_missing
        waiting.extend(child for child in node.children if child.has_error or child.is_missing)
    return errors


def in_comment_or_string(language: Language, text: str, offset: int) -> bool:
    """Whether the character before ``offset`` stands in a comment or in a string."""
    root = _parse(language, text)
    if root is None or offset == 0:
        return False
    at = len(text[:offset].encode("utf-8", "replace"))
    node = root.descendant_for_byte_range(at - 1, at)
    while node is not None:
        if "comment" in node.type or "string" in node.type:
            return True
        node = node.parent
    return False


def _parse(language: Language, text: str) -> Node | None:
    grammar = grammar_of(language)
    if grammar is None:
        return None
    from tree_sitter import Parser

    return Parser(grammar).parse(text.encode("utf-8", "replace")).root_node
