"""Invert if: the opposite condition, and the two blocks in each other's place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from context.document import Document
from context.refactor.grammar.branches import Branch, branch_at
from context.refactor.grammar.conditions import inner, negated
from context.refactor.grammar.editing import Change, Editing
from context.refactor.grammar.languages import table_of
from context.refactor.grammar.result import checked, opened
from context.refactor.values import Offer, Refused, Rewrite, Selection

if TYPE_CHECKING:
    from context.refactor.source_tree import SourceTree

ACTION = "invert-if"


def find(tree: SourceTree, selection: Selection) -> Offer | None:
    """The offer at the head of an if with an else, both with blocks."""
    table = table_of(tree.document.language)
    branch = branch_at(tree, table, selection) if table is not None else None
    if table is None or branch is None or not _has_two_blocks(branch, table.block):
        return None
    return Offer(ACTION, "refactor.rewrite", "Invert if", tree.span(branch.condition))


def perform(document: Document, offer: Offer, name: str = "") -> Rewrite:
    """The document with the if inverted; ``name`` means nothing here."""
    tree, table = opened(document)
    branch = branch_at(tree, table, offer.selection)
    if branch is None or branch.otherwise is None or not _has_two_blocks(branch, table.block):
        raise Refused("This is no if with two blocks.")
    editing = Editing(tree, table)
    condition, then, otherwise = inner(branch.condition), branch.then, branch.otherwise
    text = editing.apply(
        [
            Change(condition.start_byte, condition.end_byte, negated(editing, condition)),
            Change(then.start_byte, then.end_byte, editing.of(otherwise)),
            Change(otherwise.start_byte, otherwise.end_byte, editing.of(then)),
        ]
    )
    checked(tree, text)
    return Rewrite(((document, text),))


def _has_two_blocks(branch: Branch, block: str) -> bool:
    return branch.then.type == block and branch.otherwise is not None and branch.otherwise.type == block
