"""Which past edits are most like the change in progress, and how one is shown in a prompt.

`FlowBook.of` makes postings once; `neighbours` then answers in milliseconds: BM25 over identifiers and their
parts, where words of the lines that changed weigh more than those around, with bonuses for the same file and
files that changed together. Plain Python; knows neither git nor syntax trees.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from heapq import nlargest
from pathlib import PurePosixPath

from context.codeflow.change import Fate, Flow, FlowEdit
from context.codeflow.regions import hunks

K1, B = 1.2, 0.6  # BM25: the usual saturation; a little less for length, since edits are all short
CHANGED_WEIGHT = 2  # a word on a changed line counts twice one beside it
QUERY_WORDS = 48  # the rarest of the query; more adds milliseconds and hardly a match
MOST_WEIGHT = 3  # times that a word of the query counts, however often it stands there
CANDIDATES = 64  # looked at closer; the bonuses do not lift more than a handful of places
POSTINGS = 300  # of one word: commoner ones say nothing and cost time
SAME_FILE = 0.35  # share of the score added: what was done to this file before is likeliest to be done again
SAME_SYMBOL = 0.25  # the same function or class
TOGETHER = 0.15  # a commit that also changed one of the files in question
SAME_LABEL = 0.2  # for a query that knows what kind of change it is
LEAST_WORDS = 2  # distinct words in common; one is chance
HALF_SCORE = 40.0  # BM25 that counts as 0.5: some six rare words in common
LEAST_SCORE = 4.0  # BM25 below that shares only common words
FATES = {Fate.KEPT: 1.0, Fate.FIXED: 0.7, Fate.REVERTED: 0.0}  # what was taken back is no example
EMPTY_LABELS = frozenset({"module.formatting_only", "module.docs_only", "function.docs_only"})
EMPTY_WEIGHT = 0.4  # a change of layout or comments says little about code
ALREADY_THERE = (
    0.8  # share of an edit's new lines that the query has: it is this very place, after the change
)
SHOWN_LINES = 24  # of a rendered edit; beyond, the pattern has been seen
SHOWN_COLUMNS = 160  # of a line in it

_IDENTIFIER = re.compile(r"[^\W\d]\w{2,}")
_PART = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|[^\W\dA-Za-z_]+")


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A past edit that is like the change in progress; the more so the nearer the score is to 1."""

    flow: Flow
    edit: FlowEdit
    score: float


