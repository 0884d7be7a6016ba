"""Exact refactorings in languages with a table, by their syntax trees alone.

``ACTIONS`` by name: what finds an offer and what performs it. What a table does not know is not offered.
"""

from context.refactor.grammar import (
    early_return,
    extract_constant,
    extract_variable,
    inline_variable,
    invert_if,
    rename,
    simplify_conditional,
)
from context.refactor.values import Action

ACTIONS: dict[str, Action] = {
    "extract-variable": Action(extract_variable.find, extract_variable.perform),
    "extract-constant": Action(extract_constant.find, extract_constant.perform),
    "inline-variable": Action(inline_variable.find, inline_variable.perform),
    "invert-if": Action(invert_if.find, invert_if.perform),
    "early-return": Action(early_return.find, early_return.perform),
    "simplify-conditional": Action(simplify_conditional.find, simplify_conditional.perform),
    "rename": Action(rename.find, rename.perform),
}

__all__ = ["ACTIONS"]
