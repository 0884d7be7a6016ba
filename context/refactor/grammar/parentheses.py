"""An expression in place of a name: with parentheses where it needs them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from context.refactor.grammar.places import is_optional
from context.refactor.grammar.walking import place_in_parent, walk, within

if TYPE_CHECKING:
    from tree_sitter import Node

    from context.refactor.grammar.editing import Editing

_OBJECTS = ("member_expression.object", "subscript_expression.object", "call_expression.function")
_HEADERS = ("if_statement", "for_statement", "expression_switch_statement", "type_switch_statement")


def in_place_of(editing: Editing, use: Node, value: Node) -> str:
    """What stands at ``use`` once the value stands there."""
    text = editing.of(value)
    if needs_parentheses(editing, use, value):
        text = f"({text})"
    if use.type == "shorthand_property_identifier":
        return f"{editing.of(use)}: {text}"
    return editing.apart(use, text)


def needs_parentheses(editing: Editing, use: Node, value: Node) -> bool:
    """Whether the value would be read otherwise without; on the safe side."""
    table, place = editing.table, place_in_parent(use)
    if use.type == "shorthand_property_identifier" or value.type == "parenthesized_expression":
        return value.type == "sequence_expression"
    if table.language == "go" and _has_composite(value) and _in_header(use):
        return True
    if place in table.delimited and value.type != "sequence_expression":
        initializer = within(use, ("for_statement", "statement_block"))
        return initializer is not None and initializer.type == "for_statement"
    if value.type not in table.primary:
        return True
    if place in _OBJECTS and (value.type == "number" or is_optional(value)):
        return True
    return place == "new_expression.constructor" and value.type != "identifier"


def _has_composite(value: Node) -> bool:
    return any(node.type == "composite_literal" for node in walk(value))


def _in_header(use: Node) -> bool:
    """Whether a brace after ``use`` would begin a block."""
    around = within(use, (*_HEADERS, "block", "argument_list", "parenthesized_expression"))
    return around is not None and around.type in _HEADERS
