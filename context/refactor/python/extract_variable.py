"""An expression to a variable of its own, assigned right before the statement that evaluates it.

Only where that changes neither what is evaluated, nor how often, nor in which order it matters; the selected
occurrence only. Knows no types.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from context.refactor.python.effects import Effects
from context.refactor.python.equivalence import marker_for, require_same
from context.refactor.python.expressions import apart, as_value, expression_at
from context.refactor.python.functions import require_name
from context.refactor.python.naming import unused, variable_name
from context.refactor.python.places import Place, class_around, place_of
from context.refactor.python.result_checks import checked, parsed
from context.refactor.python.scope_tree import ScopeTree
from context.refactor.python.splices import Splice, indentation, line_start, spliced
from context.refactor.python.walking import nearest
from context.refactor.values import Offer, Refused, Rewrite, Selection

if TYPE_CHECKING:
    from tree_sitter import Node

    from context.document import Document
    from context.refactor.source_tree import SourceTree

_FUNCTIONS = ("function_definition", "lambda", "module")


def find(tree: SourceTree, selection: Selection) -> Offer | None:
    """Offered for a selected expression that is more than a name."""
    node = expression_at(tree, selection)
    if node is None:
        return None
    span = tree.span(node)
    try:
        place = _place(Effects(tree), node)
    except Refused as refused:
        return Offer("extract-variable", "refactor.extract", "Extract variable", span, disabled=str(refused))
    name = unused(tree, variable_name(tree, node), _area(place.statement))
    return Offer("extract-variable", "refactor.extract", f"Extract variable '{name}'", span, name)


def perform(document: Document, offer: Offer, name: str = "") -> Rewrite:
    """The file with the assignment and the name."""
    tree = parsed(document)
    node = expression_at(tree, offer.selection)
    if node is None:
        raise Refused("What is selected is no expression.")
    place, scopes = _place(Effects(tree), node), ScopeTree(tree)
    name = name or offer.name
    require_name(name)
    require_free(scopes, _area(place.statement), name)
    text = _text(tree, node, place.statement, name)
    marker = marker_for(document.text)
    require_same(_text(tree, node, place.statement, marker), marker, document.text)
    return Rewrite(((document, checked(scopes, text)),), name_at=tree.position(place.statement.start_byte))


def _text(tree: SourceTree, node: Node, statement: Node, name: str) -> str:
    source, at = tree.source, statement.start_byte
    if node.parent is not None and node.parent == statement and statement.type == "expression_statement":
        return spliced(source, [Splice(at, at, f"{name} = ")])
    head, value = source[line_start(source, at) : at], as_value(tree.text(node))
    end = f"{tree.document.line_end}{indentation(source, at)}" if not head.strip() else "; "
    use = Splice(node.start_byte, node.end_byte, apart(source, node, f"({name})" if _is_bare(node) else name))
    # apart, since the expression may begin its statement
    return f"{source[:at].decode()}{name} = {value}{end}{spliced(source, [use], at)}"


def _place(effects: Effects, node: Node) -> Place:
    """Where the expression is evaluated; Refused where it may not be evaluated ahead."""
    place = place_of(node)
    constant = effects.is_constant(node)
    if place.statement.type == "case_clause":
        block = place.statement.parent
        place.statement = block.parent if block is not None and block.parent is not None else place.statement
    if class_around(place.statement) is not None:
        raise Refused("In the body of a class a variable would become an attribute of the class.")
    if constant:
        return place
    if place.doubt:
        raise Refused(place.doubt)
    before, own = place.effect(effects), effects.of([node])
    if not effects.commute(before, own):
        raise Refused("What the statement does before may change what this gives, or the other way round.")
    return place


def _area(statement: Node) -> Node:
    """Where the new variable is visible."""
    area = nearest(statement.parent, _FUNCTIONS)
    return area if area is not None else statement


def require_free(scopes: ScopeTree, area: Node, name: str) -> None:
    """Refuses a name that stands for a variable in a function or module, or in anything inside it."""
    inside = scopes.scope_of_node[area.id].inside()
    taken = any(
        name in scope.bound
        or name in scope.to_module
        or name in scope.to_outside
        or any(use.name == name for use in scope.uses)
        for scope in inside
    )
    if taken:
        raise Refused(f"The name '{name}' is already used here.")


def _is_bare(node: Node) -> bool:
    """A generator whose parentheses are those of the call."""
    parent = node.parent
    return parent is not None and parent.type == "call" and node == parent.child_by_field_name("arguments")
