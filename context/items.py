"""A piece of evidence, and the one signature all sources share. Knows no tokens and no models.

``relevance`` decides whether a piece is in a prompt, ``stability`` where it stands.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Source:
    """The names of the sources, as accounts show them and ``context.disabledSources`` takes them."""

    THIS_FILE = "this file"
    OPEN_FILE = "open file"
    RECENT_EDITS = "recent edits"
    IMPORTS = "imports"
    SAME_FOLDER = "same folder"
    TESTS = "tests"
    SIMILAR_CODE = "similar code"
    OTHER_FILES = "other files"
    PROJECT_MAP = "project map"
    HISTORY = "history"
    PAST_CHANGES = "past changes"
    DIAGNOSTICS = "diagnostics"
    EARLIER_SESSION = "earlier session"


SOURCES = tuple(value for name, value in vars(Source).items() if name.isupper())


class Stability(IntEnum):
    """How seldom a kind of piece changes: the highest stands first, so that a change invalidates little."""

    PROJECT_MAP = 7  # changes with the files' signatures
    HISTORY = 6  # of the branch: changes with HEAD
    CLOSED_FILE = 5  # changes on disk only, but which ones matter moves with the cursor
    OPEN_FILE = 4  # changes when the user goes there and types
    PLACE = 3  # about this file, this function, changes like this one: another file, another piece
    RECENT_EDITS = 2  # changes with every pause
    DIAGNOSTICS = 1


@dataclass(frozen=True, slots=True)
class ContextItem:
    """A piece of evidence, not yet redacted. ``whole``: the text is all of the file ``path``.

    ``commits`` are the shas it was taken from; ``why`` says in a few words how it was found.
    """

    source: str
    path: str
    text: str
    relevance: float
    stability: float
    commits: tuple[str, ...] = ()
    whole: bool = False
    why: str = ""

    @property
    def of_file(self) -> bool:
        """Whether the text is ``path`` or a part of it, rather than something about it."""
        return self.source not in _ABOUT_FILES


_ABOUT_FILES = (
    Source.THIS_FILE,  # parts that its window does not reach, under headings of their own
    Source.RECENT_EDITS,
    Source.HISTORY,
    Source.PAST_CHANGES,
    Source.DIAGNOSTICS,
    Source.PROJECT_MAP,
)