class FlowBook:
    """Past edits with postings of their words. Immutable once made."""

    def __init__(self, entries: Sequence[tuple[Flow, FlowEdit]]) -> None:
        self._entries = tuple(entries)
        self._changed_with = [frozenset(flow.files) for flow, _ in self._entries]
        bags = [_edit_words(flow, edit) for flow, edit in self._entries]
        lengths = [sum(bag.values()) for bag in bags]
        mean = sum(lengths) / len(lengths) if lengths else 1.0
        found: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for index, bag in enumerate(bags):
            for word, count in bag.items():
                found[word].append((index, count))
        self._idf: dict[str, float] = {}
        self._postings: dict[
            str, list[tuple[int, float]]
        ] = {}  # word -> edits with what it adds to their scores
        for word, places in found.items():
            if len(places) > POSTINGS:
                continue
            idf = math.log(1 + (len(bags) - len(places) + 0.5) / (len(places) + 0.5))
            self._idf[word] = idf
            self._postings[word] = [
                (index, idf * count * (K1 + 1) / (count + K1 * (1 - B + B * lengths[index] / mean)))
                for index, count in places
            ]
        self._words = [self._idf.keys() & bag.keys() for bag in bags]

    @classmethod
    def of(cls, flows: Sequence[Flow]) -> FlowBook:
        """A book of flows, newest first. Reverted ones are left out: nobody should follow them."""
        entries = [(flow, edit) for flow in flows if FATES[flow.fate] for edit in flow.edits]
        return cls(entries)

    def __len__(self) -> int:
        return len(self._entries)

    def neighbours(
        self,
        *,
        text: str,
        paths: Collection[str] = (),
        symbol: str = "",
        labels: Collection[str] = (),
        most: int = 3,
    ) -> tuple[Neighbour, ...]:
        """The edits most like ``text`` (changed lines and those around the cursor), at most one of a commit.

        ``paths``: the file being edited and others changed with it; ``symbol``: qualified name around the
        cursor.
        """
        here, wanted = set(paths), set(labels)
        words = self._query(text)
        names = {word for word, _ in words}
        ranked: list[tuple[float, int]] = []
        for score, index in self._candidates(words):
            if score < LEAST_SCORE or len(names & self._words[index]) < LEAST_WORDS:
                continue
            flow, edit = self._entries[index]
            bonus = 1.0
            bonus += SAME_FILE * (edit.path in here or edit.old_path in here)
            bonus += TOGETHER * (not here.isdisjoint(self._changed_with[index]))
            bonus += SAME_SYMBOL * bool(symbol and edit.symbol == symbol)
            bonus += SAME_LABEL * (not wanted.isdisjoint(edit.labels))
            empty = bool(edit.labels) and EMPTY_LABELS.issuperset(edit.labels)
            ranked.append((score * bonus * FATES[flow.fate] * (EMPTY_WEIGHT if empty else 1.0), index))
        return self._best(ranked, text, most)

    def _query(self, text: str) -> list[tuple[str, int]]:
        """The rarest words of a text that the book knows, each with its weight."""
        bag = words_of(text)
        known = [(self._idf[word], word, count) for word, count in bag.items() if word in self._idf]
        return [(word, min(count, MOST_WEIGHT)) for _, word, count in nlargest(QUERY_WORDS, known)]

    def _candidates(self, words: Sequence[tuple[str, int]]) -> list[tuple[float, int]]:
        scores: dict[int, float] = {}
        get = scores.get
        for word, weight in words:
            for index, adds in self._postings[word]:
                scores[index] = get(index, 0.0) + weight * adds
        return nlargest(CANDIDATES, ((score, index) for index, score in scores.items()))

    def _best(self, ranked: list[tuple[float, int]], text: str, most: int) -> tuple[Neighbour, ...]:
        lines = {line.strip() for line in text.split("\n")}
        chosen: list[Neighbour] = []
        commits: set[str] = set()
        # some are dropped below; ties go to the newer one, which comes first
        for score, index in nlargest(8 * most, ranked, key=lambda item: (item[0], -item[1])):
            flow, edit = self._entries[index]
            if flow.sha in commits or _is_there(edit, lines):
                continue
            commits.add(flow.sha)
            chosen.append(Neighbour(flow, edit, round(score / (score + HALF_SCORE), 3)))
            if len(chosen) == most:
                break
        return tuple(chosen)


def words_of(text: str) -> Counter[str]:
    """Identifiers of three letters or more with their parts, in lower case, and how often each occurs."""
    bag: Counter[str] = Counter()
    for name in _IDENTIFIER.findall(text):
        lower = name.lower()
        bag[lower] += 1
        parts = _PART.findall(name)
        if len(parts) > 1:
            bag.update(part.lower() for part in parts if len(part) > 2)
    return bag


def render(neighbour: Neighbour) -> str:
    """The edit for a prompt: the commit's subject, the place, the lines with " ", "-" or "+" before them."""
    flow, edit = neighbour.flow, neighbour.edit
    where = f"{edit.path} ({edit.symbol})" if edit.symbol else edit.path
    lines = list(_diff(edit))
    cut = len(lines) > SHOWN_LINES
    shown = [line[:SHOWN_COLUMNS] for line in lines[:SHOWN_LINES]] + (["..."] if cut else [])
    return "\n".join([flow.subject[:SHOWN_COLUMNS], where, *shown]) + "\n"


def _diff(edit: FlowEdit):
    before, after = _lines(edit.before), _lines(edit.after)
    at = 0
    for hunk in hunks(before, after):
        yield from (f" {line}" for line in before[at : hunk.a0])
        yield from (f"-{line}" for line in before[hunk.a0 : hunk.a1])
        yield from (f"+{line}" for line in after[hunk.b0 : hunk.b1])
        at = hunk.a1
    yield from (f" {line}" for line in before[at:])


def _lines(text: str) -> list[str]:
    lines = text.split("\n")
    return lines[:-1] if lines[-1] == "" else lines


def _edit_words(flow: Flow, edit: FlowEdit) -> Counter[str]:
    before, after = words_of(edit.before), words_of(edit.after)
    bag = before | after
    for word, count in ((before - after) + (after - before)).items():
        bag[word] += (CHANGED_WEIGHT - 1) * count
    bag.update(words_of(f"{edit.symbol} {flow.subject} {PurePosixPath(edit.path).stem}"))
    return bag


def _is_there(edit: FlowEdit, lines: set[str]) -> bool:
    before = {line.strip() for line in edit.before.split("\n")}
    new = {line.strip() for line in edit.after.split("\n")} - before
    new = {line for line in new if len(line) > 3}
    return bool(new) and len(new & lines) >= ALREADY_THERE * len(new)
