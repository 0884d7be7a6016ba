"""An if statement in its parts, whatever the language calls them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from context.refactor.grammar.tables import Table
from context.refactor.grammar.walking import within

if TYPE_CHECKING:
    from tree_sitter import Node

    from context.refactor.source_tree import SourceTree
    from context.refactor.values import Selection


@dataclass(frozen=True, slots=True)
class Branch:
    """``condition`` has its parentheses where the language wants them; ``otherwise`` is what follows else."""

    statement: Node
    condition: Node
    then: Node
    otherwise: Node | None


def branch_at(tree: SourceTree, table: Table, selection: Selection) -> Branch | None:
    """The if statement whose head holds the start of the selection."""
    start, _ = tree.trimmed(selection)
    node = within(tree.root.descendant_for_byte_range(start, start), ("if_statement", table.block))
    if node is None or node.type != "if_statement" or node.has_error:
        return None
    found = branch_of(node)
    return found if found is not None and start < found.then.start_byte else None


def branch_of(node: Node) -> Branch | None:
    """The parts of an if statement; None where some are missing or stand apart by comments."""
    condition, then = node.child_by_field_name("condition"), node.child_by_field_name("consequence")
    otherwise = node.child_by_field_name("alternative")
    if condition is None or then is None:
        return None
    if otherwise is not None and otherwise.type == "else_clause":
        otherwise = otherwise.named_children[-1]
    return Branch(node, condition, then, otherwise)


def statements_of(block: Node) -> list[Node]:
    """The statements in a block, without comments."""
    lists = [child for child in block.named_children if child.type == "statement_list"]
    children = lists[0].named_children if lists else block.named_children
    return [child for child in children if child.type != "comment"]
