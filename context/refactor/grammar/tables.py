"""What grammars say of languages, as data: which nodes are statements, scopes, bindings, evaluations.

One table a language (``javascript_table``, ``go_table``); the modules beside this one read tables.
Node types and fields are those of the tree-sitter grammars. What a table does not mention is not gone
through: an unknown construct is refused, never guessed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

# How often a child is evaluated each time its parent is: once; perhaps not at all; again and again.
Evaluated = Literal["once", "perhaps", "again"]
# Where a binding is known: the innermost block, the function, the node itself that binds, the file.
Reach = Literal["block", "function", "self", "file"]


@dataclass(frozen=True, eq=False)  # one a language: known by its identity
class Table:
    """One language. Fields are written "type.field"; "type." is a child without a field name."""

    language: str
    statement_lists: frozenset[str]  # nodes whose children are statements
    single_bodies: frozenset[str]  # "type.field" that hold one statement without braces
    block: str  # the node of { ... }
    functions: frozenset[str]
    expression_bodies: frozenset[str]  # "type.field": an expression in place of a function's block
    scopes: frozenset[str]  # nodes that names can be local to, functions among them
    identifiers: frozenset[str]  # nodes that are names of variables
    patterns: frozenset[str]  # "type.field" between a bound name and what binds it
    bindings: dict[str, Reach]  # "type.field" that holds the name or pattern it binds
    writes: frozenset[str]  # "type.field" that assigns to the name or pattern in it
    evaluated: dict[str, Evaluated]  # "type.field" through which an expression may be taken out
    literal_places: frozenset[str]  # "type.field" besides, where a constant may stand for a literal
    expressions: frozenset[str]  # what may be taken out
    trivial: frozenset[str]  # expressions with nothing to name
    literals: frozenset[str]
    allocating: frozenset[str]  # expressions that make something new each time
    effects: frozenset[str]  # nodes whose evaluation can change something
    reads: frozenset[str]  # nodes that read what can be changed elsewhere, or may fail
    harmless: frozenset[str]  # nodes that neither fail nor read (their operands still count)
    harmless_operators: frozenset[str]  # of binary and unary nodes in ``harmless``
    reading_operators: frozenset[str]  # binary ones that may read an object's state, or fail
    lazy_operators: frozenset[str]  # binary operators that may skip their right side
    primary: frozenset[str]  # expressions that never need parentheses as an operand
    delimited: frozenset[str]  # "type.field" where no expression needs parentheses
    keywords: frozenset[str]
    declaration: str  # of a variable: "const {name} = {value}"
    constant: str
    terminator: str  # ";" where statements end with one
    leaves: frozenset[str]  # statements after which nothing of the block runs
    negations: dict[str, str]
    calls_before_reads: bool = False  # in one statement, calls may come before what else is read (Go)
    bare_conditions: bool = False  # a condition without parentheses around it


def words(text: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(text.split())


def each(**of: str) -> frozenset[str]:
    """``each(call="function arguments")`` -> {"call.function", "call.arguments"}; "-" is no field."""
    return frozenset(
        f"{kind}.{'' if name == '-' else name}" for kind, names in of.items() for name in names.split()
    )


def evaluated(once: frozenset[str], again: frozenset[str], perhaps: frozenset[str]) -> dict[str, Evaluated]:
    """``Table.evaluated`` from its three parts."""
    parts: tuple[tuple[frozenset[str], Evaluated], ...] = (
        (once, "once"),
        (again, "again"),
        (perhaps, "perhaps"),
    )
    return {place: how for places, how in parts for place in places}


def bindings(**reaches: frozenset[str]) -> dict[str, Reach]:
    """``Table.bindings`` from the places of each reach: ``itself`` stands for "self"."""
    names: dict[str, Reach] = {"block": "block", "function": "function", "itself": "self", "file": "file"}
    return {place: names[reach] for reach, places in reaches.items() for place in places}
