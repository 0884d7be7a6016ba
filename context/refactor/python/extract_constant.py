"""A literal to a constant of the module, below its imports and constants; the selected occurrence only.

Literals have no effects and never change, so only names matter: the new one must be free in the whole file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from context.document import Position, end_of
from context.refactor.python.effects import Effects
from context.refactor.python.equivalence import marker_for, require_same
from context.refactor.python.expressions import apart, as_value, expression_at, is_docstring
from context.refactor.python.extract_variable import require_free
from context.refactor.python.functions import require_name
from context.refactor.python.naming import constant_name, unused
from context.refactor.python.places import place_of
from context.refactor.python.result_checks import checked, parsed
from context.refactor.python.scope_tree import ScopeTree
from context.refactor.python.splices import line_start, line_stop
from context.refactor.python.walking import walk
from context.refactor.values import Offer, Refused, Rewrite, Selection

if TYPE_CHECKING:
    from tree_sitter import Node

    from context.document import Document
    from context.refactor.source_tree import SourceTree

_IMPORTS = ("import_statement", "import_from_statement", "future_import_statement")
_SIMPLE = (*_IMPORTS, "pass_statement")


def find(tree: SourceTree, selection: Selection) -> Offer | None:
    """Offered for a selected number or string, or a tuple or sum of such."""
    node = expression_at(tree, selection)
    if node is None or not Effects(tree).is_constant(node) or node.type == "expression_list":
        return None
    span = tree.span(node)
    try:
        _require_value(tree, node)
    except Refused as refused:
        return Offer("extract-constant", "refactor.extract", "Extract constant", span, disabled=str(refused))
    name = unused(tree, constant_name(tree, node), tree.root)
    return Offer("extract-constant", "refactor.extract", f"Extract constant '{name}'", span, name)


def perform(document: Document, offer: Offer, name: str = "") -> Rewrite:
    """The file with the constant and its name where the literal was."""
    tree = parsed(document)
    node = expression_at(tree, offer.selection)
    if node is None or not Effects(tree).is_constant(node):
        raise Refused("What is selected is no literal.")
    _require_value(tree, node)
    scopes, name = ScopeTree(tree), name or offer.name
    require_name(name)
    require_free(scopes, tree.root, name)
    source = tree.source
    at, before, after = _place(tree, node)
    head = source[:at].decode() + before
    between, rest = source[at : node.start_byte].decode(), source[node.end_byte :].decode()
    value = f"{as_value(tree.text(node))}{document.line_end}{after}{between}"

    def text_with(name: str) -> str:
        return f"{head}{name} = {value}{apart(source, node, name)}{rest}"

    text, marker = text_with(name), marker_for(document.text)
    require_same(text_with(marker), marker, document.text)
    return Rewrite(((document, checked(scopes, text)),), name_at=end_of(Position(0, 0), head))


def _require_value(tree: SourceTree, node: Node) -> None:
    place_of(node)
    above = node.parent
    if above is not None and above.type == "subscript" and tree.text(above.children[0]).endswith("Literal"):
        raise Refused("Type checkers have to see a type where it stands.")


def _place(tree: SourceTree, node: Node) -> tuple[int, str, str]:
    """Where the constant goes, and what comes before and after it."""
    end, source = tree.document.line_end, tree.source
    statements = [child for child in tree.root.named_children if child.type != "comment"]
    last: Node | None = None
    for number, statement in enumerate(statements):
        if statement.end_byte > node.start_byte or not _is_head(tree, statement, first=number == 0):
            break
        last = statement
    if last is None:
        return _above(tree, statements[0]), "", end * 2
    at = line_stop(source, last.end_byte)
    if any(last.end_byte <= one.start_byte < at for one in statements):
        raise Refused("Two statements share the line below which the constant would go.")
    before = "" if last.type == "expression_statement" and not is_docstring(last.children[0]) else end
    missing = "" if source[:at].endswith((b"\n", b"\r")) else end
    following = source[at : line_stop(source, at)]
    return at, missing + before, end if following.strip() and before else ""


def _above(tree: SourceTree, statement: Node) -> int:
    """The beginning of a statement's line, or of the comment right above it that is not the file's own."""
    comment, row, start = statement.prev_sibling, statement.start_point.row, statement.start_byte
    while comment is not None and comment.type == "comment" and comment.start_point.row == row - 1:
        row, start = row - 1, comment.start_byte
        comment = comment.prev_sibling
    return line_start(tree.source, start if row > 0 else statement.start_byte)


def _is_head(tree: SourceTree, statement: Node, first: bool) -> bool:
    """Whether a module's first statements are meant: docstring, imports, guarded ones too, constants."""
    if statement.type in _IMPORTS:
        return True
    if statement.type in ("if_statement", "try_statement"):
        blocks = [one for one in walk(statement) if one.type == "block"]
        return all(one.type in (*_SIMPLE, "comment") for block in blocks for one in block.named_children)
    if statement.type != "expression_statement":
        return False
    only = statement.children[0]
    if only.type == "assignment":
        left = only.children[0]
        text = tree.text(left)
        return left.type == "identifier" and (text.isupper() or text.startswith("__"))
    return first and is_docstring(only)
