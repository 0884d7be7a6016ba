"""What becomes of a place that calls a method when the method is a function of the module.

The receiver becomes an argument or goes; what is bound to it for later becomes a ``functools.partial``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from context.refactor.python.arguments import given, realigned, with_first, without_first
from context.refactor.python.imports import import_of
from context.refactor.python.method_sites import Site, is_target, line_of
from context.refactor.python.scope_tree import ScopeTree
from context.refactor.python.splices import Splice
from context.refactor.values import Refused

if TYPE_CHECKING:
    from tree_sitter import Node


class FunctionCalls:
    """``is_static``, ``is_of_class``: what the method was. ``keeps_receiver``: the function has it too."""

    def __init__(
        self, names: ScopeTree, name: str, is_static: bool, is_of_class: bool, keeps_receiver: bool
    ) -> None:
        self.names, self.tree, self.name = names, names.tree, name
        self.is_static, self.is_of_class, self.keeps_receiver = is_static, is_of_class, keeps_receiver
        self.imports: list[Splice] = []

    def at(self, site: Site) -> list[Splice]:
        """What becomes of a place that names the method."""
        node, call = site.node, site.call
        if site.scope.owner(self.name) not in (None, self.names.module):
            raise Refused(
                f"In line {line_of(node)}, {self.name!r} means something else; choose another name."
            )
        if is_target(node):
            raise Refused(f"Line {line_of(node)} puts something else in the method's place.")
        named = Splice(node.start_byte, node.end_byte, self.name)
        if call is None:
            return self._as_value(site)
        arguments = call.child_by_field_name("arguments")
        if arguments is None:
            raise Refused(f"Line {line_of(node)} cannot be read.")
        splices = [named, *self._arguments(site, arguments)]
        moved = len(self.name) - len(self.tree.text(node))
        if "\n" not in self.tree.text(node):
            splices += realigned(self.tree, arguments, moved)
        return splices

    def _arguments(self, site: Site, arguments: Node) -> list[Splice]:
        text = self.tree.text(site.node.children[0])
        by_class = site.receiver.kind == "class"
        if self.is_static or (self.is_of_class and not self.keeps_receiver):
            self._require_pure(site)
            return []
        if self.is_of_class:
            return with_first(self.tree, arguments, text if by_class else f"type({text})")
        if not by_class:
            if self.keeps_receiver:
                return with_first(self.tree, arguments, text)
            self._require_pure(site)
            return []
        if self.keeps_receiver:
            return []  # Class.method(instance, ...) passes it already
        first = given(arguments)[:1]
        if not first or first[0].type != "identifier":
            raise Refused(f"Line {line_of(site.node)} gives the method a receiver that is more than a name.")
        return without_first(self.tree, given(arguments), arguments)

    def _require_pure(self, site: Site) -> None:
        text = self.tree.text(site.node.children[0])
        if "(" in text and not re.fullmatch(r"type\(\w+\)", text):
            raise Refused(f"Line {line_of(site.node)} makes an instance that nothing would make any more.")

    def _as_value(self, site: Site) -> list[Splice]:
        """The method as a value: bound to its receiver where it needs one."""
        node, by_class = site.node, site.receiver.kind == "class"
        named = Splice(node.start_byte, node.end_byte, self.name)
        if self.is_static or not (self.keeps_receiver or by_class):
            self._require_pure(site)
            return [named]
        if by_class and not self.is_of_class:
            if self.keeps_receiver:
                return [named]
            raise Refused(f"Line {line_of(node)} takes the method with its receiver as first argument.")
        if by_class and not self.keeps_receiver:
            return [named]
        text = self.tree.text(node.children[0])
        if not text.isidentifier():
            raise Refused(f"Line {line_of(node)} keeps the method for later, bound to {text!r}.")
        bound = text if by_class or not self.is_of_class else f"type({text})"
        partial, self.imports = import_of(self.names, site.scope, "functools", "partial")
        return [Splice(node.start_byte, node.end_byte, f"{partial}({self.name}, {bound})")]
