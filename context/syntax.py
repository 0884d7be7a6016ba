"""What a syntax tree says about a piece of text: how much of it is broken.

Trees are made of the lines around a place, so a call costs a few milliseconds whatever the file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from context.language import Language, grammar_of

if TYPE_CHECKING:
    from tree_sitter import Node


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


def _parse(language: Language, text: str) -> Node | None:
    grammar = grammar_of(language)
    if grammar is None:
        return None
    from tree_sitter import Parser

    return Parser(grammar).parse(text.encode("utf-8", "replace")).root_node
