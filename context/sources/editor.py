"""What the editor told: other open files, what was edited lately, what is wrong with this file.

Read on every request, so nothing here reads a disk; only the last few lines of work are done.
"""

from __future__ import annotations

from context.document import Document
from context.edit_log import as_diff
from context.items import ContextItem, Source, Stability
from context.sources import weights
from context.workspace import Snapshot

_WHOLE_LINES = 400  # of an open file: beyond this the head of it, imports and the first definitions
_MOST_DIAGNOSES = 8  # the nearest to the cursor
_NEAR_LINES = 2  # around the cursor: an edit there is what is being typed, and stands in the prompt already


def open_files(snapshot: Snapshot, current: Document) -> list[ContextItem]:
    """The other open documents; the ones viewed last matter most, the ones opened first stand first."""
    order = list(snapshot.documents)
    items = []
    for rank, uri in enumerate(uri for uri in snapshot.last_viewed if uri != current.uri):
        document = snapshot.documents[uri]
        if not document.text.strip():
            continue
        same_language = 1.0 if document.language == current.language else 0.6
        items.append(
            ContextItem(
                Source.OPEN_FILE,
                document.path,
                "".join(document.lines[:_WHOLE_LINES]),
                weights.LAST_VIEWED * same_language / (1 + rank) ** 0.5,
                Stability.OPEN_FILE - order.index(uri) / (len(order) + 1),
                whole=len(document.lines) <= _WHOLE_LINES,
                why="looked at last" if rank == 0 else f"looked at {rank + 1} files ago",
            )
        )
    return items


def recent_edits(snapshot: Snapshot, current: Document, line: int) -> list[ContextItem]:
    """Small diffs of what was changed lately, the newest worth most; not what is being typed at ``line``."""
    items = []
    worth, latest = weights.NEWEST_EDIT, float(len(snapshot.recent_edits) + 1)
    for age, edit in enumerate(reversed(snapshot.recent_edits)):
        near = edit.line - _NEAR_LINES <= line <= edit.line + len(edit.after) + _NEAR_LINES
        if edit.uri == current.uri and near:
            continue
        if diff := as_diff(edit):
            stands = Stability.RECENT_EDITS - (latest - age) / (latest + 1)  # the newest last
            path = f"{edit.path}.diff"
            items.append(
                ContextItem(Source.RECENT_EDITS, path, diff, worth, stands, why="changed just before")
            )
            worth *= weights.OLDER_EDIT
    return items


def diagnostics(snapshot: Snapshot, current: Document, line: int) -> list[ContextItem]:
    """What checkers say of the lines around ``line``, as the editor passes it on."""
    known = sorted(snapshot.diagnoses.get(current.uri, ()), key=lambda one: abs(one.line - line))
    if not known:
        return []
    nearest = sorted(known[:_MOST_DIAGNOSES], key=lambda one: one.line)
    text = "".join(f"{current.path}:{one.line + 1}: {one.message}\n" for one in nearest)
    return [
        ContextItem(
            Source.DIAGNOSTICS,
            "problems.txt",
            text,
            weights.DIAGNOSTICS,
            Stability.DIAGNOSTICS,
            why="reported by the editor",
        )
    ]
