"""How much of an accepted text is still in its document some time later.

Two states of a document and a place in the first: lines are followed by a diff, and what was changed is
compared word by word, so that text that moved down, was indented anew or formatted counts as kept. Blanks do
not count. Text that was moved elsewhere counts as gone.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import NamedTuple

from context.document import Position
from context.refactor.difference import LineChange, line_changes

_WORD = re.compile(r"\w+|[^\w\s]")
_MOST_PAIRS = 1_000_000  # words times words; beyond, a changed stretch is compared by whole lines


class Accepted(NamedTuple):
    """A text in a document, right after it was accepted. Lines are as a document has them."""

    uri: str
    lines: Sequence[str]
    start: Position
    end: Position

    def on(self, line: int) -> str:
        """The part of it that is on a line."""
        first, last = self.columns(line)
        return self.lines[line][first:last]

    def columns(self, line: int) -> tuple[int, int]:
        """Where that part begins and ends."""
        if not self.start.line <= line <= self.end.line:
            return 0, 0
        first = self.start.column if line == self.start.line else 0
        return first, self.end.column if line == self.end.line else len(self.lines[line])


def letters(text: str) -> int:
    """How many characters are no blanks."""
    return sum(len(part) for part in text.split())


def kept_letters(accepted: Accepted, lines: Sequence[str]) -> tuple[int, int]:
    """How many of its letters ``lines``, the document's later state, still have; and of how many."""
    every = range(accepted.start.line, accepted.end.line + 1)
    counted = {line: letters(accepted.on(line)) for line in every}
    before, after = [line.strip() for line in accepted.lines], [line.strip() for line in lines]
    for change in line_changes(before, after):
        touched = range(max(every.start, change.old_from), min(every.stop, change.old_to))
        if touched:
            counted |= dict.fromkeys(touched, 0)
            counted[touched.start] = _kept_of_change(accepted, change, lines)
    return sum(counted.values()), sum(letters(accepted.on(line)) for line in every)


def _kept_of_change(accepted: Accepted, change: LineChange, lines: Sequence[str]) -> int:
    """Letters of the accepted text in lines that were changed, by the words that are still there in order."""
    old: list[tuple[str, int]] = []  # words, and how many of their letters were accepted
    for line in range(change.old_from, change.old_to):
        first, last = accepted.columns(line)
        for found in _WORD.finditer(accepted.lines[line]):
            old.append((found[0], max(0, min(found.end(), last) - max(found.start(), first))))
    new = [word for line in lines[change.new_from : change.new_to] for word in _WORD.findall(line)]
    if len(old) * len(new) > _MOST_PAIRS:
        there = {line.strip() for line in lines[change.new_from : change.new_to]}
        old_lines = range(change.old_from, change.old_to)
        return sum(letters(accepted.on(line)) for line in old_lines if accepted.lines[line].strip() in there)
    matcher = SequenceMatcher(None, [word for word, _ in old], new, autojunk=False)
    return sum(
        accepted_letters
        for block in matcher.get_matching_blocks()
        for _, accepted_letters in old[block.a : block.a + block.size]
    )
