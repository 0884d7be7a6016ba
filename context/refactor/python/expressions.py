"""A selection in Python code as an expression, and an expression's text as it may stand elsewhere.

Knows which nodes are expressions and when parentheses are needed around one. Knows nothing of what evaluating
it does.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from context.refactor.python.equivalence import same_without_parentheses
from context.refactor.python.walking import kinds, nearest
from context.refactor.values import Refused, Selection

if TYPE_CHECKING:
    from tree_sitter import Node

    from context.refactor.source_tree import SourceTree

_ATOMS = kinds(
    "identifier integer float string true false none ellipsis call attribute subscript list tuple "
    "dictionary set list_comprehension set_comprehension dictionary_comprehension "
    "generator_expression parenthesized_expression"
)
_COMPOUND = kinds(
    "concatenated_string binary_operator unary_operator comparison_operator boolean_operator "
    "await not_operator conditional_expression lambda expression_list yield named_expression"
)
_ENCLOSED = kinds("argument_list list set parenthesized_expression return_statement pair")
_ENCLOSED_FIELDS = kinds("keyword_argument.value assignment.right subscript.subscript tuple.")
_ENCLOSED_FIELDS |= {"if_statement.condition", "while_statement.condition", "augmented_assignment.right"}
_BARE = kinds("expression_list yield named_expression")
_HOLD_ALL = ("parenthesized_expression", "assignment", "return_statement")
_WORD = re.compile(r"[\w\"']")


def expression_at(tree: SourceTree, selection: Selection) -> Node | None:
    """The expression that is selected; None where it is none, or a plain name or a singleton."""
    node = tree.exactly(selection)
    while node is not None and node.type not in _ATOMS and node.type not in _COMPOUND:
        inner = node.named_children[0] if node.named_child_count == 1 else None
        same = inner is not None and (inner.start_byte, inner.end_byte) == (node.start_byte, node.end_byte)
        node = inner if same else None
    if node is None or node.type in ("identifier", "none", "true", "false", "ellipsis"):
        return None
    parent = node.parent
    if parent is None or parent.type in ("concatenated_string", "ERROR", "dotted_name"):
        return None
    return None if is_docstring(node) else node


def is_docstring(node: Node) -> bool:
    """Whether it is a string that is a statement of its own."""
    parent = node.parent
    return "string" in node.type and parent is not None and parent.type == "expression_statement"


def as_value(text: str) -> str:
    """An expression's text as the value of an assignment: in parentheses where a line would end it."""
    needs = "\n" in text and not same_without_parentheses(text)
    return f"({text})" if needs else text


def as_operand(tree: SourceTree, value: Node, use: Node) -> str:
    """A value's text in the place of a name. Refused in an f-string that cannot hold it."""
    text = tree.text(value)
    inside = nearest(use, ("interpolation", "function_definition"))
    if inside is not None and inside.type == "interpolation":
        _require_fit(tree, text, inside)
        return text if value.type in _ATOMS and not text.startswith("{") else f"({text})"
    parent = use.parent
    if parent is None:
        return text
    if value.type in _ATOMS:
        number = value.type in ("integer", "float") and parent.type == "attribute"
        return f"({text})" if number else text
    if value.type == parent.type == "boolean_operator" and use == parent.children[0]:
        same = value.children[1].type == parent.children[1].type
        return text if same else f"({text})"
    if value.type in _BARE and parent.type not in _HOLD_ALL:
        return f"({text})"
    return text if _is_enclosed(use, parent) else f"({text})"


def apart(source: bytes, node: Node, text: str) -> str:
    """``text`` in place of ``node``, with blanks where it would run into a word: return(x)."""
    before = source[node.start_byte - 1 : node.start_byte].decode("utf-8", "replace")
    after = source[node.end_byte : node.end_byte + 1].decode("utf-8", "replace")
    head = " " if _WORD.match(before) and _WORD.match(text) and node.start_byte else ""
    tail = " " if _WORD.match(after) and re.search(r"\w$", text) else ""
    return head + text + tail


def _is_enclosed(use: Node, parent: Node) -> bool:
    if parent.type in _ENCLOSED or parent.type == "expression_statement":
        return True
    place = parent.children.index(use)
    return f"{parent.type}.{parent.field_name_for_child(place) or ''}" in _ENCLOSED_FIELDS


def _require_fit(tree: SourceTree, text: str, interpolation: Node) -> None:
    node: Node | None = interpolation
    while (node := nearest(node, ("string",))) is not None:
        quote = tree.text(node.children[0]).lstrip("rbfuRBFUtT")
        if quote[0] in text or re.search(r"[\\#\n]", text):
            raise Refused("The value holds letters that may not stand in the f-string that uses the name.")
        node = node.parent
