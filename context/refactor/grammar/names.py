"""One name in one file: where it stands, what each of these places means by it, where it is written.

A name is found by its letters first (a search in bytes) and only then looked at in the tree, so a question
costs as much as the name has occurrences, whatever the file. Knows scopes from the language's table; knows
nothing of other files.
"""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING

from context.refactor.grammar.tables import Table
from context.refactor.grammar.walking import place_in_parent, within

if TYPE_CHECKING:
    from tree_sitter import Node

    from context.refactor.source_tree import SourceTree

_FUNCTION_SCOPED = ("variable_declaration",)  # JavaScript's var
_PARTS = ("selector_expression.operand", "index_expression.operand", "slice_expression.operand")
_CALLED = ("call_expression.function",)
_FROM_ITS_END = ("short_var_declaration", "var_spec", "const_spec", "range_clause")  # Go


class Binding:
    """A scope in which a name is bound, with the places that bind it there."""

    def __init__(self, scope: Node) -> None:
        self.scope, self.places = scope, []
        self.start, self.end = scope.start_byte, scope.end_byte
        self.known_from = 0  # where in a Go block it begins to be known

    scope: Node
    places: list[Node]


class Name:
    """All that a file, or the part of it in ``around``, says of one name."""

    def __init__(self, tree: SourceTree, table: Table, text: str, around: Node) -> None:
        self.tree, self.table, self.text, self.around = tree, table, text, around

    @cached_property
    def occurrences(self) -> list[Node]:
        """The identifiers of this name, in order."""
        found = []
        pattern = re.compile(rb"(?<![\w$])" + re.escape(self.text.encode()) + rb"(?![\w$])")
        for match in pattern.finditer(self.tree.source, self.around.start_byte, self.around.end_byte):
            node = self.tree.root.named_descendant_for_byte_range(match.start(), match.end())
            if node is not None and node.type in self.table.identifiers and node.end_byte == match.end():
                found.append(node)
        return found

    @cached_property
    def bindings(self) -> list[Binding]:
        """Scopes that bind the name."""
        by_scope: dict[int, Binding] = {}
        for node in self.occurrences:
            if (scope := self._bound_in(node)) is not None:
                by_scope.setdefault(scope.id, Binding(scope)).places.append(node)
        for binding in by_scope.values():
            binding.known_from = self._known_from(binding)
        return list(by_scope.values())

    def binding_at(self, byte: int) -> Binding | None:
        """What the name means at a place; None where the file does not bind it there."""
        around = [
            binding
            for binding in self.bindings
            if binding.start <= byte < binding.end
            and (byte >= binding.known_from or byte == binding.places[0].start_byte)
        ]
        return max(around, key=lambda binding: binding.start, default=None)

    def uses(self, binding: Binding) -> list[Node]:
        """Every occurrence that means this binding, those that bind it included."""
        places = {place.id for place in binding.places}
        return [
            node
            for node in self.occurrences
            if node.id in places
            or (
                binding.start <= node.start_byte < binding.end and self.binding_at(node.start_byte) is binding
            )
        ]

    def writes(self, binding: Binding) -> list[Node]:
        """The uses that give it a value, those that bind it included."""
        return [node for node in self.uses(binding) if node in binding.places or self._is_written(node)]

    def is_fixed(self, node: Node) -> bool:
        """Whether a use names what is bound in this file once and never given another value."""
        binding = self.binding_at(node.start_byte)
        if binding is None or self.is_imported(binding) or self._is_shared(binding):
            return False
        return len(self.writes(binding)) == 1 and not self._leaks(binding)

    def is_imported(self, binding: Binding) -> bool:
        """Whether it is another module's, which may give it another value."""
        binder = self._binder(binding.places[0])[0]
        return binder is not None and binder.type.startswith("import_")

    def _is_shared(self, binding: Binding) -> bool:
        """Whether other files of a Go package can assign to it."""
        binder = self._binder(binding.places[0])[0]
        return binding.scope.type == "source_file" and binder is not None and binder.type == "var_spec"

    def _leaks(self, binding: Binding) -> bool:
        """Whether a Go variable may be changed without being assigned to: by its address, or in its parts."""
        return self.table.language == "go" and any(self._is_addressed(node) for node in self.uses(binding))

    def _is_addressed(self, node: Node) -> bool:
        chain = node
        while place_in_parent(chain) in _PARTS and chain.parent is not None:
            chain = chain.parent
        around, place = chain.parent, place_in_parent(chain)
        if around is None:
            return False
        if chain != node and (place in _CALLED or self._is_written(chain)):
            return True  # a method may have a pointer receiver
        return around.type == "unary_expression" and around.children[0].type == "&"

    def _known_from(self, binding: Binding) -> int:
        if self.table.language != "go" or binding.scope.type == "source_file":
            return 0
        binder = self._binder(binding.places[0])[0]
        return binder.end_byte if binder is not None and binder.type in _FROM_ITS_END else 0

    def _binder(self, node: Node) -> tuple[Node | None, str]:
        """What holds a name or the pattern around it, and in which of its places."""
        place, parent = place_in_parent(node), node.parent
        while parent is not None and place in self.table.patterns:
            place, parent = place_in_parent(parent), parent.parent
        return parent, place

    def _is_written(self, node: Node) -> bool:
        return self._binder(node)[1] in self.table.writes

    def _bound_in(self, node: Node) -> Node | None:
        binder, place = self._binder(node)
        reach = self.table.bindings.get(place)
        if binder is None or reach is None or not self._declares(binder):
            return None
        if binder.type == "import_specifier" and (alias := binder.child_by_field_name("alias")) is not None:
            return self.tree.root if node == alias else None
        if reach == "file":
            return self.tree.root
        if reach == "self":
            return binder
        above = binder.parent
        hoisted = above is not None and above.type in _FUNCTION_SCOPED
        if reach == "function" or hoisted:
            return within(binder, self.table.functions) or self.tree.root
        if binder.type in self.table.scopes and place.endswith((".left", ".alias")):
            return binder  # the loop's own variable
        return within(above, self.table.scopes) or self.tree.root

    def _declares(self, binder: Node) -> bool:
        """Whether what looks the same as an assignment is a declaration."""
        if binder.type == "for_in_statement":
            return binder.child_by_field_name("kind") is not None
        if binder.type in ("range_clause", "receive_statement"):
            return any(child.type == ":=" for child in binder.children)
        return True


def names_in(tree: SourceTree, table: Table, node: Node) -> dict[str, list[Node]]:
    """The identifiers in ``node`` by name."""
    found: dict[str, list[Node]] = {}
    waiting = [node]
    while waiting:
        one = waiting.pop()
        if one.type in table.identifiers:
            found.setdefault(tree.text(one), []).append(one)
        waiting.extend(one.named_children)
    return found
