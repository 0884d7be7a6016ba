"""The values of a refactoring: what is selected, what is offered there, what becomes of the texts.

Positions are those of ``Document``: zero-based lines, columns in code points.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from context.document import Document, Position

if TYPE_CHECKING:
    from context.refactor.source_tree import SourceTree


class Refused(Exception):
    """A refactoring that cannot be done here; the message is a sentence that says why, for the user."""


class Selection(NamedTuple):
    """From ``start`` to ``end``, exclusive; the same position twice is a cursor."""

    start: Position
    end: Position

    @property
    def is_empty(self) -> bool:
        """Whether it is a cursor."""
        return self.start == self.end


@dataclass(frozen=True, slots=True)
class Offer:
    """One refactoring that makes sense at a selection.

    ``action``: its name on the command line and in logs, stable, such as "extract-variable". ``kind``:
    LSP's code action kind. ``title``: what a menu shows, with the name of what is meant. ``selection``:
    what it is about, which may be wider than what was selected. ``name``: the name it would give (a user or
    a model may choose another); "" where it gives none. ``exact``: an engine does it; otherwise the model.
    ``disabled``: a sentence, where it makes sense but cannot be done, and why.
    """

    action: str
    kind: str
    title: str
    selection: Selection
    name: str = ""
    exact: bool = True
    disabled: str = ""


@dataclass(frozen=True, slots=True)
class Rewrite:
    """What a refactoring makes of the texts it read: documents with their new texts.

    ``created``: paths with the texts of new files; ``renamed``: old and new paths, both relative to the
    folder. ``name_at``: where in the first document's new text the name that was given stands, for a rename
    right after. ``notes``: sentences about what could not be known and is left to the user's eye.
    """

    texts: tuple[tuple[Document, str], ...]
    created: tuple[tuple[str, str], ...] = ()
    renamed: tuple[tuple[str, str], ...] = ()
    name_at: Position | None = None
    notes: tuple[str, ...] = ()


class Action(NamedTuple):
    """An exact refactoring. ``find``: what it offers at a selection, None where it makes no sense there, from
    the tree alone and within milliseconds. ``perform``: does an offer; a name overrides the offer's; raises
    ``Refused``.
    """

    find: Callable[[SourceTree, Selection], Offer | None]
    perform: Callable[[Document, Offer, str], Rewrite]
