"""What every format needs of a review: findings with rule and diff, counts, text without control signs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

from context.review import RULES, Finding, Hotspot, Review, Rule, Severity
from context.review.suggestion import suggested_diff

NAMES = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "note"}


@dataclass(frozen=True)
class Entry:
    """A finding ready to be shown."""

    finding: Finding
    rule: Rule
    diff: str

    @property
    def severity(self) -> str:
        """Its name."""
        return NAMES[self.rule.severity]


@dataclass(frozen=True)
class Report:
    """A review with what a model suspects."""

    review: Review
    suspected: tuple[Finding, ...] = ()
    model: str = ""

    @cached_property
    def entries(self) -> tuple[Entry, ...]:
        """Findings by file and line, the suspected ones among them."""
        files = {file.path: file for file in self.review.change.files}
        found = sorted((*self.review.findings, *self.suspected), key=lambda finding: finding.order)
        return tuple(
            Entry(
                replace(finding, sentence=plain(finding.sentence)),
                RULES[finding.rule],
                suggested_diff(files[finding.path], finding.fix)
                if finding.fix and finding.path in files
                else "",
            )
            for finding in found
        )

    def count(self, severity: Severity) -> int:
        """How many findings of one severity."""
        return sum(entry.rule.severity == severity for entry in self.entries)

    @property
    def summary(self) -> str:
        """One sentence: what was compared with what, and how much was found."""
        change = self.review.change
        what = f"{_number(len(change.files), 'file')} changed since {plain(change.base_name)}"
        if change.base and change.base_name != change.base[: len(change.base_name)]:
            what += f" ({change.base[:9]})"
        counts = [_number(count, NAMES[one]) for one in reversed(Severity) if (count := self.count(one))]
        return f"{what}: {', '.join(counts) or 'nothing found'}."

    @property
    def hotspots(self) -> tuple[Hotspot, ...]:
        """Those worth a table: several commits or several paths."""
        return tuple(spot for spot in self.review.hotspots if spot.commits > 1 and spot.complexity > 4)


def plain(text: str) -> str:
    """A text on one line without control signs: nothing in a repository speaks to the terminal."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)


def plain_lines(text: str) -> list[str]:
    """The same line by line; tabs stay."""
    return ["\t".join(plain(part) for part in line.split("\t")) for line in text.split("\n")]


def _number(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
