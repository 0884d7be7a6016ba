"""One review: the change, then every rule over it; findings in the order of files and lines.

What could not be looked at stands in the notes. Blocking: it reads git, the changed files and, for callers
and tests, the folder's sources.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from context.history.git import Git, GitError
from context.review.change import ChangedFile, ReviewedChange, is_fixture, read_change
from context.review.checked import MOST_LINTED, checked_findings
from context.review.complexity import hotspot_findings, hotspots
from context.review.correctness import syntax_findings
from context.review.elsewhere import Elsewhere
from context.review.left_behind import left_behind
from context.review.past import Past, missing_companions, undone_fixes
from context.review.python_callers import stranded_callers
from context.review.python_rules import python_findings
from context.review.rules import RULES, Severity
from context.review.untested import untested
from context.review.values import Finding, Hotspot

Report = Callable[[str], None]
T = TypeVar("T")


@dataclass(frozen=True)
class Review:
    """What a review found: findings by file and line, hotspots worst first, notes on what is missing."""

    change: ReviewedChange
    findings: tuple[Finding, ...]
    hotspots: tuple[Hotspot, ...]
    notes: tuple[str, ...]

    def at_least(self, severity: Severity) -> bool:
        """Whether there is a finding of that severity or a worse one."""
        return any(RULES[finding.rule].severity >= severity for finding in self.findings)


def review(
    root: Path, revision: str = "", paths: Sequence[str] = (), *, report: Report = lambda _: None
) -> Review:
    """Review the change of the folder since ``revision``, as ``read_change`` has it. Raises ``GitError``."""
    with Git(root) as git:
        report("reading the change")
        change = read_change(git, revision, paths)
        notes = list(change.notes)
        report("reading the history")
        past = _part("the history", lambda: Past.of(git, change.base), notes) or Past(())
        undone = _part("past fixes", lambda: list(undone_fixes(git, change, past)), notes) or []
    elsewhere = Elsewhere(root)
    spots = hotspots(change, past)
    found: list[Finding] = [*undone, *missing_companions(change, past), *hotspot_findings(spots)]
    report("looking at what changed")
    found += left_behind(change)
    for number, file in enumerate(change.files):
        if is_fixture(file.path):
            continue
        syntax = list(syntax_findings(file))
        found += syntax
        if not syntax:
            found += _of_file(file, root, lint=number < MOST_LINTED)
    if change.files:
        report("looking for callers and tests")
        found += stranded_callers(change, elsewhere)
        found += untested(change, elsewhere)
        if not elsewhere.complete:
            notes.append("The folder holds more source than was searched for callers and tests.")
    return Review(change, tuple(_settled(found)), spots, tuple(notes))


def _of_file(file: ChangedFile, root: Path, *, lint: bool) -> Iterator[Finding]:
    """Our own rules, then the checkers', which often say the same in other words about the same line."""
    own = list(python_findings(file))
    yield from own
    told = {finding.line for finding in own}
    checked = list(checked_findings(file, root, lint=lint))
    told |= {finding.line for finding in checked if finding.rule != "lint"}
    for finding in checked:
        if finding.rule != "lint" or finding.line not in told:
            yield finding


def _part(what: str, read: Callable[[], T], notes: list[str]) -> T | None:
    """A part of the review; where git does not answer, a note instead."""
    try:
        return read()
    except (GitError, OSError) as error:
        notes.append(f"Not looked at: {what} ({error}).")
        return None


def _settled(found: Iterable[Finding]) -> Iterator[Finding]:
    """Each once, in order."""
    seen = set()
    for finding in sorted(found, key=lambda one: one.order):
        if (finding.order) not in seen:
            seen.add(finding.order)
            yield finding
