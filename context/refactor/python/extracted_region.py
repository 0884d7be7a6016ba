"""What is selected for an extraction: an expression, or whole statements of one block.

Knows the functions and classes around it, not what its variables are: that is ``region_interface``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from context.refactor.python.expressions import expression_at, is_docstring
from context.refactor.python.functions import Definition, has_receiver
from context.refactor.python.places import place_of
from context.refactor.python.splices import line_start, line_stop
from context.refactor.python.walking import nearest, parts_of
from context.refactor.values import Refused, Selection

if TYPE_CHECKING:
    from tree_sitter import Node

    from context.refactor.source_tree import SourceTree

_INNER = ("function_definition", "lambda", "class_definition")
_DEFINITIONS = ("function_definition", "class_definition")


@dataclass(frozen=True)
class Region:
    """``nodes``: one expression, or statements that follow each other. ``start``, ``stop``: its bytes."""

    tree: SourceTree
    nodes: tuple[Node, ...]
    is_expression: bool
    start: int
    stop: int

    @cached_property
    def around(self) -> tuple[Node, ...]:
        """The functions and classes whose bodies run it, from the inside out."""
        found, node = [], self.nodes[0]
        while (parent := node.parent) is not None:
            if parent.type in _DEFINITIONS and parent.child_by_field_name("body") == node:
                found.append(parent)
            node = parent
        return tuple(found)

    @property
    def function(self) -> Node | None:
        """The function it stands in; None in a module or class."""
        first = self.around[0] if self.around else None
        return first if first is not None and first.type == "function_definition" else None

    @property
    def outermost(self) -> Node:
        """The outermost function around it, else the module."""
        functions = [node for node in self.around if node.type == "function_definition"]
        return functions[-1] if functions else self.tree.root

    @cached_property
    def method(self) -> Definition | None:
        """The method it stands in, however deep, where that has a receiver of its own."""
        for node in self.around:
            if node.type == "class_definition":
                return None
            definition = Definition(self.tree, node)
            if definition.class_around is not None:
                return definition if has_receiver(definition) else None
        return None

    def holds(self, node: Node) -> bool:
        """Whether a node lies in it."""
        return self.nodes[0].start_byte <= node.start_byte and node.end_byte <= self.nodes[-1].end_byte

    def own(self) -> Iterator[Node]:
        """Its nodes without those of functions and classes within it."""
        waiting = list(self.nodes)
        while waiting:
            node = waiting.pop()
            yield node
            if node.type in _INNER:
                body = node.child_by_field_name("body")
                waiting.extend(part for part in node.children if part != body)
            else:
                waiting.extend(node.children)


def region_at(tree: SourceTree, selection: Selection) -> Region | None:
    """What is selected, where that is an expression or whole lines of statements; nothing of a class body."""
    region = None if selection.is_empty else _region_at(tree, selection)
    if region is None or (region.around and region.around[0].type == "class_definition"):
        return None
    if not region.is_expression:
        first = parts_of(region.nodes[0])[:1]
        return (
            None if first and is_docstring(first[0]) else region
        )  # it would become the function's docstring
    try:
        place_of(region.nodes[0])
    except Refused:
        return None  # a target, a type, a pattern: it has no value
    return region


def _region_at(tree: SourceTree, selection: Selection) -> Region | None:
    expression = expression_at(tree, selection)
    parent = expression.parent if expression is not None and expression.type != "yield" else None
    if expression is not None and parent is not None and parent.type != "expression_statement":
        return Region(tree, (expression,), True, expression.start_byte, expression.end_byte)
    start, end = tree.trimmed(selection)
    block = nearest(tree.root.descendant_for_byte_range(start, max(start, end - 1)), ("block", "module"))
    if block is not None and block.type == "block" and (start <= block.start_byte and block.end_byte <= end):
        above = block.parent
        if above is not None and above.start_byte >= start and above.end_byte <= end:
            block = nearest(above.parent, ("block", "module"))
    if block is None:
        return None
    inside = [part for part in parts_of(block) if part.end_byte > start and part.start_byte < end]
    if not inside or inside[0].start_byte < start or inside[-1].end_byte > end:
        return None
    source = tree.source
    first, last = line_start(source, inside[0].start_byte), line_stop(source, inside[-1].end_byte)
    behind = source[inside[-1].end_byte : last].strip(b" \t\r\n\f;")
    if source[first : inside[0].start_byte].strip() or (behind and behind[:1] != b"#"):
        return None  # shares a line with something else
    comment = line_start(source, start)
    return Region(tree, tuple(inside), False, min(first, comment), last)
