"""From an expression up to the statement that evaluates it, and whether it may be evaluated ahead of it.

Exactly then: once each time the statement runs, nothing evaluated before it in the statement that it depends
on or that depends on it, and every name it uses meaning the same there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from context.refactor.grammar.effects import Effect, Effects
from context.refactor.grammar.names import names_in
from context.refactor.grammar.tables import words
from context.refactor.grammar.walking import contains, place_in_parent
from context.refactor.values import Refused

if TYPE_CHECKING:
    from tree_sitter import Node

_BOUND_AFTER = words(  # names and patterns that are bound once the value is there
    "variable_declarator.name variable_declarator.type short_var_declaration.left var_spec.name "
    "var_spec.type range_clause.left for_in_statement.left for_in_statement.kind"
)
_TARGETS = ("assignment_expression.left", "assignment_statement.left")
_CHAINS = ("member_expression.object", "subscript_expression.object", "call_expression.function")
_LAZY_ASSIGNMENTS = ("&&=", "||=", "??=")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a statement may be put that evaluates an expression first.

    ``form``: "before" the statement; in "braces" that the statement needs for it; in the "body" that an
    arrow function's expression needs.
    """

    statement: Node
    form: Literal["before", "braces", "body"]


def place_for(effects: Effects, expression: Node, value: Node | None = None) -> Place | None:
    """Where ``expression`` can be evaluated ahead; with ``value``, where that can be moved from to it.

    None where it is no part of a statement; Refused with a sentence where doing so could change what the
    program does.
    """
    table = effects.table
    before: list[Node] = []
    callees: list[Node] = []
    doubt, node = "", expression
    while True:
        parent, place = node.parent, place_in_parent(node)
        if parent is None:
            return None
        form = _form(effects, node, place)
        if form is not None:
            break
        how = table.evaluated.get(place)
        if how is None:
            return None
        if how == "perhaps" or _may_be_skipped(effects, node, place):
            doubt = doubt or "It is not evaluated every time, and before the statement it always would be."
        if how == "again":
            doubt = "It is evaluated again and again, and before the statement it would be only once."
        _collect(effects, node, place, before, callees)
        node = parent
    value = value or expression
    effect = effects.of([value])
    earlier = max([effects.of(before), *map(effects.of_callee, callees)])
    if doubt and not (effects.is_harmless(value) and effect is Effect.NONE):
        raise Refused(doubt)
    if not effects.commute(earlier, effect):
        raise Refused("What stands before it in the same statement would be evaluated after it.")
    _check_names(effects, expression, node)
    return Place(node, form)


def _form(effects: Effects, node: Node, place: str) -> Literal["before", "braces", "body"] | None:
    table = effects.table
    if place in table.expression_bodies:
        return None if node.type == table.block else "body"
    if place in table.single_bodies and node.type not in (table.block, "else_clause"):
        if node.type == "if_statement" and place == "else_clause.":
            raise Refused("It belongs to an else-if: nothing can stand before that.")
        return "braces"
    kind, _, name = place.partition(".")
    if kind in table.statement_lists and name in ("", "body"):
        if kind.startswith("switch_"):
            if node.type in ("lexical_declaration", "class_declaration", "function_declaration"):
                raise Refused("A case of a switch has no block of its own: put it into braces first.")
            return "braces"
        return "before"
    return None


def _may_be_skipped(effects: Effects, node: Node, place: str) -> bool:
    parent = node.parent
    if parent is None:
        return False
    operator = parent.child_by_field_name("operator")
    if operator is not None and place.endswith(".right"):
        text = effects.tree.text(operator)
        if text in effects.table.lazy_operators or text in _LAZY_ASSIGNMENTS:
            return True
    return place in ("call_expression.arguments", "subscript_expression.index") and is_optional(parent)


def is_optional(node: Node | None) -> bool:
    """Whether a chain of members and calls holds a ``?.``."""
    while node is not None:
        if any(child.type in ("optional_chain", "?.") for child in node.children):
            return True
        below = node.child_by_field_name("object") or node.child_by_field_name("function")
        if below is None and node.type == "non_null_expression":
            below = node.named_children[0]
        node = below
    return False


def _collect(effects: Effects, node: Node, place: str, before: list[Node], callees: list[Node]) -> None:
    """What of ``node``'s parent is evaluated before it."""
    parent = node.parent
    if parent is None:
        return
    for child in parent.named_children:
        if child.end_byte > node.start_byte or child.type == "comment":
            continue
        where = place_in_parent(child)
        if where in _BOUND_AFTER:
            continue
        if where in _TARGETS:
            before.extend(_targets(child))
        elif where in ("call_expression.function", "new_expression.constructor"):
            callees.append(child)
        else:
            before.append(child)


def _targets(left: Node) -> list[Node]:
    """What of the left side of an assignment is evaluated before the right one."""
    if left.type == "expression_list":
        return [part for one in left.named_children for part in _targets(one)]
    if left.type in ("identifier", "object_pattern", "array_pattern"):
        return []
    return [
        part
        for name in ("object", "index", "operand")
        if (part := left.child_by_field_name(name)) is not None
    ]


def _check_names(effects: Effects, expression: Node, statement: Node) -> None:
    for text, nodes in names_in(effects.tree, effects.table, expression).items():
        for node in nodes:
            binding = effects.name(node).binding_at(node.start_byte)
            if binding is None or contains(expression, binding.scope):
                continue
            inside = [p for p in binding.places if contains(statement, p) and not contains(expression, p)]
            if inside or (contains(statement, binding.scope) and binding.scope.id != statement.id):
                raise Refused(f"'{text}' is not known before this statement.")
            if contains(statement, binding.scope) and any(contains(statement, p) for p in binding.places):
                raise Refused(f"'{text}' is not known before this statement.")


def is_part_of_chain(node: Node) -> bool:
    """Whether a chain with ``?.`` goes on behind ``node``: taken out, it would no longer stop there."""
    return place_in_parent(node) in _CHAINS and is_optional(node)
