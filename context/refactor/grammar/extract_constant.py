"""Extract constant: a selected literal gets a name at the top of its file.

At the top, so that it has its value before anything of the file runs. Only the selected literal is replaced.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from context.document import Document
from context.refactor.grammar.editing import Change, Editing
from context.refactor.grammar.extract_variable import expression_at
from context.refactor.grammar.languages import table_of
from context.refactor.grammar.naming import constant_name
from context.refactor.grammar.result import checked, opened
from context.refactor.grammar.tables import Table, words
from context.refactor.grammar.walking import place_in_parent, within
from context.refactor.source_tree import SourceTree
from context.refactor.values import Offer, Refused, Rewrite, Selection

if TYPE_CHECKING:
    from tree_sitter import Node

ACTION = "extract-constant"
_NEVER = words("expression_statement. jsx_attribute. call_expression.function")
_HEADERS = words("import_statement import_declaration package_clause hash_bang_line comment")
_TIED = ("typeof", "const")  # words beside a literal that want it to be one


def find(tree: SourceTree, selection: Selection) -> Offer | None:
    """The offer for exactly the selected literal, in a function."""
    table = table_of(tree.document.language)
    node = _literal(tree, table, selection) if table is not None else None
    if table is None or node is None:
        return None
    name = Editing(tree, table).free_name(constant_name(tree, node), tree.root)
    return Offer(ACTION, "refactor.extract", "Extract constant", tree.span(node), name)


def perform(document: Document, offer: Offer, name: str = "") -> Rewrite:
    """The document with the constant; Refused where the name is taken."""
    tree, table = opened(document)
    node = _literal(tree, table, offer.selection)
    if node is None:
        raise Refused("This is no literal that a constant can take the place of.")
    editing = Editing(tree, table)
    name = (
        editing.checked_name(name, tree.root)
        if name
        else editing.free_name(constant_name(tree, node), tree.root)
    )
    declaration = table.constant.format(name=name, value=editing.of(node)) + editing.terminator
    changes = [
        _at_the_top(editing, declaration),
        Change(node.start_byte, node.end_byte, editing.apart(node, name)),
    ]
    text, name_at = editing.applied(changes, 1)
    checked(tree, text)
    return Rewrite(((document, text),), name_at=name_at)


def _literal(tree: SourceTree, table: Table, selection: Selection) -> Node | None:
    node = expression_at(tree, table, selection)
    if node is None or node.type not in table.literals or within(node, table.functions) is None:
        return None
    place, above = place_in_parent(node), node.parent
    if above is None or place in _NEVER or not (place in table.evaluated or place in table.literal_places):
        return None
    if place == "subscript_expression.index" and tree.document.language.startswith("typescript"):
        return None  # a tuple's element, or a property's
    beside = [*above.children, *(child.children[0] for child in above.children if child.child_count)]
    if any(child.type in _TIED for child in beside):
        return None
    if place == "arguments." and above.parent is not None:
        callee = above.parent.child_by_field_name("function")
        if callee is not None and tree.text(callee) in ("require", "import", "define"):
            return None  # bundlers read these
    return node


def _at_the_top(editing: Editing, declaration: str) -> Change:
    """Below the imports and directives; in a file without them above its first statement."""
    newline, last, first = editing.document.line_end, None, None
    for child in editing.tree.root.children:
        if child.type == "comment" or not child.is_named:
            continue
        if child.type in _HEADERS or _is_directive(child):
            last = child
            continue
        first = child
        break
    if last is not None:
        end = last.end_byte + len(editing.tail(last.end_byte).encode("utf-8", "replace"))
        return Change(end, end, f"{newline}{newline}{declaration}")
    if first is None:
        raise Refused("This file has no place for a constant.")
    return Change(first.start_byte, first.start_byte, f"{declaration}{newline}{newline}")


def _is_directive(node: Node) -> bool:
    return node.type == "expression_statement" and node.named_children[0].type == "string"
