"""The opposite of a condition, and whether it is a plain true or false.

Exact where only the truth of the condition counts. ``<`` is not turned into ``>=``: with NaN both are false.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from context.refactor.grammar.walking import place_in_parent

if TYPE_CHECKING:
    from tree_sitter import Node

    from context.refactor.grammar.editing import Editing

_JOINED = {"&&": "||", "||": "&&"}
_COMPARING = ("==", "!=", "===", "!==", "<", ">", "<=", ">=", "in", "instanceof")


def inner(condition: Node) -> Node:
    """A condition without the parentheses around it."""
    while condition.type == "parenthesized_expression" and condition.named_child_count == 1:
        condition = condition.named_children[0]
    return condition


def negated(editing: Editing, condition: Node) -> str:
    """The text of the opposite condition, without parentheses around it."""
    condition = inner(condition)
    simple = _simply_negated(editing, condition)
    if simple:
        return simple
    operator = operator_of(condition)
    left, right = condition.child_by_field_name("left"), condition.child_by_field_name("right")
    if operator in _JOINED and left is not None and right is not None:
        sides = [_simply_negated(editing, inner(side)) for side in (left, right)]
        if all(sides) and "//" not in editing.of(condition):
            between = editing.text(left.end_byte, right.start_byte).replace(operator, _JOINED[operator])
            return between.join(sides)
    text = editing.of(condition)
    return f"!{text}" if condition.type in editing.table.primary else f"!({text})"


def _simply_negated(editing: Editing, condition: Node) -> str:
    """The opposite where it is no longer than the condition; "" elsewhere."""
    operator = operator_of(condition)
    if condition.type == "unary_expression" and operator == "!":
        operand = inner(condition.named_children[-1])
        if operand.type in editing.table.primary or operator_of(operand) in editing.table.negations:
            return editing.of(operand)
        return ""
    left, right = condition.child_by_field_name("left"), condition.child_by_field_name("right")
    opposite = editing.table.negations.get(operator)
    if condition.type == "binary_expression" and opposite and left is not None and right is not None:
        sign = condition.child_by_field_name("operator")
        if sign is not None:
            before = editing.text(left.start_byte, sign.start_byte)
            return before + opposite + editing.text(sign.end_byte, right.end_byte)
    if condition.type in ("true", "false"):
        return "false" if condition.type == "true" else "true"
    if condition.type in editing.table.primary and place_in_parent(condition).startswith("binary_expression"):
        return f"!{editing.of(condition)}"
    return ""


def operator_of(node: Node) -> str:
    """The operator of a binary or unary expression; "" where it has none."""
    operator = node.child_by_field_name("operator")
    return operator.type if operator is not None else ""


def is_boolean(node: Node) -> bool:
    """Whether a condition's value is true or false itself, not only taken for it."""
    node = inner(node)
    if node.type in ("true", "false"):
        return True
    operator = operator_of(node)
    if node.type == "unary_expression":
        return operator == "!"
    sides = [node.child_by_field_name("left"), node.child_by_field_name("right")]
    if node.type != "binary_expression":
        return False
    return operator in _COMPARING or (
        operator in _JOINED and all(side is not None and is_boolean(side) for side in sides)
    )
