"""Recent edits as runs of changed lines, and the words that came and went with them.

The log's pairs are exact but wide (neighbouring edits join); here each pair is compared line by line. Newest
first, since the newest says most about what comes next.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache
from heapq import nlargest

from context.document import Position
from context.edit_log import RecentEdit
from context.next_edit.words import defined_on, words_of

MOST_EDITS = 10  # pairs looked at: what was done before them is another thought
MOST_WORDS = 24  # of each kind: a new file's worth of words tells no place from another
_INNER = re.compile(r"\[[^\[\]]*\]|\([^()]*\)|\{[^{}]*\}")  # brackets in a head hold commas of their own
_NOT_PASSED = ("self", "cls", "*", "/", "...", "&self")  # what stands between parameters and is none
AGE = 0.75  # what an edit's words are worth for each edit after it


@dataclass(frozen=True, slots=True)
class Run:
    """Lines that were replaced: ``before`` by ``after``, which begins at ``line`` now. ``age`` 0: newest."""

    uri: str
    path: str
    line: int
    before: tuple[str, ...]
    after: tuple[str, ...]
    age: int

    @property
    def end(self) -> int:
        """The line after the last changed one."""
        return self.line + len(self.after)

    @property
    def worth(self) -> float:
        """How much it says, 1 for the newest."""
        return AGE**self.age


def runs_of(edits: Sequence[RecentEdit], uri: str, cursor: Position) -> list[Run]:
    """The runs of the latest edits, newest first; among one edit's, the nearest to the cursor first."""
    found: list[Run] = []
    for edit in reversed(edits[-MOST_EDITS:]):
        here = [
            (edit.line + b0, edit.before[a0:a1], edit.after[b0:b1])
            for a0, a1, b0, b1 in _changed(edit.before, edit.after)
        ]
        if edit.uri == uri:
            here.sort(key=lambda run: _gap(run[0], run[0] + len(run[2]), cursor.line))
        else:
            here.reverse()
        for line, before, after in here:
            found.append(Run(edit.uri, edit.path, line, before, after, len(found)))
    return found


@lru_cache(256)
def _changed(before: tuple[str, ...], after: tuple[str, ...]) -> list[tuple[int, int, int, int]]:
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    return [(a0, a1, b0, b1) for tag, a0, a1, b0, b1 in matcher.get_opcodes() if tag != "equal"]


def _gap(start: int, end: int, line: int) -> int:
    return max(start - line, line - end, 0)


@dataclass(frozen=True, slots=True)
class WordChanges:
    """Words with what they are worth: gone with recent edits, new with them, on changed lines all the while.

    ``signatures``: names of functions whose callers have to follow: what must be passed is something else.
    """

    gone: dict[str, float]
    new: dict[str, float]
    kept: dict[str, float]
    signatures: dict[str, float]

    @classmethod
    def of(cls, runs: Sequence[Run]) -> WordChanges:
        """Those of ``runs``; what one run took and another brought has only moved, and is kept."""
        gone: dict[str, float] = {}
        new: dict[str, float] = {}
        kept: dict[str, float] = {}
        signatures: dict[str, float] = {}
        for run in runs:
            before = frozenset[str]().union(*map(words_of, run.before))
            after = frozenset[str]().union(*map(words_of, run.after))
            for into, words in ((gone, before - after), (new, after - before), (kept, before & after)):
                for word in words:
                    into[word] = max(into.get(word, 0.0), run.worth)
            heads = {name: required(line) for line in run.before if (name := defined_on(line))}
            for line in run.after:
                if (name := defined_on(line)) and heads.get(name, required(line)) != required(line):
                    signatures[name] = max(signatures.get(name, 0.0), run.worth)
        for word in gone.keys() & new.keys():
            kept[word] = max(gone.pop(word), new.pop(word))
        return cls(_most(gone), _most(new), _most(kept), signatures)


def required(head: str) -> int:
    """How many parameters a head on one line asks for, those with a default left out."""
    inside = _INNER.sub("", head.partition("(")[2].rpartition(")")[0])
    names = [one.strip() for one in inside.split(",")]
    return sum(bool(one) and "=" not in one and not one.startswith(_NOT_PASSED) for one in names)


def _most(words: dict[str, float]) -> dict[str, float]:
    """The words of the newest edits, of these the longest."""
    chosen = nlargest(MOST_WORDS, words, key=lambda word: (words[word], len(word), word))
    return {word: words[word] for word in chosen}
