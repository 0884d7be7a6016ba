"""Extract variable: a selected expression gets a name in a statement of its own, just before.

Exactly the selected occurrence is replaced. Not offered where the language gives a value another type or
another identity once it has a name (a Go operand that is written to, an untyped constant, several values at
once); disabled with a sentence where the order of evaluation would change.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from context.document import Document
from context.refactor.grammar import go_values, typescript_values
from context.refactor.grammar.editing import Change, Editing
from context.refactor.grammar.effects import Effects, effects_of
from context.refactor.grammar.languages import table_of
from context.refactor.grammar.naming import name_for
from context.refactor.grammar.places import Place, is_part_of_chain, place_for
from context.refactor.grammar.result import checked, opened
from context.refactor.grammar.tables import Table, words
from context.refactor.grammar.walking import place_in_parent, within
from context.refactor.source_tree import SourceTree
from context.refactor.values import Offer, Refused, Rewrite, Selection

if TYPE_CHECKING:
    from tree_sitter import Node

ACTION = "extract-variable"
_MOST_NODES = 3000  # of an expression: larger ones are data
_CALLEES = ("call_expression.function", "new_expression.constructor")
_WRITTEN = words(
    "assignment_expression.left augmented_assignment_expression.left update_expression.argument "
    "assignment_statement.left for_in_statement.left range_clause.left"
)
_HEADERS = words(
    "if_statement.condition while_statement.condition do_statement.condition switch_statement.value"
)
_STATEMENTS = ("expression_statement.", "go_statement.", "defer_statement.")


def find(tree: SourceTree, selection: Selection) -> Offer | None:
    """The offer for exactly the selected expression."""
    table = table_of(tree.document.language)
    node = expression_at(tree, table, selection) if table is not None else None
    if table is None or node is None:
        return None
    effects = effects_of(tree, table)
    try:
        place = place_of(effects, node)
    except Refused as no:
        return _offer(tree, node, "", str(no))
    if place is None:
        return None
    return _offer(
        tree, node, Editing(tree, table).free_name(name_for(tree, node), _scope(tree, table, place))
    )


def perform(document: Document, offer: Offer, name: str = "") -> Rewrite:
    """The document with the variable; Refused where that is not exact or the name is taken."""
    tree, table = opened(document)
    node = expression_at(tree, table, offer.selection)
    place = place_of(effects_of(tree, table), node) if node is not None else None
    if node is None or place is None:
        raise Refused("This is no expression that a variable can take the place of.")
    editing = Editing(tree, table)
    scope = _scope(tree, table, place)
    name = editing.checked_name(name, scope) if name else editing.free_name(name_for(tree, node), scope)
    changes, marked = _changes(editing, node, place, name)
    text, name_at = editing.applied(changes, marked)
    checked(tree, text)
    return Rewrite(((document, text),), name_at=name_at)


def expression_at(tree: SourceTree, table: Table, selection: Selection) -> Node | None:
    """The expression that is exactly what was selected."""
    node = tree.exactly(selection)
    while node is not None and node.type not in table.expressions:
        below = [
            c for c in node.named_children if (c.start_byte, c.end_byte) == (node.start_byte, node.end_byte)
        ]
        node = below[0] if below else None
    if node is not None and place_in_parent(node) in _HEADERS and node.named_child_count == 1:
        node = node.named_children[0]  # these parentheses are the statement's
    if node is None or node.has_error or node.type in table.trivial or node.descendant_count > _MOST_NODES:
        return None
    return node


def place_of(effects: Effects, node: Node) -> Place | None:
    """Where the variable goes; None where it makes no sense, Refused where it is not exact."""
    table, place = effects.table, place_in_parent(node)
    if place in _CALLEES and node.type != "call_expression":
        return None
    if place in _WRITTEN or (
        place == "expression_list." and node.parent is not None and place_in_parent(node.parent) in _WRITTEN
    ):
        return None
    if place in _STATEMENTS and (table.language == "go" or node.type != "call_expression"):
        return None
    if is_part_of_chain(node) or _is_bound_to_its_place(node):
        return None
    if table.language == "go" and not go_values.can_be_named(effects, node):
        return None
    found = place_for(effects, node)
    if found is None or found.statement.has_error:
        return None
    if effects.tree.document.language.startswith("typescript"):
        typescript_values.check(effects, node)
    return found


def _is_bound_to_its_place(node: Node) -> bool:
    """JavaScript: the constructor's call of another, and what is deleted."""
    callee, above = node.child_by_field_name("function"), node.parent
    if callee is not None and callee.type == "super":
        return True
    return above is not None and above.type == "unary_expression" and above.children[0].type == "delete"


def _offer(tree: SourceTree, node: Node, name: str, disabled: str = "") -> Offer:
    return Offer(ACTION, "refactor.extract", "Extract variable", tree.span(node), name, disabled=disabled)


def _scope(tree: SourceTree, table: Table, place: Place) -> Node:
    return within(place.statement, table.functions) or tree.root


def _changes(editing: Editing, node: Node, place: Place, name: str) -> tuple[list[Change], int]:
    """The changes, and which of them holds the use of the name."""
    table, statement = editing.table, place.statement
    value = editing.of(node)
    if node.type == "parenthesized_expression":
        inside = node.named_children[0]
        is_alone = node.named_child_count == 1 and inside.type != "sequence_expression"
        value = editing.of(inside) if is_alone else value
    form = table.declaration
    if table.language == "go" and go_values.is_constant(node):
        form = table.constant
    declaration = form.format(name=name, value=value)
    if statement.type == "expression_statement" and place_in_parent(node) == "expression_statement.":
        return [Change(node.start_byte, node.end_byte, declaration)], 0
    use = Change(node.start_byte, node.end_byte, editing.apart(node, _use(node, name)))
    if place.form == "before":
        return [editing.statement_before(statement, declaration), use], 1
    newline, unit = editing.document.line_end, editing.unit
    around = editing.indentation(statement.parent.start_byte if statement.parent else statement.start_byte)
    end = editing.terminator
    inner = newline + around + unit
    hazard = table.terminator if editing.of(statement)[:1] in "([`+-/" else end
    if place.form == "body":
        opening = f"{{{inner}{declaration}{end}{inner}return "
        closing = f"{end}{newline}{around}}}"
    else:
        opening = f"{{{inner}{declaration}{hazard}{inner}"
        closing = f"{newline}{around}}}"
    before, after = statement.prev_sibling, statement.start_byte
    start = after
    if place.form == "braces" and before is not None and before.type != "comment":
        start, opening = before.end_byte, f" {opening}"
    return [
        Change(start, after, opening),
        use,
        Change(statement.end_byte, statement.end_byte, closing),
    ], 1


def _use(node: Node, name: str) -> str:
    if (
        node.type.startswith("jsx_")
        and node.parent is not None
        and node.parent.type.startswith("jsx_element")
    ):
        return f"{{{name}}}"
    return name
