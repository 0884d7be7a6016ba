"""Where a file names a method of one of its classes: calls on known receivers, and what may be others.

Exact as far as ``receivers`` is. Refused where ``super()`` or a base class counts on the method being there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from context.refactor.python.functions import Definition
from context.refactor.python.receivers import Receiver, Receivers
from context.refactor.values import Refused

if TYPE_CHECKING:
    from tree_sitter import Node

    from context.refactor.python.scopes import Scope


_LISTS = ("pattern_list", "tuple_pattern", "list_pattern", "expression_list")


class Site(NamedTuple):
    """``node``: an attribute of the method's name, whose object is known."""

    node: Node
    scope: Scope
    receiver: Receiver

    @property
    def call(self) -> Node | None:
        """The call, where the attribute is called on the spot."""
        parent = self.node.parent
        if parent is None or parent.type != "call":
            return None
        return parent if parent.child_by_field_name("function") == self.node else None


def sites_of(receivers: Receivers, method: Definition, owner: Definition) -> tuple[list[Site], list[Node]]:
    """Every place that means the method of ``owner`` or of a class derived from it, and every unknown one."""
    tree = method.tree
    sites, unknown = [], []
    related = receivers.derived(owner)
    above, _ = receivers.bases(owner)
    for node, scope in receivers.names.attributes:
        if tree.text(node.children[-1]) != method.name:
            continue
        receiver = receivers.of(node.children[0], scope)
        if receiver is None:
            if not receivers.cannot_be(node.children[0], scope):
                unknown.append(node)
            continue
        definition = receiver.definition
        if receiver.kind == "super" and definition in related:
            raise Refused(f"Line {line_of(node)} calls the method through super().")
        if definition in above:
            raise Refused(f"Line {line_of(node)} counts on {definition.name!r} to have the method.")
        if receiver.kind != "super" and (definition == owner or definition in related):
            sites.append(Site(node, scope, receiver))
    return sites, unknown


def is_target(node: Node) -> bool:
    """Whether something is assigned to an attribute, or it is deleted."""
    parent = node.parent
    while parent is not None and parent.type in _LISTS:
        node, parent = parent, parent.parent
    if parent is None:
        return False
    if parent.type in ("assignment", "augmented_assignment", "for_statement", "for_in_clause"):
        return parent.child_by_field_name("left") == node
    return parent.type in ("delete_statement", "as_pattern_target")


def line_of(node: Node) -> int:
    """The line a user reads, counted from one."""
    return node.start_point[0] + 1
