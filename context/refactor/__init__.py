"""Refactorings that need no model: a document and a selection to offers, an offer to new texts.

Exact engines: what they do keeps the program's meaning or is refused with a sentence. Names and words may
come from outside (a user, a model); nothing here asks for them. Reads no disk, executes nothing, knows no
LSP.
"""

from context.refactor.values import Offer, Refused, Rewrite, Selection

__all__ = ["Offer", "Refused", "Rewrite", "Selection"]
