"""What was changed lately: each keystroke extends a small before/after pair. Lines only, no diffing.

A pair covers neighbouring lines of one document; edits further away begin another one. The cost of a
keystroke is that of looking at the few pairs there are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from difflib import unified_diff
from functools import lru_cache

from context.document import Document, Edit

_JOINED_WITHIN = (
    3  # lines between two edits that still make one change: closer than that, a diff joins them too
)
_MOST_EDITS = 24  # pairs kept; prompts show far fewer
_MOST_LINES = 400  # of one side of a pair: a larger change (a paste, a reformat) says little and costs much
_SHOWN_LINES = 40  # of the rendered diff of one pair


@dataclass(frozen=True, slots=True)
class RecentEdit:
    """Lines as they were and as they are now; ``line`` is where they begin now."""

    uri: str
    path: str
    line: int
    before: tuple[str, ...]
    after: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Span:
    uri: str
    path: str
    start: int
    count: int  # lines it has now
    before: tuple[str, ...]
    after: tuple[str, ...] | None = None  # set once the document is closed


class EditLog:
    """The latest pairs, oldest first. Owned by the workspace."""

    def __init__(self) -> None:
        self._spans: list[_Span] = []

    def record(self, before: Document, after: Document, edit: Edit) -> None:
        """Note ``edit``, which made ``after`` of ``before``."""
        first, old, new = _lines_touched(before, after, edit)
        if not old and not new:
            return
        near, far = [], []
        for span in self._spans:
            if span.uri != before.uri or span.after is not None:
                far.append(span)
            elif (
                span.start - _JOINED_WITHIN <= first + old
                and first <= span.start + span.count + _JOINED_WITHIN
            ):
                near.append(span)
            else:
                far.append(replace(span, start=span.start + new - old) if span.start > first else span)
        near.sort(key=lambda span: span.start)
        low = min([first, *(span.start for span in near)])
        high = max([first + old, *(span.start + span.count for span in near)])
        text: list[str] = []
        at = low
        for span in near:
            text += before.lines[at : span.start]
            text += span.before
            at = span.start + span.count
        text += before.lines[at:high]
        span = _Span(before.uri, before.path, low, high - low + new - old, tuple(text))
        undone = span.before == after.lines[low : low + span.count]
        too_large = max(span.count, len(span.before)) > _MOST_LINES
        self._spans = far if undone or too_large else [*far, span][-_MOST_EDITS:]

    def close(self, document: Document) -> None:
        """Keep what was done to a document that is closed now."""
        self._spans = [
            replace(span, after=_now(span, document)) if span.uri == document.uri else span
            for span in self._spans
        ]

    def edits(self, documents: Mapping[str, Document]) -> tuple[RecentEdit, ...]:
        """The pairs, oldest first."""
        found = []
        for span in self._spans:
            if span.after is not None:
                after = span.after
            elif (document := documents.get(span.uri)) is not None:
                after = _now(span, document)
            else:
                continue
            found.append(RecentEdit(span.uri, span.path, span.start, span.before, after))
        return tuple(found)


@lru_cache(maxsize=256)
def as_diff(edit: RecentEdit) -> str:
    """A small unified diff without its headers, ``""`` where nothing is left to see."""
    before, after = ([_ended(line) for line in lines] for lines in (edit.before, edit.after))
    lines = list(unified_diff(before, after, n=1))[3:]  # without the file names and the first @@
    return "".join(line for line in lines[:_SHOWN_LINES] if not line.startswith("@@"))


def _ended(line: str) -> str:
    return line.rstrip("\r\n") + "\n"


def _now(span: _Span, document: Document) -> tuple[str, ...]:
    return document.lines[span.start : span.start + span.count]


def _lines_touched(before: Document, after: Document, edit: Edit) -> tuple[int, int, int]:
    """The first line touched, how many lines there were and how many there are."""
    if edit.start is not None and edit.end is not None:
        start, end = sorted((before.clamp(edit.start), before.clamp(edit.end)))
        old = end.line - start.line + 1
        return start.line, old, old + len(after.lines) - len(before.lines)
    old_lines, new_lines = before.lines, after.lines
    most = min(len(old_lines), len(new_lines))
    first = next((n for n in range(most) if old_lines[n] != new_lines[n]), most)
    same = next((n for n in range(most - first) if old_lines[-1 - n] != new_lines[-1 - n]), most - first)
    return first, len(old_lines) - same - first, len(new_lines) - same - first
