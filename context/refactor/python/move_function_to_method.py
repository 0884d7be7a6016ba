"""A function whose first parameter is an instance of a class of the file becomes a method of that class.

The class is the parameter's annotation, or what every call in the file gives it. The calls in the file
follow; the parameter becomes ``self``. Refused where the class or its family would see the name otherwise.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from context.refactor.python.arguments import given, realigned, without_first
from context.refactor.python.functions import Definition, definition_at, private_names
from context.refactor.python.receivers import Receivers
from context.refactor.python.removal import without
from context.refactor.python.result_checks import checked, parsed
from context.refactor.python.scope_tree import scopes_of
from context.refactor.python.scopes import Use
from context.refactor.python.splices import Splice, indentation, line_start, shifted, spliced
from context.refactor.python.walking import is_inside, parts_of
from context.refactor.values import Offer, Refused, Rewrite, Selection

if TYPE_CHECKING:
    from tree_sitter import Node

    from context.document import Document
    from context.refactor.source_tree import SourceTree

_ACTION = "move-function-to-method"
_ATOMS = ("identifier", "attribute", "call", "subscript", "parenthesized_expression")


def find(tree: SourceTree, selection: Selection) -> Offer | None:
    """Offered on the head of a function of the module that may have an owner in the file."""
    function = definition_at(tree, selection)
    if function is None or not _is_candidate(function):
        return None
    title, disabled = f"Move function '{function.name}' to a method", ""
    try:
        move = _Move(tree, function)
        title += f" of '{move.owner.name}'"
        move.splices()
    except _NoOwner:
        return None
    except Refused as refused:
        disabled = str(refused)
    return Offer(
        _ACTION, "refactor.rewrite", title, tree.span(function.node), function.name, disabled=disabled
    )


def perform(document: Document, offer: Offer, name: str = "") -> Rewrite:
    """The file with the function as the last method of its class. It keeps its name."""
    tree = parsed(document)
    function = definition_at(tree, offer.selection)
    if function is None or not _is_candidate(function):
        raise Refused("There is no function of the module here any more.")
    if name not in ("", function.name):
        raise Refused("The method keeps the function's name; rename it afterwards.")
    move = _Move(tree, function)
    text = checked(move.names, spliced(tree.source, move.splices()))
    notes = (
        [] if function.name.startswith("_") else [f"Other files may call {function.name!r} as a function."]
    )
    return Rewrite(((document, text),), notes=tuple(notes))


class _NoOwner(Refused):
    """No class of the file is meant."""


def _is_candidate(function: Definition) -> bool:
    first = function.parameters[:1]
    in_module = function.outer.parent == function.tree.root
    has_classes = re.search(rb"(?m)^[ \t]*class[ \t]", function.tree.source) is not None
    is_plain = not function.is_class and not function.decorators and not function.node.has_error
    return (
        bool(first) and first[0].kind in ("either", "positional") and in_module and is_plain and has_classes
    )


class _Move:
    """One function on its way into a class."""

    def __init__(self, tree: SourceTree, function: Definition) -> None:
        self.tree, self.function = tree, function
        self.names = scopes_of(tree)
        self.receivers = Receivers(self.names)
        self.scope = self.names.scope_of_node[function.node.id]
        self.first = function.parameters[0]
        self.calls = self._calls()
        self.owner = self._owner()
        self._require_fit()

    def splices(self) -> list[Splice]:
        """The function gone, its calls changed, the method there."""
        start, stop = self.function.first_line, self.function.last_line
        changes = [*self._self(), *(splice for call in self.calls for splice in self._call(call))]
        body = parts_of(self.owner.body)
        inner = indentation(self.tree.source, body[0].start_byte)
        if line_start(self.tree.source, body[0].start_byte) <= self.owner.node.start_byte:
            raise Refused(f"The body of {self.owner.name!r} stands on the line of its head.")
        end = self.tree.document.line_end
        moved = spliced(
            self.tree.source, [*changes, *shifted(self.tree, start, stop, "", inner)], start, stop
        )
        if not moved.startswith(inner):
            moved = inner + moved
        place = self.owner.last_line
        ends = self.tree.source[:place].endswith((b"\n", b"\r"))
        moved = (end if ends else end * 2) + moved.rstrip("\r\n") + (end if ends else "")
        outside = [splice for splice in changes if not start <= splice.start < stop]
        return [*outside, without(self.function), Splice(place, place, moved)]

    def _calls(self) -> list[tuple[Node, Use]]:
        found = []
        uses = self.names.module.uses_of(self.function.name)
        if sum(use.kind != "read" for use in uses) != 1:
            raise _NoOwner(f"{self.function.name!r} is bound in several places.")
        for use in uses:
            call = use.node.parent
            if use.kind != "read":
                continue
            if call is None or call.type != "call" or call.child_by_field_name("function") != use.node:
                raise _NoOwner(f"Line {use.node.start_point[0] + 1} takes the function as a value.")
            found.append((call, use))
        return found

    def _receiver_of(self, call: Node) -> Node:
        arguments = call.child_by_field_name("arguments")
        first = given(arguments)[:1] if arguments is not None else []
        if not first or first[0].type in ("keyword_argument", "list_splat", "dictionary_splat"):
            raise Refused(f"Line {call.start_point[0] + 1} does not give the instance as its first argument.")
        return first[0]

    def _owner(self) -> Definition:
        """The class that is meant."""
        known = self.receivers.annotated(self.first)
        if known is not None:
            return known
        found: list[Definition] = []
        for call, use in self.calls:
            given_here = self._receiver_of(call)
            if use.scope is self.scope and self.tree.text(given_here) == self.first.name:
                continue  # it passes on what it was given
            receiver = self.receivers.of(given_here, use.scope)
            if receiver is None or receiver.kind != "instance":
                raise _NoOwner(f"Line {call.start_point[0] + 1} gives it something unknown.")
            if receiver.definition not in found:
                found.append(receiver.definition)
        if len(found) != 1:
            raise _NoOwner("No one class is meant.")
        return found[0]

    def _require_fit(self) -> None:
        name, owner = self.function.name, self.owner
        if owner.function_around is not None or owner.node.has_error:
            raise _NoOwner("The class is local to a function.")
        for other in (owner, *self.receivers.bases(owner)[0], *self.receivers.derived(owner)):
            if self.receivers.binds(other, name):
                raise Refused(f"{other.name!r} already has a {name!r}.")
        if any(self.tree.text(node.children[-1]) == name for node, _ in self.names.attributes):
            raise Refused(f"Something in the file already has an attribute {name!r}.")
        if name.startswith("__") or private_names(self.tree, self.function.node):
            raise Refused("Python changes names that begin with two underscores inside a class.")
        own = {use.name for scope in self.scope.inside() for use in scope.uses}
        if self.first.name != "self" and "self" in own:
            raise Refused("The function uses 'self' for something else.")
        bound = self.names.scope_of_node[owner.node.id].bound
        for use in self.names.uses.values():
            in_head = self.function.node.start_byte < use.node.start_byte < self.function.body.start_byte
            if not in_head or use.kind != "read" or is_inside(use.node, self.first.node):
                continue
            binds = [one.node for one in self.names.module.uses_of(use.name) if one.kind == "bind"]
            late = bool(binds) and all(node.start_byte >= owner.outer.start_byte for node in binds)
            if use.name in bound or late:
                raise Refused(f"{use.name!r} in the function's head means something else inside the class.")

    def _self(self) -> list[Splice]:
        uses = self.scope.uses_of(self.first.name)
        head = self.first.node
        renamed = [
            Splice(use.node.start_byte, use.node.end_byte, "self")
            for use in uses
            if not is_inside(use.node, head) and self.first.name != "self"
        ]
        return [Splice(head.start_byte, head.end_byte, "self"), *renamed]

    def _call(self, call: tuple[Node, Use]) -> list[Splice]:
        node, use = call
        receiver, arguments = self._receiver_of(node), node.child_by_field_name("arguments")
        assert arguments is not None  # noqa: S101 - it has a first one
        known = self.receivers.of(receiver, use.scope)
        related = (self.owner, *self.receivers.derived(self.owner))
        if known is not None and (known.kind != "instance" or known.definition not in related):
            raise Refused(
                f"Line {node.start_point[0] + 1} gives it something that is no {self.owner.name!r}."
            )
        text = spliced(self.tree.source, self._self(), receiver.start_byte, receiver.end_byte)
        text = text if receiver.type in _ATOMS else f"({text})"
        called = f"{text}.{self.function.name}"
        moved = len(called) - len(self.function.name)
        return [
            Splice(use.node.start_byte, use.node.end_byte, called),
            *without_first(self.tree, given(arguments), arguments),
            *(realigned(self.tree, arguments, moved) if "\n" not in called else []),
        ]
