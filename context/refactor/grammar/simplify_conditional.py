"""Simplify conditional: a condition that only says true or false is returned itself; two ifs become one."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from context.document import Document
from context.refactor.grammar.branches import Branch, branch_at, branch_of, statements_of
from context.refactor.grammar.conditions import inner, is_boolean, negated, operator_of
from context.refactor.grammar.editing import Change, Editing
from context.refactor.grammar.languages import table_of
from context.refactor.grammar.result import checked, opened
from context.refactor.grammar.tables import Table
from context.refactor.grammar.walking import within
from context.refactor.values import Offer, Refused, Rewrite, Selection

if TYPE_CHECKING:
    from tree_sitter import Node

    from context.refactor.source_tree import SourceTree

ACTION = "simplify-conditional"
_BOOLEANS = ("true", "false")


class _Plan(NamedTuple):
    title: str
    at: Node
    changes: list[Change]


def find(tree: SourceTree, selection: Selection) -> Offer | None:
    """The offer at the head of such an if, or on such a ?: expression."""
    table = table_of(tree.document.language)
    plan = _plan(Editing(tree, table), selection) if table is not None else None
    return Offer(ACTION, "refactor.rewrite", plan.title, tree.span(plan.at)) if plan is not None else None


def perform(document: Document, offer: Offer, name: str = "") -> Rewrite:
    """The document with the shorter form; ``name`` means nothing here."""
    tree, table = opened(document)
    editing = Editing(tree, table)
    plan = _plan(editing, offer.selection)
    if plan is None:
        raise Refused("There is nothing to simplify here.")
    text = editing.apply(plan.changes)
    checked(tree, text)
    return Rewrite(((document, text),))


def _plan(editing: Editing, selection: Selection) -> _Plan | None:
    tree, table = editing.tree, editing.table
    start, _ = tree.trimmed(selection)
    node = tree.root.descendant_for_byte_range(start, start)
    choice = within(node, ("ternary_expression", table.block, "if_statement"))
    if choice is not None and choice.type == "ternary_expression" and not choice.has_error:
        return _of_ternary(editing, choice)
    branch = branch_at(tree, table, selection)
    if branch is None or branch.statement.child_by_field_name("initializer") is not None:
        return None
    return _of_returns(editing, branch) or _of_nested(editing, branch)


def _of_ternary(editing: Editing, choice: Node) -> _Plan | None:
    parts = [choice.child_by_field_name(name) for name in ("condition", "consequence", "alternative")]
    condition, then, otherwise = parts
    if condition is None or then is None or otherwise is None or not is_boolean(condition):
        return None
    if {then.type, otherwise.type} != set(_BOOLEANS):
        return None
    text = editing.of(condition) if then.type == "true" else negated(editing, condition)
    if operator_of(inner(condition)) in ("&&", "||") and not text.startswith("("):
        text = f"({text})"
    change = Change(choice.start_byte, choice.end_byte, editing.apart(choice, text))
    return _Plan("Simplify to the condition itself", condition, [change])


def _of_returns(editing: Editing, branch: Branch) -> _Plan | None:
    """``if (a === b) { return true } [else { ] return false``"""
    if editing.table.language == "go" and not _returns_bool(editing, branch.statement):
        return None
    then, end = _returned(editing.table, branch.then), branch.statement
    if branch.otherwise is not None:
        otherwise = _returned(editing.table, branch.otherwise)
    else:
        following = branch.statement.next_named_sibling
        otherwise = _returned(editing.table, following) if following is not None else None
        end = following or end
    if then is None or otherwise is None or {then, otherwise} != set(_BOOLEANS):
        return None
    if editing.table.language != "go" and not is_boolean(branch.condition):
        return None
    if "/*" in (text := editing.text(branch.statement.start_byte, end.end_byte)) or "//" in text:
        return None  # a comment would be lost
    condition = inner(branch.condition)
    value = editing.of(condition) if then == "true" else negated(editing, condition)
    ended = editing.table.terminator if text.rstrip("} \t\r\n").endswith(";") else ""
    change = Change(branch.statement.start_byte, end.end_byte, f"return {value}{ended}")
    return _Plan("Return the condition itself", branch.condition, [change])


def _returned(table: Table, node: Node) -> str | None:
    """The boolean that a statement or a block of one returns."""
    if node.type == table.block:
        statements = statements_of(node)
        if len(statements) != 1:
            return None
        node = statements[0]
    if node.type != "return_statement" or node.named_child_count != 1:
        return None
    value = node.named_children[0]
    if value.type == "expression_list" and value.named_child_count == 1:
        value = value.named_children[0]
    return value.type if value.type in _BOOLEANS else None


def _returns_bool(editing: Editing, node: Node) -> bool:
    function = within(node, editing.table.functions)
    result = function.child_by_field_name("result") if function is not None else None
    return result is not None and editing.of(result) == "bool"


def _of_nested(editing: Editing, branch: Branch) -> _Plan | None:
    """``if (a) { if (b) { ... } }``"""
    statements = statements_of(branch.then) if branch.then.type == editing.table.block else []
    if branch.otherwise is not None or len(statements) != 1 or statements[0].type != "if_statement":
        return None
    below = branch_of(statements[0])
    if below is None or below.otherwise is not None or below.then.type != editing.table.block:
        return None
    if below.statement.child_by_field_name("initializer") is not None:
        return None
    gaps = (
        editing.text(branch.condition.end_byte, below.statement.start_byte),
        editing.text(below.statement.start_byte, below.condition.start_byte),
        editing.text(below.condition.end_byte, below.then.start_byte),
        editing.text(below.then.end_byte, branch.then.end_byte),
    )
    if any("//" in gap or "/*" in gap for gap in gaps):
        return None
    if below.then.start_point.row == below.then.end_point.row:
        return None
    outer, inside = inner(branch.condition), inner(below.condition)
    text = f"{_operand(editing, outer)} && {_operand(editing, inside)}"
    around = editing.indentation(branch.statement.start_byte)
    newline = editing.document.line_end
    columns = len(editing.indentation(below.statement.start_byte)) - len(around)
    moved = editing.outdented(below.then, columns)
    return _Plan(
        "Join the two conditions",
        branch.condition,
        [
            Change(outer.start_byte, outer.end_byte, text),
            Change(branch.then.start_byte, branch.then.end_byte, f"{{{newline}{moved}{newline}{around}}}"),
        ],
    )


def _operand(editing: Editing, condition: Node) -> str:
    """A condition as one side of &&."""
    text = editing.of(condition)
    if condition.type in editing.table.primary or condition.type == "unary_expression":
        return text
    if condition.type == "binary_expression" and operator_of(condition) not in ("||", "??"):
        return text
    return f"({text})"
