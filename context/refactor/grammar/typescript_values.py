"""Which TypeScript values keep their type under a name of their own.

The type of some literals comes from where they stand, and a condition narrows the types of what it asks:
both are lost when the value stands alone. Nothing that runs would change; the type checker would object.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from context.refactor.grammar.tables import words
from context.refactor.grammar.walking import place_in_parent, walk, within
from context.refactor.values import Refused

if TYPE_CHECKING:
    from tree_sitter import Node

    from context.refactor.grammar.effects import Effects

_FUNCTIONS = ("arrow_function", "function_expression")
_GENERIC = ("Map", "Set", "WeakMap", "WeakSet", "Array", "Promise", "WeakRef")
_THROUGH = ("array", "object", "pair", "parenthesized_expression", "ternary_expression")
_NARROWING = words(
    "if_statement.condition ternary_expression.condition binary_expression.left binary_expression.right "
    "unary_expression.argument parenthesized_expression. switch_statement.value"
)


def check(effects: Effects, node: Node) -> None:
    """Refused with a sentence where the value's type depends on its place."""
    if not _is_plain_variable(node):
        _check_context(effects, node, outermost=True)
    if _is_condition(node):
        _check_narrowing(effects, node)


def _is_plain_variable(node: Node) -> bool:
    above = node.parent
    return place_in_parent(node) == "variable_declarator.value" and (
        above is not None and above.child_by_field_name("type") is None
    )


def _check_context(effects: Effects, node: Node, outermost: bool = False) -> None:
    if node.type in _FUNCTIONS and _has_untyped_parameter(node):
        raise Refused("The types of its parameters come from where it stands.")
    if node.type == "array" and not node.named_child_count:
        raise Refused("The type of an empty array comes from where it stands.")
    if node.type in ("string", "number", "true", "false") and not outermost:
        raise Refused("The types of the literals in it come from where they stand.")
    constructor = node.child_by_field_name("constructor")
    if constructor is not None and effects.tree.text(constructor) in _GENERIC:
        if node.child_by_field_name("type_arguments") is None:
            raise Refused("What it holds is known only from where it stands.")
        return
    if node.type in _THROUGH:
        for child in node.named_children:
            if place_in_parent(child) != "pair.key":
                _check_context(effects, child)


def _has_untyped_parameter(function: Node) -> bool:
    if function.child_by_field_name("parameter") is not None:
        return True
    parameters = function.child_by_field_name("parameters")
    return parameters is not None and any(
        one.child_by_field_name("type") is None and one.child_by_field_name("value") is None
        for one in parameters.named_children
        if one.type != "comment"
    )


def _is_condition(node: Node) -> bool:
    while place_in_parent(node) in _NARROWING:
        if place_in_parent(node) in (
            "if_statement.condition",
            "ternary_expression.condition",
            "switch_statement.value",
        ):
            return True
        node = node.parent or node
    return False


def _check_narrowing(effects: Effects, node: Node) -> None:
    function = within(node, effects.table.functions) or effects.tree.root
    rest = effects.tree.source[node.end_byte : function.end_byte]
    for one in walk(node, past=effects.table.functions):
        if place_in_parent(one) == "call_expression.function":
            continue
        is_path = one.type in ("member_expression", "subscript_expression")
        is_variable = one.type == "identifier" and not effects.name(effects.tree.text(one)).is_fixed(one)
        if not (is_path or is_variable):
            continue
        path = effects.tree.source[one.start_byte : one.end_byte]
        if re.search(rb"(?<![\w.$])" + re.escape(path) + rb"(?![\w$])", rest):
            raise Refused(
                f"Its outcome tells TypeScript the type of '{effects.tree.text(one)}' further down."
            )
