"""How complex functions are, from their syntax trees: cyclomatic complexity and nesting.

Cyclomatic complexity (McCabe 1976) is one more than the branches: conditions, loops, cases, handlers, and
``and``/``or``. Functions inside a function count as their own, not as its part.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from context.codeflow.labels import Label
from context.codeflow.sides import FUNCTIONS, Side
from context.review.change import ReviewedChange, is_test
from context.review.past import Past
from context.review.values import Finding, Hotspot

if TYPE_CHECKING:
    from tree_sitter import Node

MOST = 10  # functions told: the worst of the change
_COMPLEX = 15  # cyclomatic; McCabe's own limit is 10, and most tools warn at 10 to 20
_DEEP = 5  # blocks in blocks
_OFTEN = 6  # commits in a year
_TOLD = 3  # of them as findings; the rest stands in the table

_BRANCH = re.compile(
    r"(?:if|elif|else_if|while|for|for_in|foreach|enhanced_for|do|until|unless|catch|except|rescue|when|guard)"
    r"(?:_statement|_clause|_expression|_group_clause|_modifier|_entry|_block)?"
    r"|(?:conditional|ternary)_expression|conditional|if_let_expression|match_arm|match_pattern_case"
    r"|case_clause|switch_case|expression_case|type_case|communication_case|switch_block_statement_group|switch_rule"
    r"|for_in_clause|if_clause"
)
_BLOCK = re.compile(
    r"(?:if|while|for|for_in|foreach|enhanced_for|do|until|unless|try|with|switch|match|case|select)"
    r"(?:_statement|_expression)?|expression_switch_statement|type_switch_statement"
)
_LOGICAL = frozenset({"&&", "||", "and", "or", "??"})
_FUNCTION = re.compile(
    r"(?:function|method|constructor|generator_function)_(?:definition|declaration|item)|function|arrow_function"
    r"|function_expression|method_definition|method_declaration|func_literal|lambda.*|closure_expression|method"
)


def measured(side: Side) -> dict[str, tuple[int, int]]:
    """Complexity and nesting of each function of a text, by qualified name."""
    root = side.source.root
    if root is None:
        return {}
    by_line: dict[int, Node] = {}
    for node in _functions(root):
        by_line.setdefault(node.start_point.row, node)
    found = {}
    for key, symbol in side.symbols.items():
        if symbol.kind not in FUNCTIONS:
            continue
        node = next((by_line[n] for n in range(symbol.line, symbol.end_line + 1) if n in by_line), None)
        if node is not None and node.end_point.row <= symbol.end_line + 1:
            found[key] = _measure(node)
    return found


def _functions(root: Node) -> Iterator[Node]:
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if node.is_named and _FUNCTION.fullmatch(node.type):
            yield node
        waiting.extend(reversed(node.named_children))


def _measure(function: Node) -> tuple[int, int]:
    """Branches and depth of one function, without those inside it."""
    branches, deepest = 1, 0
    waiting = [(child, 0) for child in function.children]
    while waiting:
        node, depth = waiting.pop()
        if node.is_named:
            if _FUNCTION.fullmatch(node.type):
                continue
            if _BRANCH.fullmatch(node.type):
                branches += 1
            if _BLOCK.fullmatch(node.type) and not _is_else_if(node):
                depth += 1
                deepest = max(deepest, depth)
        elif node.type in _LOGICAL:
            branches += 1
        waiting.extend((child, depth) for child in node.children)
    return branches, deepest


def _is_else_if(node: Node) -> bool:
    """``else if`` is one more branch, not one level deeper."""
    above = node.parent
    return above is not None and (above.type == "else_clause" or above.type == node.type == "if_statement")


def hotspots(change: ReviewedChange, past: Past) -> tuple[Hotspot, ...]:
    """The changed functions that cost most, worst first: complexity times churn."""
    found = []
    for file in change.files:
        if file.after is None or is_test(file.path) or file.pair.after.source.root is None:
            continue
        touched = {
            label.symbol
            for label in file.labels
            if label.label in (Label.BODY_CHANGED, Label.SIGNATURE_CHANGED, Label.ADDED, Label.MEMBER_ADDED)
        }
        if not touched:
            continue
        commits = past.churn(file.pair.before.path)
        before = measured(file.pair.before)
        for key, (complexity, nesting) in measured(file.pair.after).items():
            if key in touched:
                symbol = file.pair.after.symbols[key]
                found.append(
                    Hotspot(
                        file.path,
                        key,
                        symbol.line,
                        symbol.end_line,
                        complexity,
                        before.get(key, (0, 0))[0],
                        nesting,
                        commits,
                    )
                )
    found.sort(key=lambda spot: (-spot.debt, -spot.complexity, spot.path, spot.line))
    return tuple(found[:MOST])


def hotspot_findings(spots: tuple[Hotspot, ...]) -> Iterator[Finding]:
    """Of those the ones that are complex and changed often, and did not become simpler."""
    bad = [
        spot
        for spot in spots
        if (spot.complexity >= _COMPLEX or spot.nesting >= _DEEP)
        and spot.commits >= _OFTEN
        and spot.complexity >= spot.before
    ]
    for spot in bad[:_TOLD]:
        grew = f", {spot.before} before" if spot.before and spot.before != spot.complexity else ""
        yield Finding(
            "hotspot",
            spot.path,
            spot.line,
            spot.line,
            f"{spot.symbol!r} has {spot.complexity} paths{grew}, blocks {spot.nesting} deep, in a file that "
            f"{spot.commits} commits of the last year changed; consider taking it apart.",
        )
