"""A function whose body may stand in the place of a call: what it is made of, and why it may not."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from context.refactor.python.expressions import is_docstring
from context.refactor.python.flow import Flow
from context.refactor.python.functions import Definition
from context.refactor.python.scope_tree import ScopeTree
from context.refactor.python.scopes import Scope
from context.refactor.python.walking import parts_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tree_sitter import Node

_INNER = ("function_definition", "lambda", "class_definition")
_FRAME = ("locals", "vars", "dir", "eval", "exec")


@dataclass(frozen=True)
class Callee:
    """One function of the file."""

    names: ScopeTree
    definition: Definition

    @cached_property
    def scope(self) -> Scope:
        """Its own variables."""
        return self.names.scope_of_node[self.definition.node.id]

    @cached_property
    def flow(self) -> Flow:
        """Questions about them."""
        return Flow(self.names, self.scope)

    @cached_property
    def statements(self) -> tuple[Node, ...]:
        """Its body without the docstring, and without a ``pass`` that stands for nothing."""
        found = parts_of(self.definition.body)
        first = parts_of(found[0])[:1] if found else []
        if first and is_docstring(first[0]):
            found = found[1:]
        return tuple(node for node in found if node.type != "pass_statement")

    @cached_property
    def expression(self) -> Node | None:
        """What it returns, where returning is all it does."""
        if len(self.statements) != 1 or self.statements[0].type != "return_statement":
            return None
        return next(iter(parts_of(self.statements[0])), None)

    @cached_property
    def returns(self) -> tuple[Node, ...]:
        """Its return statements."""
        return tuple(node for node in self.own() if node.type == "return_statement")

    @property
    def returns_at_end_only(self) -> bool:
        """Whether it runs down to its end, with or without a value."""
        last = self.statements[-1:]
        return all(node in last for node in self.returns)

    def own(self) -> Iterator[Node]:
        """The nodes of its body without those of functions and classes within it."""
        waiting = list(self.statements)
        while waiting:
            node = waiting.pop()
            yield node
            if node.type not in _INNER:
                waiting.extend(node.children)

    def hindrance(self) -> str:
        """Why its body cannot stand elsewhere; "" where it can."""
        definition, tree = self.definition, self.names.tree
        if definition.node.has_error:
            return "The function has a syntax error; mend that first."
        if definition.decorators and definition.decorators != ("classmethod",):
            return f"@{definition.decorators[0]} may change what a call does."
        if any(node.type == "yield" for node in self.own()):
            return "The function is a generator."
        for node in self.own():
            if node.type in ("global_statement", "nonlocal_statement"):
                return "The function declares variables that live elsewhere."
            if node.type == "call" and tree.text(node.children[0]) in _FRAME:
                return (
                    f"The function calls {tree.text(node.children[0])}(), which depends on where it stands."
                )
            if node.type in ("class_definition", "decorated_definition"):
                return "The function defines a class or decorates a function."
        if any(use.kind == "delete" for scope in self.scope.inside() for use in scope.uses):
            return "The function deletes variables."
        if any(use.name == definition.name for scope in self.scope.inside() for use in scope.uses):
            return "The function calls itself."
        return ""
