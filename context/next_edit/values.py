"""The values of next edits: a place that wants an edit, and the edit where it is known."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class NextEdit:
    """Lines ``before`` at ``line`` (zero-based) become ``after``; both with their line ends."""

    line: int
    before: tuple[str, ...]
    after: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NextPlace:
    """Where the next edit is likely.

    ``uri``: of an open document, "" where the file is closed; ``path``: relative to the folder. Lines from
    ``start`` to ``end``, zero-based and exclusive; equal where something is missing before ``start``.
    ``reason``: a sentence for the user; ``signal``: the name of what spoke most for it, a key of
    ``weights.WEIGHTS``. ``score``: the share of all likelihood that falls within three lines, 0 to 1.
    """

    uri: str
    path: str
    start: int
    end: int
    reason: str
    signal: str
    score: float
    edit: NextEdit | None = None
