"""Steps in a syntax tree: up to something, a node's place in its parent."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Node


def place_in_parent(node: Node) -> str:
    """ "type.field" of where a node stands: its parent's type, and the field's name or ""."""
    parent = node.parent
    if parent is None:
        return "."
    for number, child in enumerate(parent.children):
        if child.id == node.id:
            return f"{parent.type}.{parent.field_name_for_child(number) or ''}"
    return "."


def within(node: Node | None, kinds: Collection[str]) -> Node | None:
    """The node itself or the nearest one around it of these types."""
    while node is not None and node.type not in kinds:
        node = node.parent
    return node


def contains(outer: Node, inner: Node) -> bool:
    """Whether ``inner`` lies in ``outer`` or is it."""
    return outer.start_byte <= inner.start_byte and inner.end_byte <= outer.end_byte


def walk(node: Node, past: Collection[str] = ()) -> Iterator[Node]:
    """A node and all below it, in order; what lies below nodes of the types ``past`` is left out."""
    waiting = [node]
    while waiting:
        one = waiting.pop()
        yield one
        if one.type not in past or one.id == node.id:
            waiting.extend(reversed(one.children))
