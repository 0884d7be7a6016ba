"""A condition said more shortly: the same branches taken, the same values given.

Each rule is a shape of an ``if`` and what it becomes; the first that fits is offered. A comment that would
have no place afterwards stands in the way. What is taken for granted about truth is in ``branches``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from context.refactor.python.bindings import is_binding
from context.refactor.python.branches import (
    block_of,
    colon_of,
    else_of,
    has_comment,
    has_head_comment,
    has_other_branches,
    if_at,
    is_below,
    is_truth,
    only_statement,
    turned,
    turned_splice,
)
from context.refactor.python.expressions import apart
from context.refactor.python.result_checks import checked, parsed
from context.refactor.python.scope_tree import ScopeTree
from context.refactor.python.splices import Splice, indentation, line_stop, shifted, spliced
from context.refactor.python.walking import is_variable, kinds, named, nearest, parts_of
from context.refactor.values import Offer, Refused, Rewrite, Selection

if TYPE_CHECKING:
    from tree_sitter import Node

    from context.document import Document
    from context.refactor.source_tree import SourceTree

_LONGEST = 100  # columns: a line that is longer is not simpler
_EXPRESSIONS = ("conditional_expression", "not_operator")
_LOOSE = kinds("conditional_expression lambda named_expression expression_list yield")


class Simpler(NamedTuple):
    """``title``: what a menu says. ``splices``: makes the changes, when they are asked for."""

    title: str
    node: Node
    splices: Callable[[], list[Splice]]


def find(tree: SourceTree, selection: Selection) -> Offer | None:
    """Offered on an ``if``, a conditional expression or a ``not`` that can be said more shortly."""
    found = _found(tree, selection)
    if found is None:
        return None
    return Offer("simplify-conditional", "refactor.rewrite", found.title, tree.span(found.node))


def perform(document: Document, offer: Offer, name: str = "") -> Rewrite:
    """The file with the shorter form; takes no name."""
    tree = parsed(document)
    found = _found(tree, offer.selection)
    if found is None:
        raise Refused("There is nothing here that could be said more shortly.")
    text = spliced(tree.source, found.splices())
    return Rewrite(((document, checked(ScopeTree(tree), text)),))


def _found(tree: SourceTree, selection: Selection) -> Simpler | None:
    start, end = tree.trimmed(selection)
    node = nearest(tree.root.named_descendant_for_byte_range(start, end), (*_EXPRESSIONS, "block", "module"))
    while node is not None and node.type in _EXPRESSIONS:
        if (simpler := _expression(tree, node)) is not None:
            return simpler
        node = nearest(node.parent, (*_EXPRESSIONS, "block", "module"))
    statement = if_at(tree, selection)
    if statement is None:
        return None
    rules = (_one_value, _nested, _else_if, _empty)
    return next((simpler for rule in rules if (simpler := rule(tree, statement)) is not None), None)


# -- expressions ---------------------------------------------------------------------------------------------


def _expression(tree: SourceTree, node: Node) -> Simpler | None:
    if has_comment(node):
        return None
    if node.type == "not_operator":
        inner = parts_of(node)[0]
        bare = parts_of(inner)[0] if inner.type == "parenthesized_expression" else inner
        if bare.type != "comparison_operator" or (text := turned(tree, bare)).startswith("not "):
            return None
    else:
        first, condition, second = parts_of(node)
        text = _chosen(tree, condition, first, second)
        if not text and first.type == "identifier" and tree.text(first) == tree.text(condition):
            text = f"{tree.text(first)} or {_operand(tree, second)}"
        if not text:
            return None
    safe = node.parent is None or node.parent.type in _WHOLE
    text = text if safe or text.startswith("bool(") else f"({text})"
    return Simpler(f"Simplify to '{_short(text)}'", node, lambda: [_put(tree, node, text)])


_WHOLE = kinds(
    "assignment return_statement argument_list parenthesized_expression expression_statement if_statement"
    " list while_statement elif_clause keyword_argument"
)


def _chosen(tree: SourceTree, condition: Node, first: Node, second: Node) -> str:
    """``True if c else False`` and its opposite; "" for other values."""
    if {first.type, second.type} != {"true", "false"}:
        return ""
    if first.type == "false":
        text = turned(tree, condition)
        bare = condition.type == "not_operator" and not is_truth(tree, parts_of(condition)[-1])
        return _as_bool(tree, text) if bare else text
    return tree.text(condition) if is_truth(tree, condition) else _as_bool(tree, tree.text(condition))


def _as_bool(tree: SourceTree, text: str) -> str:
    own = any(is_variable(node) and is_binding(node) for node in named(tree, "bool", tree.root))
    return "" if own else f"bool({text})"


def _operand(tree: SourceTree, node: Node) -> str:
    return f"({tree.text(node)})" if node.type in _LOOSE else tree.text(node)


# -- statements ----------------------------------------------------------------------------------------------


def _one_value(tree: SourceTree, node: Node) -> Simpler | None:
    """Both branches return, or both assign to the same name."""
    condition, other = node.child_by_field_name("condition"), else_of(node)
    last, first = node, only_statement(block_of(node))
    second = only_statement(block_of(other)) if other is not None else None
    if other is None and not has_other_branches(node):
        after = node.next_named_sibling
        if (
            after is not None
            and after.type == "return_statement"
            and after.start_point.row > node.end_point.row
        ):
            second = last = after
    if condition is None or first is None or second is None or has_comment(node) or has_comment(last):
        return None
    tail = tree.source[last.end_byte : line_stop(tree.source, last.end_byte)]
    between = tree.source[node.end_byte : last.start_byte] if last != node else b""
    if tail.strip() or between.strip() or b"\n" in between.strip(b" \t\r").replace(b"\n", b"", 1):
        return None
    heads = [_value_of(tree, statement) for statement in (first, second)]
    if heads[0] is None or heads[1] is None or heads[0][0] != heads[1][0]:
        return None
    head, one = heads[0]
    two = heads[1][1]
    text = _chosen(tree, condition, one, two)
    if not text:
        if last != node or "conditional_expression" in (one.type, two.type):
            return None
        text = f"{_operand(tree, one)} if {_operand(tree, condition)} else {_operand(tree, two)}"
    text = head + text
    if "\n" in text or node.start_point.column + len(text) > _LONGEST:
        return None
    start, end = node.start_byte, last.end_byte
    return Simpler(f"Simplify to '{_short(text)}'", node, lambda: [Splice(start, end, text)])


def _value_of(tree: SourceTree, statement: Node) -> tuple[str, Node] | None:
    """What stands before the value of a return or an assignment to a name, and the value."""
    if statement.type == "return_statement" and parts_of(statement):
        return "return ", parts_of(statement)[0]
    if statement.type != "expression_statement" or statement.children[0].type != "assignment":
        return None
    left, right = (statement.children[0].child_by_field_name(side) for side in ("left", "right"))
    typed = statement.children[0].child_by_field_name("type")
    if (
        left is None
        or right is None
        or typed is not None
        or left.type != "identifier"
        or right.type == "assignment"
    ):
        return None
    return f"{tree.text(left)} = ", right


def _nested(tree: SourceTree, node: Node) -> Simpler | None:
    """An ``if`` that holds nothing but an ``if``."""
    inner = only_statement(block_of(node))
    if has_other_branches(node) or inner is None or inner.type != "if_statement" or has_other_branches(inner):
        return None
    comments = [child for child in (*node.children, *block_of(node).children) if child.type == "comment"]
    if comments or has_head_comment(inner) or not is_below(node) or not is_below(inner):
        return None
    conditions = [one.child_by_field_name("condition") for one in (node, inner)]
    outer = conditions[0]
    if outer is None:
        return None
    parts = [f"({tree.text(one)})" if _needs(tree, one) else tree.text(one) for one in conditions if one]
    text = " and ".join(parts)

    def splices() -> list[Splice]:
        source, block = tree.source, block_of(inner)
        first, last = line_stop(source, colon_of(inner).end_byte), line_stop(source, block.end_byte)
        head = Splice(outer.start_byte, colon_of(inner).end_byte, f"{_gap(tree, outer)}{text}:")
        deep, flat = indentation(source, block.start_byte), indentation(source, inner.start_byte)
        return [head, *shifted(tree, first, last, deep, flat)]

    return Simpler("Merge the two 'if' into one", node, splices)


def _needs(tree: SourceTree, condition: Node) -> bool:
    either = condition.type == "boolean_operator" and any(child.type == "or" for child in condition.children)
    return either or condition.type in _LOOSE


def _else_if(tree: SourceTree, node: Node) -> Simpler | None:
    """An ``else`` that holds nothing but an ``if``."""
    other = node.named_children[-1] if node.named_children else None
    if other is None or other.type != "else_clause" or not is_below(other):
        return None
    inner = only_statement(block_of(other))
    if inner is None or inner.type != "if_statement":
        return None
    if any(child.type == "comment" for child in (*other.children, *block_of(other).children)):
        return None

    def splices() -> list[Splice]:
        source = tree.source
        deep, flat = indentation(source, inner.start_byte), indentation(source, other.start_byte)
        after = line_stop(source, inner.start_byte)
        moved = shifted(tree, after, line_stop(source, inner.end_byte), deep, flat)
        return [Splice(other.start_byte, inner.start_byte + len("if"), "elif"), *moved]

    return Simpler("Simplify to 'elif'", node, splices)


def _empty(tree: SourceTree, node: Node) -> Simpler | None:
    """An ``if`` that does nothing, with an ``else`` that does."""
    only, other = only_statement(block_of(node)), else_of(node)
    condition = node.child_by_field_name("condition")
    if only is None or only.type != "pass_statement" or other is None or condition is None:
        return None
    if any(child.type == "comment" for child in (*node.children, *block_of(node).children)):
        return None
    start, end = colon_of(node).end_byte, colon_of(other).end_byte
    return Simpler(
        "Turn the condition round and drop 'pass'",
        node,
        lambda: [turned_splice(tree, condition), Splice(start, end, "")],
    )


def _gap(tree: SourceTree, condition: Node) -> str:
    return "" if tree.source[condition.start_byte - 1 : condition.start_byte].isspace() else " "


def _put(tree: SourceTree, node: Node, text: str) -> Splice:
    return Splice(node.start_byte, node.end_byte, apart(tree.source, node, text))


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 50 else f"{line[:47]}..."
