"""What a place becomes that wants an edit, where the edits before it do not say: asked of the model.

Only where that takes seconds at most; never what a recent edit has just taken away, and never what fails the
checks that every edit has to pass.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from context.document import Document, Position
from context.next_edit import NextPlace
from context.next_edit.changes import Run, runs_of
from context.next_edit.replacement import is_undone
from context.refactor import Selection
from context.refactor.difference import line_changes
from context.verify import verify
from context.workspace import Snapshot
from engine.errors import EngineError
from lsp_server.edit_plan import PlanRefused
from lsp_server.model_edit import edit
from lsp_server.model_session import ModelSession

_WITHIN_S = 5.0
_AROUND = 2  # lines on either side of a place that the model may change
_SHOWN_RUNS, _SHOWN_LINES = 3, 6  # recent changes that it is told, and lines of each side


async def written(
    session: ModelSession, snapshot: Snapshot, document: Document, place: NextPlace
) -> tuple[int, int, str] | None:
    """Lines from and to (exclusive) with their new text, without its last line's end; None where there is
    none in time, or none that may be shown."""
    if session.template is None:
        return None
    first, last = max(0, place.start - _AROUND), min(len(document.lines), place.end + _AROUND) - 1
    region = Selection(Position(first, 0), Position(last, len(document.line(last))))
    runs = runs_of(snapshot.recent_edits, document.uri, Position(place.start, 0))
    instruction = "\n".join(
        (
            "These edits were just made:",
            *(line for run in runs[:_SHOWN_RUNS] for line in _told(run)),
            f"Make the edit that follows from them at line {place.start + 1}: {place.reason}",
        )
    )
    try:
        async with asyncio.timeout(_WITHIN_S):
            after = await edit(session, document, region, instruction)
    except (EngineError, PlanRefused, TimeoutError):
        return None
    return await asyncio.to_thread(_usable, document, after, runs)


def _usable(document: Document, after: str, runs: list[Run]) -> tuple[int, int, str] | None:
    new = Document.of(document.uri, document.path, document.language, 0, after)
    changes = list(line_changes(document.lines, new.lines))
    if len(changes) != 1 or not verify(document, after, lint=False).applies:
        return None
    ((old_from, old_to, new_from, new_to),) = changes
    was, now = "".join(document.lines[old_from:old_to]), "".join(new.lines[new_from:new_to])
    if is_undone(now, was, runs) or any(run.before == new.lines[new_from:new_to] for run in runs):
        return None
    if old_to == old_from:  # an insertion keeps its last line's end
        return old_from, old_to, now
    return old_from, old_to, now.rstrip("\r\n")


def _told(run: Run) -> Iterator[str]:
    yield from (f"- {line.rstrip()}" for line in run.before[:_SHOWN_LINES])
    yield from (f"+ {line.rstrip()}" for line in run.after[:_SHOWN_LINES])
