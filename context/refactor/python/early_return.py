"""An ``if`` around the rest of a block to a guard that leaves early; the block moves one step to the left.

Three shapes: an ``if`` that ends a function or a loop, one whose ``else`` only leaves, and one that leaves
itself so that its ``else`` is not needed. Strings keep their lines as they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from context.refactor.python.branches import (
    JUMPS,
    block_of,
    colon_of,
    else_of,
    ends_with_jump,
    has_comment,
    has_head_comment,
    has_other_branches,
    if_at,
    is_below,
    only_statement,
    turned_splice,
)
from context.refactor.python.result_checks import checked, parsed
from context.refactor.python.scope_tree import ScopeTree
from context.refactor.python.splices import Splice, indentation, line_start, line_stop, shifted, spliced
from context.refactor.python.walking import parts_of
from context.refactor.values import Offer, Refused, Rewrite, Selection

if TYPE_CHECKING:
    from tree_sitter import Node

    from context.document import Document
    from context.refactor.source_tree import SourceTree

_LOOPS = ("for_statement", "while_statement")


def find(tree: SourceTree, selection: Selection) -> Offer | None:
    """Offered on an ``if`` that one of the three shapes fits."""
    node = if_at(tree, selection)
    if node is None or not is_below(node):
        return None
    if (guard := _guard(tree, node)) is None:
        return None
    title = "Remove 'else' behind what leaves" if guard == "" else f"Leave early with '{guard}'"
    return Offer("early-return", "refactor.rewrite", title, tree.span(node))


def perform(document: Document, offer: Offer, name: str = "") -> Rewrite:
    """The file with the guard; takes no name."""
    tree = parsed(document)
    node = if_at(tree, offer.selection)
    guard = _guard(tree, node) if node is not None else None
    if node is None or guard is None:
        raise Refused("There is no 'if' here that could leave early.")
    splices = _without_else(tree, node) if guard == "" else _guarded(tree, node, guard)
    return Rewrite(((document, checked(ScopeTree(tree), spliced(tree.source, splices))),))


def _guard(tree: SourceTree, node: Node) -> str | None:
    """What the guard would do; "" where the ``if`` leaves already and only its ``else`` is too much."""
    other, block = else_of(node), block_of(node)
    if other is None:
        return None if has_other_branches(node) else _way_out(node)
    if not is_below(other) or has_head_comment(other):
        return None
    if ends_with_jump(block):
        return ""
    only = only_statement(block_of(other))
    leaves = only is not None and only.type in JUMPS and not has_comment(other)
    return tree.text(only) if only is not None and leaves else None


def _way_out(node: Node) -> str | None:
    """How to leave what an ``if`` is the last statement of."""
    block = node.parent
    if block is None or block.type != "block" or parts_of(block)[-1] != node or block.parent is None:
        return None
    around = block.parent
    if around.type in _LOOPS and around.child_by_field_name("body") == block:
        return "continue"
    return "return" if around.type == "function_definition" else None


def _guarded(tree: SourceTree, node: Node, guard: str) -> list[Splice]:
    """The condition turned round, the way out under it, the block to the left."""
    condition, block, source = node.child_by_field_name("condition"), block_of(node), tree.source
    if condition is None:
        raise Refused("There is no condition here.")
    outer, inner = indentation(source, node.start_byte), indentation(source, block.start_byte)
    first, last = line_stop(source, colon_of(node).end_byte), line_stop(source, block.end_byte)
    other = else_of(node)
    if other is not None:
        last = line_start(source, other.start_byte)
    splices = [
        turned_splice(tree, condition),
        Splice(first, first, f"{inner}{guard}{tree.document.line_end}"),
    ]
    splices += shifted(tree, first, last, inner, outer)
    if other is not None:
        splices.append(Splice(last, _end_of_branch(source, node), ""))
    return _merged(splices, first)


def _without_else(tree: SourceTree, node: Node) -> list[Splice]:
    other, source = else_of(node), tree.source
    if other is None:
        raise Refused("There is no 'else'.")
    outer, inner = indentation(source, node.start_byte), indentation(source, block_of(other).start_byte)
    start = line_start(source, other.start_byte)
    first = line_stop(source, colon_of(other).end_byte)
    return [Splice(start, first, ""), *shifted(tree, first, _end_of_branch(source, node), inner, outer)]


def _end_of_branch(source: bytes, node: Node) -> int:
    return line_stop(source, node.end_byte)


def _merged(splices: list[Splice], at: int) -> list[Splice]:
    """An insertion and the change of the indentation behind it as one: both begin at the same byte."""
    here = [one for one in splices if one.start == at]
    rest = [one for one in splices if one.start != at]
    if len(here) < 2:
        return splices
    inserted, moved = sorted(here, key=lambda one: one.end)
    return [*rest, Splice(at, moved.end, inserted.text + moved.text)]
