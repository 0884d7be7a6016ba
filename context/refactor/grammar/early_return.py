"""Early return: what an if guards stands below it instead, one step less deep.

An if that ends a function or a loop's body becomes its opposite with ``return`` or ``continue``; an else
after a block that never goes on loses its braces.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from context.document import Document
from context.refactor.grammar.branches import Branch, branch_at, statements_of
from context.refactor.grammar.conditions import inner, negated
from context.refactor.grammar.editing import Change, Editing
from context.refactor.grammar.effects import Effects, effects_of
from context.refactor.grammar.languages import table_of
from context.refactor.grammar.names import Name, names_in
from context.refactor.grammar.result import checked, opened
from context.refactor.grammar.tables import Table
from context.refactor.grammar.walking import contains, place_in_parent, within
from context.refactor.values import Offer, Refused, Rewrite, Selection

if TYPE_CHECKING:
    from tree_sitter import Node

    from context.refactor.source_tree import SourceTree

ACTION = "early-return"
_LOOPS = ("for_statement", "for_in_statement", "while_statement")


class _Plan(NamedTuple):
    """``body`` moves out of its braces; ``leave``: the word that ends the block of the opposite condition."""

    branch: Branch
    body: Node
    leave: str


def find(tree: SourceTree, selection: Selection) -> Offer | None:
    """The offer at the head of an if whose block, or whose else, need not be one."""
    table = table_of(tree.document.language)
    plan = _plan(tree, table, selection) if table is not None else None
    if plan is None:
        return None
    title = {"return": "Return early instead", "continue": "Continue early instead"}.get(
        plan.leave, "Remove the else that nothing needs"
    )
    return Offer(ACTION, "refactor.rewrite", title, tree.span(plan.branch.condition))


def perform(document: Document, offer: Offer, name: str = "") -> Rewrite:
    """The document with the guarded statements one step less deep; ``name`` means nothing here."""
    tree, table = opened(document)
    plan = _plan(tree, table, offer.selection)
    if plan is None:
        raise Refused("This is no if that could leave early.")
    editing, branch = Editing(tree, table), plan.branch
    newline, around = document.line_end, editing.indentation(branch.statement.start_byte)
    moved = editing.outdented(plan.body, editing.depth(plan.body) - len(around))
    if plan.leave:
        leave = f"{plan.leave}{editing.terminator}"
        condition = inner(branch.condition)
        block = f"{{{newline}{around}{editing.unit}{leave}{newline}{around}}}"
        changes = [
            Change(condition.start_byte, condition.end_byte, negated(editing, condition)),
            Change(branch.then.start_byte, branch.then.end_byte, block + newline + moved),
        ]
    else:
        changes = [Change(branch.then.end_byte, branch.statement.end_byte, newline + moved)]
    text = editing.apply(changes)
    checked(tree, text)
    return Rewrite(((document, text),))


def _plan(tree: SourceTree, table: Table, selection: Selection) -> _Plan | None:
    branch = branch_at(tree, table, selection)
    if (
        branch is None
        or branch.then.type != table.block
        or place_in_parent(branch.statement) == "else_clause."
    ):
        return None
    if branch.statement.child_by_field_name("initializer") is not None:
        return None  # Go: its variable is known in the else as well
    plan = _without_else(branch, table) if branch.otherwise is not None else _guard(branch, table)
    if plan is None or not statements_of(plan.body) or not _is_outdentable(tree, plan.body):
        return None
    return plan if _names_are_free(effects_of(tree, table), plan) else None


def _without_else(branch: Branch, table: Table) -> _Plan | None:
    then, otherwise = statements_of(branch.then), branch.otherwise
    above = branch.statement.parent
    if otherwise is None or otherwise.type != table.block or above is None or above.type not in _lists(table):
        return None
    if not then or then[-1].type not in table.leaves or _has_comment_between(branch):
        return None
    return _Plan(branch, otherwise, "")


def _has_comment_between(branch: Branch) -> bool:
    """Whether a comment would go with the else."""
    clause = branch.statement.child_by_field_name("alternative")
    around = [branch.statement, clause] if clause is not None else [branch.statement]
    return any(
        child.type == "comment" and child.start_byte >= branch.then.end_byte
        for node in around
        for child in node.children
    )


def _guard(branch: Branch, table: Table) -> _Plan | None:
    """An if that is the last statement of a function without a result, or of a loop's body."""
    above = branch.statement.parent
    if above is None or above.type not in _lists(table) or statements_of(above)[-1:] != [branch.statement]:
        return None
    block = above.parent if above.type == "statement_list" and above.parent is not None else above
    if block.type != table.block or block.parent is None:
        return None
    owner = block.parent
    if place_in_parent(block).endswith(".body") and owner.type in _LOOPS:
        return _Plan(branch, branch.then, "continue")
    if owner.type not in table.functions or owner.type == "class_static_block":
        return None
    if owner.child_by_field_name("result") is not None:
        return None  # Go wants a return with values at the end
    return _Plan(branch, branch.then, "return")


def _lists(table: Table) -> frozenset[str]:
    return table.statement_lists - {"program", "switch_case", "switch_default"}


def _is_outdentable(tree: SourceTree, body: Node) -> bool:
    """Whether the block's braces stand at the ends of lines of their own, as its statements do."""
    lines = tree.document.lines
    first, last = body.start_point.row, body.end_point.row
    opening = lines[first][tree.position(body.start_byte).column + 1 :]
    closing = lines[last][: tree.position(body.end_byte).column - 1]
    return last > first and not opening.strip() and not closing.strip()


def _names_are_free(effects: Effects, plan: _Plan) -> bool:
    """Whether what the block declares stands nowhere else in the function, where it would now be known."""
    table, body = effects.table, plan.body
    function = within(body, table.functions) or effects.tree.root
    for statement in statements_of(body):
        for text in names_in(effects.tree, table, statement):
            name = Name(effects.tree, table, text, function)
            bound = [b for b in name.bindings if b.scope.id == body.id]
            if bound and any(contains(function, n) and not contains(body, n) for n in name.occurrences):
                return False
    return True
