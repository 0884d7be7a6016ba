"""The corridor: recent edits to candidates, signals to scores, scores to a few places apart from each other.

Reads no disk and asks nobody; milliseconds. The share of likelihood within three lines decides, since that
is what somebody who is taken there sees at once.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from context.document import Position
from context.next_edit.candidates import Candidate, candidates
from context.next_edit.changes import runs_of
from context.next_edit.elsewhere import Elsewhere
from context.next_edit.reasons import reason_of
from context.next_edit.replacement import text_of
from context.next_edit.signals import Edited
from context.next_edit.values import NextPlace
from context.next_edit.weights import WEIGHTS
from context.next_edit.words import SearchedText
from context.workspace import Snapshot

MOST_PLACES = 3  # shown: a longer list is a search result
_AROUND = 3  # lines: as near as that, two candidates are one place
_NEARLY = 0.9  # of the most that stands around any line: as good a place, by a likelier line


def locate(
    snapshot: Snapshot,
    uri: str,
    cursor: Position,
    elsewhere: Elsewhere | None = None,
    most: int = MOST_PLACES,
) -> list[NextPlace]:
    """Where the next edit is likely after those of ``snapshot``, best first; none where nothing was edited.

    ``uri``, ``cursor``: where the user is. ``elsewhere``: closed files that were read for this.
    """
    edited = look(snapshot, uri, cursor)
    if edited is None:
        return []
    found = list(candidates(snapshot, edited, elsewhere or Elsewhere()))
    return [_place(edited, one, share, found) for one, share in choose(found, score(found), most)]


def look(snapshot: Snapshot, uri: str, cursor: Position) -> Edited | None:
    """What was edited, seen from a cursor; None where nothing was, or the document is not open."""
    document = snapshot.documents.get(uri)
    if document is None or not snapshot.recent_edits:
        return None
    at = document.clamp(cursor)
    text = SearchedText(document.lines, document.text)
    module = document.path.rpartition("/")[2].partition(".")[0]
    return Edited(uri, module, at, runs_of(snapshot.recent_edits, uri, at), text)


def score(found: Sequence[Candidate]) -> list[float]:
    """The likelihood of each candidate: they share 1."""
    logits = [
        sum(WEIGHTS.get(name, 0.0) * value for name, value in one.evidence.values.items()) for one in found
    ]
    most = max(logits, default=0.0)
    powers = [math.exp(logit - most) for logit in logits]
    total = sum(powers) or 1.0
    return [power / total for power in powers]


def choose(
    found: Sequence[Candidate], likelihood: Sequence[float], most: int
) -> list[tuple[Candidate, float]]:
    """The places with most likelihood, each by its likeliest line and with its share, none near another."""
    files: dict[tuple[str, str], dict[int, int]] = {}
    for n, one in enumerate(found):
        files.setdefault((one.uri, one.path), {})[one.line] = n
    left = list(likelihood)
    chosen: list[tuple[Candidate, float]] = []
    while len(chosen) < most and any(left):
        around = {
            n: sum(left[lines[near]] for near in _near(line) if near in lines)
            for lines in files.values()
            for line, n in lines.items()
            if left[n] > 0
        }
        least = _NEARLY * max(around.values())
        best = max((n for n, share in around.items() if share >= least), key=lambda n: left[n])
        chosen.append((found[best], around[best]))
        lines = files[found[best].uri, found[best].path]
        for near in _near(found[best].line):
            if near in lines:
                left[lines[near]] = 0.0
    return sorted(chosen, key=lambda one: -one[1])


def _near(line: int) -> range:
    return range(line - _AROUND, line + _AROUND + 1)


def _place(edited: Edited, one: Candidate, share: float, found: Sequence[Candidate]) -> NextPlace:
    """A place as it is shown: by the nearest line whose new text is known, where there is one."""
    near = [n for n in found if (n.uri, n.path) == (one.uri, one.path) and n.line in _near(one.line)]
    edit = None
    for other in sorted(near, key=lambda other: abs(other.line - one.line)):
        if (edit := text_of(other.line, other.text, edited.replacements, edited.runs)) is not None:
            one = other
            break
    signal, reason = reason_of(one.evidence)
    return NextPlace(one.uri, one.path, one.line, one.line + 1, reason, signal, round(share, 4), edit)
