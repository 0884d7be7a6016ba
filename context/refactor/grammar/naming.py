"""A name for a value, from the code that makes it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from context.refactor.grammar.walking import place_in_parent

if TYPE_CHECKING:
    from tree_sitter import Node

    from context.refactor.source_tree import SourceTree

_PREFIXES = re.compile(
    r"^(?:get|fetch|load|read|create|make|build|find|compute|calculate|to|new)(?=[A-Z])|^New(?=[A-Z])"
)
_LAST = ("property", "field", "name")
_COMPARISONS = ("==", "===", "!=", "!==", "<", ">", "<=", ">=", "&&", "||", "!", "instanceof", "in")


def name_for(tree: SourceTree, node: Node) -> str:
    """From what is called or read, else from where the value goes; camelCase."""
    return _of_value(tree, node) or _of_place(tree, node) or "value"


def constant_name(tree: SourceTree, node: Node) -> str:
    """From the words of a short string, else from where the value goes; CONSTANT_CASE but in Go."""
    words = re.findall(r"[A-Za-z][A-Za-z0-9]*|[0-9]+", tree.text(node)) if "string" in node.type else []
    if not words or len(words) > 4 or words[0][0].isdigit():
        place = _of_place(tree, node) or "value"
        words = re.findall(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])", place)
    if tree.document.language == "go":
        return "".join([words[0].lower(), *(word.capitalize() for word in words[1:])])
    return "_".join(words).upper()


def _of_value(tree: SourceTree, node: Node) -> str:
    while node.type in (
        "parenthesized_expression",
        "await_expression",
        "non_null_expression",
        "as_expression",
    ):
        node = node.named_children[0]
    callee = node.child_by_field_name("function") or node.child_by_field_name("constructor") or node
    if callee.type in ("identifier", "member_expression", "selector_expression"):
        last = next((part for field in _LAST if (part := callee.child_by_field_name(field))), callee)
        return _lower(_PREFIXES.sub("", tree.text(last).lstrip("#")))
    operator = node.child_by_field_name("operator")
    if operator is not None and tree.text(operator) in _COMPARISONS:
        return "condition"
    if node.type in ("arrow_function", "function_expression", "func_literal"):
        return "callback"
    typed = node.child_by_field_name("type")
    if node.type == "composite_literal" and typed is not None and typed.type == "type_identifier":
        return _lower(tree.text(typed))
    return ""


def _of_place(tree: SourceTree, node: Node) -> str:
    above = node.parent
    if place_in_parent(node) == "literal_element." and above is not None:
        above = above.parent
    if above is None:
        return ""
    key = above.child_by_field_name("key")
    if key is not None and key.start_byte < node.start_byte:
        return _lower(re.sub(r"\W+", "", tree.text(key)))
    if above.type.startswith("return"):
        return "result"
    return ""


def _lower(name: str) -> str:
    if name.isupper():
        return name.lower()
    found = re.match(r"[A-Z]+(?![a-z])|[A-Z]", name)
    return found[0].lower() + name[found.end() :] if found else name
