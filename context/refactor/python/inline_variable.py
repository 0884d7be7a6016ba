"""A variable's value in the place of its uses, the assignment gone; a comment behind it stays.

Only where the variable is assigned once and its value is the same, with the same effects, at every use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from context.refactor.python.bindings import owner_of
from context.refactor.python.effects import Effects
from context.refactor.python.equivalence import marker_for, require_same
from context.refactor.python.expressions import apart, as_operand
from context.refactor.python.inlining import require_inlinable
from context.refactor.python.result_checks import checked, parsed
from context.refactor.python.scope_tree import ScopeTree
from context.refactor.python.splices import Splice, line_start, line_stop, spliced
from context.refactor.python.walking import identifier_at, is_variable, walk
from context.refactor.values import Offer, Refused, Rewrite, Selection

if TYPE_CHECKING:
    from tree_sitter import Node

    from context.document import Document
    from context.refactor.python.scopes import Use
    from context.refactor.source_tree import SourceTree


def find(tree: SourceTree, selection: Selection) -> Offer | None:
    """Offered on a variable that an assignment of its own gives its value."""
    node = identifier_at(tree, *tree.trimmed(selection))
    if node is None or not is_variable(node) or (owned := owner_of(tree, node)) is None:
        return None
    _, binds, nodes = owned
    assignments = [one.parent for one in binds if _is_assigned_alone(one)]
    if not assignments or assignments[0] is None:
        return None
    title, span = f"Inline variable '{tree.text(node)}'", tree.span(node)
    try:
        if len(binds) > 1:
            raise Refused("It is given a value more than once.")
        uses = [one for one in nodes if one not in binds]
        require_inlinable(Effects(tree), assignments[0], uses)
    except Refused as refused:
        return Offer("inline-variable", "refactor.inline", title, span, disabled=str(refused))
    return Offer("inline-variable", "refactor.inline", title, span)


def perform(document: Document, offer: Offer, name: str = "") -> Rewrite:
    """The file without the variable; takes no name."""
    tree = parsed(document)
    scopes, node = ScopeTree(tree), identifier_at(tree, *tree.trimmed(offer.selection))
    use = scopes.uses.get(node.start_byte) if node is not None else None
    owner = use.scope.owner(use.name) if use is not None else None
    if use is None or owner is None:
        raise Refused("What is selected is no variable of this file.")
    found = owner.uses_of(use.name)
    binds, reads = [one for one in found if one.kind != "read"], [one for one in found if one.kind == "read"]
    assignment = binds[0].node.parent if binds else None
    if (
        len(binds) != 1
        or assignment is None
        or not _is_assigned_alone(binds[0].node)
        or binds[0].scope != owner
    ):
        raise Refused("It is not given its value by one assignment of its own.")
    require_inlinable(Effects(tree), assignment, [one.node for one in reads])
    value, statement = assignment.child_by_field_name("right"), assignment.parent
    if value is None or statement is None:
        raise Refused("It has no value.")
    _require_same_names(scopes, value, binds[0], reads)
    if reads:
        splices = [_replacement(tree, value, one.node) for one in reads] + [_removal(tree, statement)]
    else:
        splices = [Splice(statement.start_byte, value.start_byte, "")]
    text = spliced(tree.source, splices)
    require_same(_marked(tree, found, marker := marker_for(document.text)), marker, text)
    public = owner.kind == "module"
    notes = (f"Other files that import '{use.name}' would not find it any more.",) if public else ()
    return Rewrite(((document, checked(scopes, text)),), notes=notes)


def _is_assigned_alone(node: Node) -> bool:
    """Whether an identifier is all that an assignment with a value assigns to."""
    parent = node.parent
    return (
        parent is not None
        and parent.type == "assignment"
        and parent.child_by_field_name("left") == node
        and parent.child_by_field_name("right") is not None
    )


def _require_same_names(scopes: ScopeTree, value: Node, bind: Use, reads: list[Use]) -> None:
    inside = range(value.start_byte, value.end_byte)
    for one in walk(value):
        if one.type != "identifier" or (used := scopes.uses.get(one.start_byte)) is None:
            continue
        owner = used.scope.owner(used.name)
        if owner is not None and owner.node.start_byte in inside and owner.node != value.parent:
            continue  # bound by the value itself
        if any(read.scope.owner(used.name) is not owner for read in reads):
            raise Refused(f"'{used.name}' means something else where '{bind.name}' is used.")


def _replacement(tree: SourceTree, value: Node, use: Node) -> Splice:
    return Splice(use.start_byte, use.end_byte, apart(tree.source, use, as_operand(tree, value, use)))


def _removal(tree: SourceTree, statement: Node) -> Splice:
    """The statement out of its line or with its line; a comment behind it stays."""
    source, start, end = tree.source, statement.start_byte, statement.end_byte
    head, tail = source[line_start(source, start) : start], source[end : line_stop(source, end)]
    after, before = statement.next_named_sibling, statement.prev_named_sibling
    if tail.lstrip().startswith(b";"):
        if after is not None and after.type != "comment" and after.start_byte < end + len(tail):
            return Splice(start, after.start_byte, "")
        end, tail = source.index(b";", end) + 1, tail.lstrip()[1:]
    if head.strip():
        if before is None or before.end_byte < line_start(source, start):
            raise Refused("The assignment is all that stands behind the colon.")
        return Splice(before.end_byte, end, "")
    if tail.strip():
        return Splice(start, end + len(tail) - len(tail.lstrip()), "")
    return Splice(line_start(source, start), line_stop(source, end), "")


def _marked(tree: SourceTree, uses: list[Use], marker: str) -> str:
    """The file with the variable under a name that occurs nowhere else."""
    return spliced(tree.source, [Splice(one.node.start_byte, one.node.end_byte, marker) for one in uses])
