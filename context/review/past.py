"""What git's history says of a change: files that change together, fixes that it takes back, churn."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from context.codeflow.commits import commits_named
from context.codeflow.fate import telling_lines
from context.codeflow.labels import Label
from context.codeflow.read import source_text
from context.history.diff import changed_ranges
from context.history.git import Git
from context.history.log import commits
from context.history.values import Commit, Limits
from context.privacy.names import may_be_prompted
from context.review.change import ChangedFile, ReviewedChange, is_test
from context.review.values import Finding

_FIX = re.compile(r"(?i)\b(?:fix(?:e[sd])?|bug(?:fix)?|regress\w*|correct(?:s|ed)?|repairs?)\b")
YEAR_S = 365 * 24 * 3600
MOST_COMMITS = 2_000  # of a year; a busier project's last 2,000 are some months, which tell the same
_SUPPORT = 5  # commits that changed both files: fewer are chance
_SHARE = 0.75  # of the commits that changed the one
_SWEEP = 12  # files in a commit; more say nothing about which belong together
_MOST_COMPANIONS = 3  # told of one change
_FIXES_LOOKED_AT = 60  # commits whose texts are read
_FEWEST_LINES = 2  # telling lines that a fix wrote or took away: fewer are met again by chance
_TEXT_BYTES = 16 << 20


@dataclass(frozen=True)
class Past:
    """The commits of about a year before the change, newest first, and which files they touched."""

    commits: tuple[Commit, ...]

    @classmethod
    def of(cls, git: Git, base: str, *, timeout_s: float = 20) -> Past:
        """The last year before ``base``; nothing where ``base`` is "". Raises ``GitError``."""
        if not base:
            return cls(())
        found = commits(git, [base], MOST_COMMITS, Limits(), timeout_s=timeout_s)
        newest = found[0].date if found else 0
        return cls(tuple(one for one in found if one.date >= newest - YEAR_S))

    def churn(self, path: str) -> int:
        """How many commits of the year touched a file."""
        return sum(path in one.files for one in self.commits)

    def companions(self, path: str) -> list[tuple[str, int, int]]:
        """Files that nearly always changed along: path, commits that changed both, commits of this one."""
        mine = [one for one in self.commits if path in one.files and len(one.files) <= _SWEEP]
        both = Counter(other for one in mine for other in one.files if other != path)
        return [
            (other, times, len(mine))
            for other, times in sorted(both.items(), key=lambda pair: (-pair[1], pair[0]))
            if times >= _SUPPORT and times >= _SHARE * len(mine)
        ]


def missing_companions(change: ReviewedChange, past: Past) -> Iterator[Finding]:
    """Files that usually change along with a changed one and did not; the strongest."""
    found: dict[str, tuple[int, int, ChangedFile]] = {}
    for file in change.files:
        if file.after is None or file.before is None or is_test(file.path) or not _is_code(file):
            continue
        for other, times, of in past.companions(file.path):
            if other in change.names or not (change.root / other).is_file() or not may_be_prompted(other):
                continue
            known = found.get(other)
            if known is None or times * known[1] > known[0] * of:
                found[other] = (times, of, file)
    strongest = sorted(found.items(), key=lambda item: (-item[1][0] / item[1][1], item[0]))
    for other, (times, of, file) in strongest[:_MOST_COMPANIONS]:
        line = min(file.added, default=0)
        yield Finding(
            "companion",
            file.path,
            line,
            line,
            f"{times} of the last {of} commits that changed this file changed {other} too; here it is not.",
        )


def _is_code(file: ChangedFile) -> bool:
    """Whether code changed, or a file that is none; words and blanks drag nothing along."""
    labels = {label.label for label in file.labels}
    return not labels or not labels <= {Label.DOCS_ONLY, Label.MODULE_DOCS_ONLY, Label.FORMATTING_ONLY}


def undone_fixes(git: Git, change: ReviewedChange, past: Past) -> Iterator[Finding]:
    """Hunks that put back what a fix took away, and take away what it wrote. Raises ``GitError``."""
    touched = {file.pair.before.path: file for file in change.files if file.before is not None}
    fixes = [
        one for one in past.commits if _FIX.search(one.subject) and not touched.keys().isdisjoint(one.files)
    ][:_FIXES_LOOKED_AT]
    if not fixes:
        return
    raw = commits_named(git, [one.sha for one in fixes])
    files = [(commit, file) for commit in raw for file in commit.files if file.path in touched]
    names = dict.fromkeys(blob for _, file in files for blob in (file.old_blob, file.new_blob) if blob)
    texts = {
        name: text
        for name, data in git.blobs(names, _TEXT_BYTES, timeout_s=20)
        if (text := source_text(data)) is not None
    }
    told: set[tuple[str, int]] = set()
    for commit, file in files:
        old, new = texts.get(file.old_blob), texts.get(file.new_blob)
        if old is None or new is None:
            continue
        now = touched[file.path]
        line = _undone(old.replace("\r\n", "\n").split("\n"), new.replace("\r\n", "\n").split("\n"), now)
        if line is None or (now.path, line) in told:
            continue
        told.add((now.path, line))
        subject = commit.message.partition("\n")[0][:72]
        yield Finding(
            "reverts-fix",
            now.path,
            line,
            line,
            f"This takes back what {commit.sha[:9]} mended ({subject!r}).",
        )


def _undone(old: Sequence[str], new: Sequence[str], now: ChangedFile) -> int | None:
    """The line at which the change undoes a hunk of old -> new; None where it undoes none."""
    for hunk in now.pair.hunks:
        came = telling_lines(now.pair.after.lines[hunk.b0 : hunk.b1])
        went = telling_lines(now.pair.before.lines[hunk.a0 : hunk.a1])
        came, went = came - went, went - came
        if not came or not went:
            continue
        for a0, a1, b0, b1 in changed_ranges(old, new):
            wrote, removed = telling_lines(new[b0:b1]), telling_lines(old[a0:a1])
            wrote, removed = wrote - removed, removed - wrote
            if (
                wrote
                and removed
                and sum(wrote.values()) + sum(removed.values()) >= _FEWEST_LINES
                and not removed - came
                and not wrote - went
            ):
                return hunk.b0
    return None
