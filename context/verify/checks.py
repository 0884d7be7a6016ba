"""Findings before and after an edit to what they say of it: what is new, what is gone, in a sentence.

A finding is found again by its words, not by its line, so that what an edit only moves is not new; a syntax
error, whose words come from whatever is around it, by its place. Knows no checker.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from context.refactor.difference import LineChange

WARNINGS = frozenset({"lint warning"})  # the only kind that does not keep an edit from being applied
_NUMBER = re.compile(r"\d+")  # a line that stays too long by another letter is no news


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a checker has against a text.

    ``kind``: a noun: "syntax error", "undefined name", "unused import", "lint error", "lint warning",
    "omission", "odd character", "failing test". ``line``: zero-based, in the text it was found in.
    ``sentence``: without a full stop. ``code``: the checker's own name for it, such as "F821".
    """

    kind: str
    path: str
    line: int
    sentence: str
    code: str = ""

    def __str__(self) -> str:
        return f"{self.sentence} (line {self.line + 1})"


@dataclass(frozen=True, slots=True)
class Checks:
    """What changes if an edit is made, against not making it.

    ``worse``: findings that are new, their lines in the new text; ``better``: those that are gone, their
    lines in the old one. ``ran``: what was looked at, as the ends of "checked: ..."; ``skipped``: sentences
    on what could not be. ``unproven``: nothing says that the text still parses, though it should be known.
    """

    worse: tuple[Finding, ...] = ()
    better: tuple[Finding, ...] = ()
    ran: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    unproven: bool = False

    @property
    def applies(self) -> bool:
        """Whether the edit may be offered to be applied at once; otherwise only as a preview."""
        return not self.unproven and all(finding.kind in WARNINGS for finding in self.worse)

    @property
    def verdict(self) -> str:
        """What speaks against the edit in a few words, for a title: "2 new lint errors"; "" where nothing."""
        if self.worse:
            return f"{_counted(self.worse, 'new ')}"
        return "could not be checked" if self.unproven else ""

    @property
    def summary(self) -> str:
        """All of it in one line, for a description."""
        parts = []
        if self.worse:
            more = len(self.worse) - 1
            parts.append(f"{self.verdict}: {self.worse[0]}" + (f" and {more} more" if more else ""))
        elif self.ran:
            parts.append(f"checked: {', '.join(self.ran)}")
        if self.better:
            parts.append(f"{_counted(self.better)} less")
        return "; ".join((*parts, *self.skipped))


def joined(checks: Iterable[Checks]) -> Checks:
    """The checks of several files as those of one edit."""
    every = list(checks)
    return Checks(
        worse=tuple(finding for one in every for finding in one.worse),
        better=tuple(finding for one in every for finding in one.better),
        ran=tuple(dict.fromkeys(said for one in every for said in one.ran)),
        skipped=tuple(dict.fromkeys(said for one in every for said in one.skipped)),
        unproven=any(one.unproven for one in every),
    )


def new_ones(before: Iterable[Finding], after: Iterable[Finding]) -> list[Finding]:
    """The findings of ``after`` that ``before`` has not, by kind and words; flipped, what is gone."""
    known = Counter(map(_words, before))
    found = []
    for finding in after:
        if known[_words(finding)]:
            known[_words(finding)] -= 1
        else:
            found.append(finding)
    return found


def new_in_place(
    before: Iterable[Finding], after: Iterable[Finding], changes: Sequence[LineChange]
) -> list[Finding]:
    """The findings of ``after`` where ``before`` has none: on the same line, or in the same changed lines."""
    known = Counter(_place(finding.line, changes, old=True) for finding in before)
    found = []
    for finding in after:
        place = _place(finding.line, changes, old=False)
        if known[place]:
            known[place] -= 1
        else:
            found.append(finding)
    return found


def flipped(changes: Iterable[LineChange]) -> list[LineChange]:
    """The same changes, from the new text to the old one."""
    return [LineChange(new_from, new_to, old_from, old_to) for old_from, old_to, new_from, new_to in changes]


def is_changed(line: int, changes: Iterable[LineChange]) -> bool:
    """Whether a line of the new text stands in changed lines."""
    return any(change.new_from <= line < change.new_to for change in changes)


def _words(finding: Finding) -> tuple[str, str, str]:
    return finding.kind, finding.code, _NUMBER.sub("#", finding.sentence)


def _place(line: int, changes: Sequence[LineChange], *, old: bool) -> tuple[str, int]:
    """A line as both texts can name it: its number in the new text, or the number of its change."""
    shift = 0
    for number, change in enumerate(changes):
        start, end = (change.old_from, change.old_to) if old else (change.new_from, change.new_to)
        if line < start:
            break
        if line < end:
            return "change", number
        shift = change.new_to - change.old_to
    return "line", line + shift if old else line


def _counted(findings: Sequence[Finding], adjective: str = "") -> str:
    counts = Counter(finding.kind for finding in findings)
    parts = [f"{count} {adjective}{kind}{'s' if count > 1 else ''}" for kind, count in counts.items()]
    return ", ".join(parts)
