"""Steps in Python's syntax tree that more than one refactoring takes. Knows nothing of what they are for."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Node

    from context.refactor.source_tree import SourceTree


def kinds(words: str) -> frozenset[str]:
    """A set of node types, or of other words."""
    return frozenset(words.split())


SCOPES = ("function_definition", "lambda", "class_definition", "module")


def nearest(node: Node | None, kinds: Container[str]) -> Node | None:
    """The node itself or the closest one around it of these kinds."""
    while node is not None and node.type not in kinds:
        node = node.parent
    return node


def is_inside(node: Node, other: Node) -> bool:
    """Whether ``node`` lies in ``other`` or is it."""
    return other.start_byte <= node.start_byte and node.end_byte <= other.end_byte


def parts_of(node: Node) -> list[Node]:
    """Its named children without comments."""
    return [child for child in node.named_children if child.type != "comment"]


def walk(node: Node) -> Iterator[Node]:
    """The node and everything in it, in the order of the text."""
    waiting = [node]
    while waiting:
        one = waiting.pop()
        yield one
        waiting.extend(reversed(one.children))


def statement_of(node: Node) -> Node | None:
    """The statement around a node that stands in a block by itself."""
    found: Node | None = node
    while found is not None and (found.parent is None or found.parent.type not in ("block", "module")):
        found = found.parent
    return found


def named(tree: SourceTree, name: str, area: Node) -> list[Node]:
    """The identifiers of this name in an area, whatever they mean there."""
    found = []
    pattern = re.compile(rb"(?<!\w)" + re.escape(name.encode()) + rb"(?!\w)")
    for match in pattern.finditer(tree.source, area.start_byte, area.end_byte):
        node = tree.root.named_descendant_for_byte_range(match.start(), match.end())
        if node is not None and node.type == "identifier" and node.end_byte == match.end():
            found.append(node)
    return found


def identifier_at(tree: SourceTree, start: int, end: int) -> Node | None:
    """The identifier that is selected, or that the cursor stands in or right behind."""
    node = tree.root.named_descendant_for_byte_range(start, end)
    if (node is None or node.type != "identifier") and start == end and start > 0:
        node = tree.root.named_descendant_for_byte_range(start - 1, start)
    return node if node is not None and node.type == "identifier" else None


def is_variable(node: Node) -> bool:
    """Whether an identifier stands for a variable: no attribute, no keyword of a call."""
    parent = node.parent
    if parent is None:
        return False
    if parent.type == "attribute":
        return parent.child_by_field_name("attribute") != node
    if parent.type in ("keyword_argument", "keyword_pattern"):
        return parent.named_children[0] != node
    if parent.type == "aliased_import":
        return parent.child_by_field_name("alias") == node
    if parent.type != "dotted_name":
        return True
    around = parent.parent
    if around is None or around.type in ("aliased_import", "relative_import"):
        return False
    return parent.named_children[0] == node and around.child_by_field_name("module_name") != parent
