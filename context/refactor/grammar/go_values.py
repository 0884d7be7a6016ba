"""Which Go values stay what they are under a name of their own.

Not: an operand whose address counts (a copy would be changed in its place), an untyped constant (it would
take on a type), what may be several values at once, and anything in a function with labels to jump to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from context.refactor.grammar.names import Name
from context.refactor.grammar.tables import words
from context.refactor.grammar.walking import place_in_parent, walk, within

if TYPE_CHECKING:
    from tree_sitter import Node

    from context.refactor.grammar.effects import Effects

_LITERALS = words(
    "int_literal float_literal imaginary_literal rune_literal interpreted_string_literal raw_string_literal "
    "true false"
)
_OPERANDS = ("selector_expression.operand", "index_expression.operand", "slice_expression.operand")
_UNADDRESSED = ("call_expression", "type_assertion_expression", "type_conversion_expression")
_COMPARISONS = ("==", "!=", "<", ">", "<=", ">=", "&&", "||")
_SEVERAL = ("call_expression", "index_expression", "type_assertion_expression", "unary_expression")
_ONE = words(
    "len cap make new append copy complex real imag min max string bool byte rune error int int8 int16 int32 "
    "int64 uint uint8 uint16 uint32 uint64 uintptr float32 float64 complex64 complex128"
)


def can_be_named(effects: Effects, node: Node) -> bool:
    """Whether ``x := node`` is the same value of the same type."""
    if _is_addressed(effects, node) or (is_untyped(effects, node) and not is_constant(node)):
        return False
    function = within(node, effects.table.functions)
    if function is None or any(one.type == "goto_statement" for one in walk(function)):
        return False
    return node.type not in _SEVERAL or _is_one_value(effects, node)


def is_operand(node: Node) -> bool:
    """Whether parts of it are read or written, its address taken, or a method called that may take it."""
    return place_in_parent(node) in _OPERANDS or (
        place_in_parent(node) == "unary_expression.operand"
        and node.parent is not None
        and node.parent.children[0].type == "&"
    )


def is_constant(node: Node) -> bool:
    """Whether it is made of literals only, so that ``const`` keeps it as it is."""
    if node.type in _LITERALS:
        return True
    if node.type not in ("binary_expression", "unary_expression", "parenthesized_expression"):
        return False
    return all(is_constant(child) for child in node.named_children) and not any(
        child.type in ("&", "<-", "*") and node.type == "unary_expression" for child in node.children
    )


def is_untyped(effects: Effects, node: Node) -> bool:
    """Whether it may be an untyped constant, or take its type from one that is."""
    if node.type in _LITERALS or node.type in ("nil", "iota"):
        return True
    if node.type == "identifier":
        return _is_constant_name(effects.name(node), node)
    if node.type == "selector_expression":
        operand, part = node.child_by_field_name("operand"), node.child_by_field_name("field")
        if operand is None or part is None or operand.type != "identifier":
            return False
        return effects.name(operand).binding_at(operand.start_byte) is None
    if node.type == "binary_expression":
        operator, left = node.child_by_field_name("operator"), node.child_by_field_name("left")
        if operator is not None and operator.type in _COMPARISONS:
            return False
        if operator is not None and left is not None and operator.type in ("<<", ">>"):
            return is_untyped(effects, left)
    elif node.type not in ("unary_expression", "parenthesized_expression"):
        return False
    if any(child.type in ("&", "<-", "*") for child in node.children) and node.type == "unary_expression":
        return False
    return all(is_untyped(effects, child) for child in node.named_children)


def _is_constant_name(name: Name, node: Node) -> bool:
    binding = name.binding_at(node.start_byte)
    return binding is None or any(place_in_parent(place).startswith("const_spec") for place in binding.places)


def _is_addressed(effects: Effects, node: Node) -> bool:
    place = place_in_parent(node)
    if place in _OPERANDS:
        return node.type not in _UNADDRESSED or _is_written(node)
    return place == "unary_expression.operand" and effects.tree.text(node.parent or node).startswith("&")


def _is_written(node: Node) -> bool:
    """Whether the chain that begins with ``node`` is the target of an assignment, or its address is taken."""
    while place_in_parent(node) in (*_OPERANDS, "parenthesized_expression.", "expression_list."):
        node = node.parent or node
    place = place_in_parent(node)
    return place in ("assignment_statement.left", "inc_statement.", "dec_statement.") or (
        place == "unary_expression.operand"
        and node.parent is not None
        and node.parent.children[0].type == "&"
    )


def _is_one_value(effects: Effects, node: Node) -> bool:
    above = node.parent
    place = place_in_parent(node)
    if node.type == "unary_expression" and node.children[0].type != "<-":
        return True
    if place == "argument_list." and above is not None:
        return above.named_child_count > 1 or node.type != "call_expression" or _returns_one(effects, node)
    if place != "expression_list." or above is None or above.named_child_count > 1:
        return True
    around, holder = above.parent, place_in_parent(above)
    if around is None:
        return False
    if holder in ("short_var_declaration.right", "assignment_statement.right"):
        left = around.child_by_field_name("left")
        return left is not None and left.named_child_count == 1
    if holder == "var_spec.value":
        return len(around.children_by_field_name("name")) == 1
    if holder == "return_statement.":
        return _results(within(around, effects.table.functions)) == 1
    return True


def _returns_one(effects: Effects, call: Node) -> bool:
    callee = call.child_by_field_name("function")
    if callee is None or callee.type != "identifier":
        return False
    text = effects.tree.text(callee)
    binding = effects.name(callee).binding_at(callee.start_byte)
    if binding is None:
        return text in _ONE
    holder = binding.places[0].parent
    return holder is not None and holder.type == "function_declaration" and _results(holder) == 1


def _results(function: Node | None) -> int:
    result = function.child_by_field_name("result") if function is not None else None
    if result is None:
        return 0
    if result.type != "parameter_list":
        return 1
    return sum(max(1, len(one.children_by_field_name("name"))) for one in result.named_children)
