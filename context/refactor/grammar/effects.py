"""What evaluating a piece of code does to the rest: nothing, reading what may change, or changing it.

By the tree alone, so on the safe side: a call changes everything. Taken for granted: reading a property and
applying an operator change nothing, and a method of an object is not replaced while its arguments are
evaluated, unless this very file assigns to a property of that name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import IntEnum
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

from context.refactor.grammar.names import Name, names_in
from context.refactor.grammar.tables import Table
from context.refactor.grammar.walking import contains, walk, within

if TYPE_CHECKING:
    from tree_sitter import Node

    from context.refactor.source_tree import SourceTree

_CHANGING_OPERATORS = ("<-", "delete")
_CLASSES = ("class", "class_declaration", "decorator")  # their static parts run


class Effect(IntEnum):
    """In order of severity."""

    NONE = 0
    READS = 1
    CHANGES = 2


class Effects:
    """Answers for one tree; remembers the names it was asked for."""

    def __init__(self, tree: SourceTree, table: Table) -> None:
        self.tree, self.table = tree, table
        self._names: dict[tuple[str, int], Name] = {}

    def name(self, near: Node, text: str = "") -> Name:
        """The name that ``near`` is, or ``text`` there: in its top-level statement where that binds it.

        Elsewhere in the whole file, but only where the file binds it: other names mean nothing here.
        """
        text = text or self.tree.text(near)
        top = self._top(near)
        found = self._named(text, top)
        binding = found.binding_at(near.start_byte)
        if (binding is None or binding.scope == self.tree.root) and text in self._of_file:
            return self._named(text, self.tree.root)
        return found

    def _named(self, text: str, around: Node) -> Name:
        key = (text, around.id)
        if key not in self._names:
            self._names[key] = Name(self.tree, self.table, text, around)
        return self._names[key]

    def _top(self, node: Node) -> Node:
        at = self.tree.root.first_child_for_byte(node.start_byte)
        return at if at is not None and contains(at, node) else self.tree.root

    @cached_property
    def _of_file(self) -> frozenset[str]:
        """What the top-level statements declare."""
        found: set[str] = set()
        for child in self.tree.root.named_children:
            declared = child.child_by_field_name("declaration") or child
            named = declared.child_by_field_name("name")
            if named is not None:
                found.add(self.tree.text(named))
            elif declared.type.endswith("_declaration") or declared.type == "import_statement":
                for part in declared.named_children:
                    found.update(names_in(self.tree, self.table, part.child_by_field_name("name") or part))
        return frozenset(found)

    def of(self, nodes: Iterable[Node]) -> Effect:
        """The most severe effect of evaluating these."""
        worst = Effect.NONE
        for node in nodes:
            for one in walk(node, past=self.table.functions):
                worst = max(worst, self._alone(one))
                if worst is Effect.CHANGES:
                    return worst
        return worst

    def of_callee(self, node: Node) -> Effect:
        """The effect of finding out what is called: ``console.log`` is there before and after."""
        if node.type in ("this", "super"):
            return Effect.NONE
        if node.type == "identifier":
            name = self.name(node)
            binding = name.binding_at(node.start_byte)
            is_elsewhere = binding is None or name.is_imported(binding)
            return Effect.NONE if is_elsewhere or name.is_fixed(node) else Effect.READS
        owner = node.child_by_field_name("object") or node.child_by_field_name("operand")
        part = node.child_by_field_name("property") or node.child_by_field_name("field")
        if owner is None or part is None or self._is_assigned(self.tree.text(part)):
            return self.of([node])
        return self.of_callee(owner)

    def commute(self, before: Effect, moved: Effect) -> bool:
        """Whether ``moved`` may be evaluated ahead of what comes ``before`` it in the same statement."""
        if before is Effect.CHANGES:
            return moved is Effect.NONE
        return before is Effect.NONE or moved is not Effect.CHANGES or self.table.calls_before_reads

    def is_harmless(self, node: Node) -> bool:
        """Whether evaluating cannot fail, so that it may also happen where it would not have."""
        for one in walk(node, past=self.table.functions | self.table.literals):
            if not one.is_named or one.type == "comment":
                continue
            if one.type not in self.table.harmless:
                return False
            operator = one.child_by_field_name("operator")
            if operator is not None and not self._is_harmless_operator(one, self.tree.text(operator)):
                return False
            if one.type == "identifier" and not self.name(one).is_fixed(one):
                return False
        return True

    def _is_harmless_operator(self, node: Node, operator: str) -> bool:
        if operator in self.table.harmless_operators:
            return True
        sides = (node.child_by_field_name("left"), node.child_by_field_name("right"))
        literal = self.table.literals | {"nil"}
        return (
            operator in ("==", "!=")
            and self.table.language == "go"
            and any(side is not None and side.type in literal for side in sides)
        )

    def _alone(self, node: Node) -> Effect:
        kind = node.type
        if kind in self.table.effects or kind in _CLASSES:
            return Effect.CHANGES
        if kind in _CHANGING_OPERATORS and not node.is_named:
            return Effect.CHANGES
        if kind in self.table.reads or (kind == "*" and self._is_unary(node)):
            return Effect.READS
        if kind == "binary_expression" and self._may_read(node):
            return Effect.READS
        if kind in ("identifier", "shorthand_property_identifier"):
            return Effect.NONE if self.name(node).is_fixed(node) else Effect.READS
        return Effect.NONE

    def _may_read(self, node: Node) -> bool:
        """Whether an operator may ask an object for its value (JavaScript) or fail (a division)."""
        operator = node.child_by_field_name("operator")
        if operator is None or operator.type not in self.table.reading_operators:
            return False
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        return any(side is not None and side.type not in self.table.literals for side in (left, right))

    def _is_unary(self, operator: Node) -> bool:
        return operator.parent is not None and operator.parent.type == "unary_expression"

    def _is_assigned(self, part: str) -> bool:
        """Whether a property of this name is given a value anywhere but in a constructor."""
        pattern = rb"\." + re.escape(part.encode()) + rb"\s*(?:\+\+|--|(?:[-+*/%&|^?<>]{1,3})?=(?![=>]))"
        for match in re.finditer(pattern, self.tree.source):
            node = self.tree.root.named_descendant_for_byte_range(match.start(), match.end())
            method = within(node, ("method_definition", "function_declaration"))
            named = method.child_by_field_name("name") if method is not None else None
            if named is None or self.tree.text(named) != "constructor":
                return True
        return False


@lru_cache(maxsize=2)
def effects_of(tree: SourceTree, table: Table) -> Effects:
    """The answers for a tree, shared by all that is asked about it one after the other."""
    return Effects(tree, table)
