"""The last look at a refactored text, and the first at a document: what cannot be parsed is refused."""

from __future__ import annotations

from dataclasses import replace

from context.document import Document, split_lines
from context.refactor.grammar.editing import error_count
from context.refactor.grammar.languages import table_of
from context.refactor.grammar.tables import Table
from context.refactor.source_tree import SourceTree
from context.refactor.values import Refused


def opened(document: Document) -> tuple[SourceTree, Table]:
    """A document's tree and its language's table."""
    table, tree = table_of(document.language), SourceTree.of(document)
    if table is None or tree is None:
        raise Refused(f"There is no exact refactoring for {document.language} files of this kind.")
    return tree, table


def checked(before: SourceTree, text: str) -> SourceTree:
    """The tree of the new text; Refused where it has more errors than the old one had."""
    after = SourceTree.of(replace(before.document, lines=split_lines(text)))
    if after is None or error_count(after) > error_count(before):
        raise Refused("The result would not parse here, so nothing was changed.")
    return after
