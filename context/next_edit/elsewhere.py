"""Files other than the edited ones that may want an edit too: their texts, and why they belong together.

Read in the background, through the gate, from the index and history; the request path takes what is there.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from context.document import Position, split_lines
from context.facts import Facts
from context.next_edit.changes import WordChanges, runs_of
from context.next_edit.words import SearchedText
from context.workspace import Snapshot

MOST_FILES = 16  # texts kept: looking through one takes a millisecond
_RUNS_COMPARED = 6  # newest changes that past commits are compared with
_LARGEST_FILE = 200_000  # characters: longer files are data
_FAINT = 0.01  # strength that says nothing
_SMALL_WORKSPACE = 40  # files: all of them are considered where there are no more


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Closed files by path; how strongly a file, open or not, belongs to what is edited (0 to 1), and why."""

    texts: Mapping[str, SearchedText] = field(default_factory=dict)
    strength: Mapping[str, float] = field(default_factory=dict)
    why: Mapping[str, str] = field(default_factory=dict)

    def belongs(self, path: str) -> float:
        """The strength's logarithm, from 0 (a hundredth or nothing) to 1; a tenth is half of it."""
        return max(0.0, 1 + math.log10(self.strength.get(path, 0.0) or _FAINT) / 2)


def read_elsewhere(snapshot: Snapshot, uri: str, facts: Facts) -> Elsewhere:
    """What may want an edit after those of ``snapshot``, for the document at ``uri``. Reads files."""
    edited = {edit.path for edit in snapshot.recent_edits}
    document = snapshot.documents.get(uri)
    if document is not None:
        edited.add(document.path)
    strength: dict[str, float] = {}
    why: dict[str, str] = {}

    def add(path: str, worth: float, reason: str) -> None:
        if path not in edited and worth > strength.get(path, 0.0):
            strength[path], why[path] = min(1.0, worth), reason

    for path in edited:
        for other, share in facts.changed_with(path):
            add(other, share, f"commits that changed {path} changed it too")
        for other, weight in facts.linked(path):
            add(other, 0.5 * weight, f"it refers to {path}, or is referred to by it")
        stem = path.rpartition("/")[2].rpartition(".")[0].lower()
        for other in facts.named(stem):
            add(other, 0.4, f"it is named after {path}")
    runs = runs_of(snapshot.recent_edits, uri, Position(0, 0))
    words = WordChanges.of(runs)
    for name, worth in {**words.new, **words.gone, **words.signatures}.items():
        for other in facts.defining(name)[:2]:
            add(other, 0.3 * worth, f"it defines {name}")
    if facts.flows is not None:
        text = "".join("".join(run.before + run.after) for run in runs[:_RUNS_COMPARED])
        for neighbour in facts.flows.neighbours(text=text, paths=edited):
            for other in neighbour.flow.files:
                add(other, neighbour.score, f"a change like this one changed it: {neighbour.flow.subject}")
    if len(facts.layout.names) <= _SMALL_WORKSPACE:
        for other in facts.layout.names:
            add(other, 1 / max(1, len(facts.layout.names) - 1), "it is in the same small project")
    texts: dict[str, SearchedText] = {}
    for path in sorted(strength, key=lambda one: (-strength[one], one)):
        if len(texts) >= MOST_FILES:
            break
        text = facts.text(path) if path not in facts.opened else None
        if text and len(text) <= _LARGEST_FILE:
            texts[path] = SearchedText.with_words(split_lines(text), text)
    return Elsewhere(MappingProxyType(texts), MappingProxyType(strength), MappingProxyType(why))
