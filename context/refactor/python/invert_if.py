"""An ``if`` with its condition turned round and its branches swapped; comments go with their branch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from context.refactor.python.branches import (
    colon_of,
    else_of,
    has_other_branches,
    if_at,
    last_line_of,
    turned_splice,
)
from context.refactor.python.result_checks import checked, parsed
from context.refactor.python.scope_tree import ScopeTree
from context.refactor.python.splices import Splice, line_start, spliced
from context.refactor.python.walking import nearest, parts_of
from context.refactor.values import Offer, Refused, Rewrite, Selection

if TYPE_CHECKING:
    from tree_sitter import Node

    from context.document import Document
    from context.refactor.source_tree import SourceTree


def find(tree: SourceTree, selection: Selection) -> Offer | None:
    """Offered on an ``if`` with an ``else``, as a statement or an expression."""
    node = _found(tree, selection)
    if node is None:
        return None
    disabled = "There is an 'elif': which branch would it go with?" if _has_elif(node) else ""
    return Offer("invert-if", "refactor.rewrite", "Invert 'if'", tree.span(node), disabled=disabled)


def perform(document: Document, offer: Offer, name: str = "") -> Rewrite:
    """The file with the branches swapped; takes no name."""
    tree = parsed(document)
    node = _found(tree, offer.selection)
    if node is None or _has_elif(node):
        raise Refused("There is no 'if' here with one 'else'.")
    if node.type == "conditional_expression":
        first, condition, second = parts_of(node)
        splices = [
            Splice(first.start_byte, first.end_byte, tree.text(second)),
            Splice(second.start_byte, second.end_byte, tree.text(first)),
        ]
        if second.type in ("conditional_expression", "lambda"):  # they reach as far as they can
            splices[0] = splices[0]._replace(text=f"({tree.text(second)})")
    else:
        condition = node.child_by_field_name("condition")
        splices = _swapped(tree, node)
    if condition is None:
        raise Refused("There is no condition here.")
    text = spliced(tree.source, [*splices, turned_splice(tree, condition)])
    return Rewrite(((document, checked(ScopeTree(tree), text)),))


def _found(tree: SourceTree, selection: Selection) -> Node | None:
    kinds = ("conditional_expression", "block", "module", "if_statement")
    start, end = tree.trimmed(selection)
    inner = nearest(tree.root.named_descendant_for_byte_range(start, end), kinds)
    if inner is not None and inner.type == "conditional_expression":
        return inner
    node = if_at(tree, selection)
    return node if node is not None and has_other_branches(node) else None


def _has_elif(node: Node) -> bool:
    return node.type == "if_statement" and else_of(node) is None


def _swapped(tree: SourceTree, node: Node) -> list[Splice]:
    other, source = else_of(node), tree.source
    if other is None:
        raise Refused("There is no 'else'.")
    first_start, second_start = colon_of(node).end_byte, colon_of(other).end_byte
    first = source[first_start : line_start(source, other.start_byte)].rstrip()
    first_end, second_end = first_start + len(first), last_line_of(tree, node)
    second = source[second_start:second_end]
    return [
        Splice(first_start, first_end, second.decode()),
        Splice(second_start, second_end, first.decode()),
    ]
