"""Which exact refactorings there are in which language, and what they offer at a selection.

The engines are found by language; a document that cannot be parsed, or is of a language without an engine, is
offered none.
"""

from __future__ import annotations

from collections.abc import Mapping

from context.document import Document
from context.refactor.source_tree import SourceTree
from context.refactor.values import Action, Offer, Refused, Rewrite, Selection


def actions_of(language: str) -> Mapping[str, Action]:
    """The exact refactorings of a language, by name; loaded on first use."""
    if language == "python":
        from context.refactor.python import ACTIONS

        return ACTIONS
    from context.refactor.grammar import ACTIONS as BY_TABLE

    return BY_TABLE


def exact_offers(tree: SourceTree, selection: Selection) -> list[Offer]:
    """What the language's engine offers at a selection, in the order of its table."""
    found = (action.find(tree, selection) for action in actions_of(tree.document.language).values())
    return [offer for offer in found if offer is not None]


def perform(document: Document, offer: Offer, name: str = "") -> Rewrite:
    """Do an exact offer; ``name`` in place of its own. Raises Refused."""
    action = actions_of(document.language).get(offer.action)
    if action is None:
        raise Refused(f"There is no exact {offer.action!r} for {document.language}.")
    return action.perform(document, offer, name)
