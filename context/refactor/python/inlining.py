"""Whether a value gives the same, with the same effects, where its variable is used as where it is assigned.

On the safe side: a value that may change something moves into the next statement only; one that only reads
moves as far as nothing is changed between. Which places use the variable is told, not found here.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from context.refactor.python.bindings import is_binding, level_of
from context.refactor.python.effects import Effect, Effects
from context.refactor.python.expressions import as_operand
from context.refactor.python.places import class_around, place_of
from context.refactor.python.walking import is_inside, is_variable, kinds, named, parts_of, walk
from context.refactor.values import Refused

if TYPE_CHECKING:
    from tree_sitter import Node

_LOOPS = kinds("for_statement while_statement list_comprehension set_comprehension dictionary_comprehension")
_LATER = kinds("function_definition lambda class_definition generator_expression")
_SAME = kinds(  # evaluated twice, the same object or one that cannot be changed
    "identifier attribute subscript comparison_operator not_operator string concatenated_string integer float"
    " true false none call unary_operator"
)
_REFLECTION = re.compile(rb"(?<![\w.])(?:(locals|vars|dir|globals)\s*\(\s*\)|(?:eval|exec)\s*\()")


def require_inlinable(effects: Effects, assignment: Node, uses: list[Node]) -> None:
    """Refuses with a sentence where the value cannot take the place of every use."""
    statement, value = assignment.parent, assignment.child_by_field_name("right")
    if statement is None or value is None or statement.type != "expression_statement":
        raise Refused("It is assigned together with others.")
    if value.type == "assignment":
        raise Refused("It is assigned together with others.")
    block = statement.parent
    if block is None or class_around(statement) is not None:
        raise Refused("It is an attribute of the class.")
    level = level_of(assignment)
    _require_no_reflection(effects, level)
    for use in uses:
        if use.start_byte < statement.end_byte or not is_inside(use, block):
            raise Refused("It is used where it may have no value yet, or one of another round.")
        place_of(use)
        as_operand(effects.tree, value, use)
    if effects.is_constant(value) or not uses or _moves_next(effects, statement, value, uses):
        return
    if effects.of([value]) > Effect.READS:
        raise Refused(
            "Its value is the result of code that may change something, and is not used right after."
        )
    if len(uses) > 1 and not _is_same(value):
        raise Refused(f"It is used {len(uses)} times, and each would be a value of its own.")
    _require_unchanged(effects, statement, value, uses)


def _require_no_reflection(effects: Effects, level: Node) -> None:
    tree = effects.tree
    for match in _REFLECTION.finditer(tree.source, level.start_byte, level.end_byte):
        node = tree.root.named_descendant_for_byte_range(match.start(), match.start() + 1)
        if node is None or node.type != "identifier":
            continue
        own = match[1] is None or match[1] == b"globals" or level_of(node) == level
        if own and (match[1] != b"globals" or level.type == "module"):
            raise Refused("The code here asks for its variables by their names.")


def _moves_next(effects: Effects, statement: Node, value: Node, uses: list[Node]) -> bool:
    """Whether the one use is in the next statement, with nothing before it there that matters."""
    if len(uses) != 1:
        return False
    after, place = statement.next_named_sibling, place_of(uses[0])
    while after is not None and after.type == "comment":
        after = after.next_named_sibling
    if after is None or place.statement != after or place.doubt:
        return False
    return effects.commute(place.effect(effects), effects.of([value]))


def _is_same(value: Node) -> bool:
    if value.type in ("parenthesized_expression", "boolean_operator", "conditional_expression"):
        return all(_is_same(part) for part in parts_of(value))
    if value.type == "binary_operator":
        return any(part.type in ("integer", "float") for part in parts_of(value))
    return value.type in _SAME


def _require_unchanged(effects: Effects, statement: Node, value: Node, uses: list[Node]) -> None:
    block = statement.parent
    if block is None:
        return
    for use in uses:
        if _around(use, _LATER, block) is not None:
            raise Refused("It is used in code that runs later, when its value may be another.")
    loops = [loop for use in uses if (loop := _around(use, _LOOPS, block)) is not None]
    last = max(use.end_byte for use in uses)
    end = max([last, *(loop.end_byte for loop in loops)])
    tree = effects.tree
    for name in {tree.text(one) for one in walk(value) if one.type == "identifier" and is_variable(one)}:
        for one in named(tree, name, block):
            if statement.end_byte <= one.start_byte < end and is_variable(one) and is_binding(one):
                raise Refused(f"'{name}' may be given another value before it is used.")
    if effects.of([value]) is Effect.NAMES:
        return
    contexts = [use for use in uses if _around(use, kinds("with_statement"), block) is not None]
    worst = max(place_of(use).effect(effects) for use in uses)
    changes = any(
        one.end_byte <= last and effects.changes(one)
        for part in block.named_children
        if statement.end_byte <= part.start_byte < last
        for one in walk(part)
    )
    if loops or contexts or worst > Effect.READS or changes:
        raise Refused("What its value reads may be changed before it is used.")


def _around(use: Node, of: frozenset[str], block: Node) -> Node | None:
    """The outermost node of these kinds around a use, inside the block."""
    found, node = None, use.parent
    while node is not None and node != block:
        found = node if node.type in of else found
        node = node.parent
    return found
