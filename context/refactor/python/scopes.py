"""A scope of a Python file and the uses of names in it: whose variable a name is.

By the rules of the language reference, "Naming and binding". Made by ``scope_tree``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from tree_sitter import Node

ScopeKind = Literal["module", "class", "function", "comprehension", "types"]


class Use(NamedTuple):
    """One identifier where it stands for a variable. ``scope`` is the one it is written in."""

    name: str
    kind: Literal["read", "bind", "delete"]
    node: Node
    scope: Scope


@dataclass(eq=False, slots=True)
class Scope:
    """A module, class, function (a lambda is one) or comprehension, or the type parameters around one."""

    kind: ScopeKind
    node: Node
    parent: Scope | None
    uses: list[Use] = field(default_factory=list)
    bound: set[str] = field(default_factory=set)
    to_module: set[str] = field(default_factory=set)  # declared ``global``
    to_outside: set[str] = field(default_factory=set)  # declared ``nonlocal``
    children: list[Scope] = field(default_factory=list)
    star_import: bool = False

    def owner(self, name: str) -> Scope | None:
        """The scope whose variable ``name`` means here; None for a builtin or undefined one."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.to_module:
                return scope.module if name in scope.module.bound else None
            if name in scope.bound and name not in scope.to_outside and scope.is_seen_from(self):
                return scope
            scope = scope.parent
        return None

    def is_seen_from(self, other: Scope) -> bool:
        """Whether names bound here are visible in ``other``, which is this scope or inside it."""
        return self.kind != "class" or self is other or (other.kind == "types" and other.parent is self)

    @property
    def module(self) -> Scope:
        """The outermost scope."""
        scope = self
        while scope.parent is not None:
            scope = scope.parent
        return scope

    def inside(self) -> Iterator[Scope]:
        """This scope and every one within it."""
        stack: list[Scope] = [self]
        while stack:
            scope = stack.pop()
            yield scope
            stack.extend(reversed(scope.children))

    def around(self) -> Iterator[Scope]:
        """This scope and every one that holds it, from the inside out."""
        scope: Scope | None = self
        while scope is not None:
            yield scope
            scope = scope.parent

    def uses_of(self, name: str) -> list[Use]:
        """Every use of this scope's variable ``name``, in the order of the text."""
        found = [
            use
            for scope in self.inside()
            for use in scope.uses
            if use.name == name and scope.owner(name) is self
        ]
        return sorted(found, key=lambda use: use.node.start_byte)
