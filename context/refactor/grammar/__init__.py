"""Exact refactorings in languages with a table, by their syntax trees alone.

``ACTIONS`` by name: what finds an offer and what performs it. What a table does not know is not offered.
"""

from context.refactor.grammar import extract_variable, inline_variable
from context.refactor.values import Action

ACTIONS: dict[str, Action] = {
    "extract-variable": Action(extract_variable.find, extract_variable.perform),
    "inline-variable": Action(inline_variable.find, inline_variable.perform),
}

__all__ = ["ACTIONS"]
