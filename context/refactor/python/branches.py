"""Python's conditions and the branches under them: an ``if`` at a selection, a condition turned round.

Taken for granted: ``!=`` is the opposite of ``==``, and a comparison that is asked for its truth gives a
truth value. The order of ``<`` has no such opposite: a number may be none, a set neither.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from context.refactor.python.expressions import apart
from context.refactor.python.splices import Splice, line_stop
from context.refactor.python.walking import kinds, nearest, parts_of, walk

if TYPE_CHECKING:
    from tree_sitter import Node

    from context.refactor.source_tree import SourceTree
    from context.refactor.values import Selection

OPPOSITES = {"==": "!=", "is": "is not", "in": "not in"}
OPPOSITES |= {opposite: operator for operator, opposite in OPPOSITES.items()}
JUMPS = kinds("return_statement raise_statement continue_statement break_statement")
_LOOSE = kinds("boolean_operator conditional_expression lambda named_expression expression_list yield")


def if_at(tree: SourceTree, selection: Selection) -> Node | None:
    """The ``if`` statement whose head holds the selection, or that is selected."""
    start, end = tree.trimmed(selection)
    node = nearest(tree.root.named_descendant_for_byte_range(start, end), ("if_statement", "elif_clause"))
    if node is None or node.type != "if_statement":
        return None
    whole = (start, end) == (node.start_byte, node.end_byte)
    return node if whole or end <= colon_of(node).end_byte else None


def colon_of(clause: Node) -> Node:
    """The colon that ends the head of an ``if`` or ``else``."""
    return next(child for child in clause.children if child.type == ":")


def else_of(node: Node) -> Node | None:
    """The only other branch of an ``if``; None where there is none or an ``elif``."""
    others = [child for child in node.named_children if child.type in ("elif_clause", "else_clause")]
    return others[0] if len(others) == 1 and others[0].type == "else_clause" else None


def has_other_branches(node: Node) -> bool:
    """Whether an ``if`` has an ``elif`` or ``else``."""
    return any(child.type in ("elif_clause", "else_clause") for child in node.named_children)


def block_of(clause: Node) -> Node:
    """The statements under an ``if`` or ``else``."""
    return next(child for child in clause.children if child.type == "block")


def is_below(clause: Node) -> bool:
    """Whether a branch's statements stand on lines of their own."""
    return block_of(clause).start_point.row > colon_of(clause).start_point.row


def has_head_comment(clause: Node) -> bool:
    """Whether a comment stands on the line of an ``if`` or ``else``, or before its colon."""
    row = colon_of(clause).start_point.row
    return any(child.type == "comment" and child.start_point.row <= row for child in clause.children)


def has_comment(node: Node) -> bool:
    """Whether a comment stands anywhere in a node."""
    return any(one.type == "comment" for one in walk(node))


def last_line_of(tree: SourceTree, node: Node) -> int:
    """The end of a statement, a comment behind it included, its line end not."""
    line = tree.source[node.end_byte : line_stop(tree.source, node.end_byte)]
    return node.end_byte + len(line.rstrip()) if line.lstrip().startswith(b"#") else node.end_byte


def only_statement(block: Node) -> Node | None:
    """The one statement of a block."""
    statements = parts_of(block)
    return statements[0] if len(statements) == 1 else None


def ends_with_jump(block: Node) -> bool:
    """Whether what follows a block is never reached from it."""
    return parts_of(block)[-1].type in JUMPS


def turned(tree: SourceTree, node: Node) -> str:
    """The condition that holds where this one does not, asked for its truth only."""
    text, parts = tree.text(node), parts_of(node)
    if node.type == "not_operator":
        return tree.text(parts[-1])
    if node.type in ("true", "false"):
        return "False" if node.type == "true" else "True"
    if (
        node.type == "parenthesized_expression"
        and parts[0].type == "comparison_operator"
        and _operator(parts[0])
    ):
        return _spliced(tree, node, parts[0], turned(tree, parts[0]))
    if node.type == "comparison_operator" and (operator := _operator(node)) is not None:
        start, end = operator.start_byte, operator.end_byte
        opposite = OPPOSITES[" ".join(tree.text(operator).split())]
        head, tail = tree.source[node.start_byte : start].decode(), tree.source[end : node.end_byte].decode()
        return head + ("" if head.endswith((" ", "\n")) else " ") * opposite[0].isalpha() + opposite + tail
    return f"not ({text})" if node.type in _LOOSE else f"not {text}"


def turned_splice(tree: SourceTree, condition: Node) -> Splice:
    """A condition turned round in its place."""
    return Splice(
        condition.start_byte, condition.end_byte, apart(tree.source, condition, turned(tree, condition))
    )


def is_truth(tree: SourceTree, node: Node) -> bool:
    """Whether a condition gives True or False and nothing else."""
    parts = parts_of(node)
    if node.type in ("comparison_operator", "not_operator", "true", "false"):
        return True
    if node.type in ("boolean_operator", "parenthesized_expression"):
        return all(is_truth(tree, part) for part in parts)
    return node.type == "call" and tree.text(parts[0]) in (
        "isinstance",
        "issubclass",
        "callable",
        "bool",
        "hasattr",
    )


def _operator(comparison: Node) -> Node | None:
    """The operator of a comparison of two that has an opposite."""
    children = [child for child in comparison.children if child.type != "comment"]
    return children[1] if len(children) == 3 and children[1].type in OPPOSITES else None


def _spliced(tree: SourceTree, outer: Node, inner: Node, text: str) -> str:
    source = tree.source
    head, tail = source[outer.start_byte : inner.start_byte], source[inner.end_byte : outer.end_byte]
    return head.decode() + text + tail.decode()
