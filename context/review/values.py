"""What a review finds, as values. Lines are zero-based and inclusive; paths are relative to the folder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class Place(NamedTuple):
    """Another line that a finding is about."""

    path: str
    line: int
    sentence: str


class Fix(NamedTuple):
    """Whole lines ``line`` to ``end_line`` replaced by ``text``, which has its line ends."""

    line: int
    end_line: int
    text: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a rule says of the change.

    ``rule``: a key of ``rules.RULES``. ``sentence``: why, for whoever wrote the change. ``elsewhere``: other
    lines that prove it. ``fix``: the lines that mend it, where that is exact.
    """

    rule: str
    path: str
    line: int
    end_line: int
    sentence: str
    elsewhere: tuple[Place, ...] = ()
    fix: Fix | None = None

    @property
    def order(self) -> tuple[str, int, str, str]:
        """By file, line, rule and words: the same change gives the same list."""
        return self.path, self.line, self.rule, self.sentence


@dataclass(frozen=True, slots=True)
class Hotspot:
    """A changed function that is complex, in a file that is changed often.

    ``complexity``: cyclomatic. ``before``: the same before the change, 0 where it is new. ``nesting``: how
    many blocks lie in one another. ``commits``: that touched the file in the last year.
    """

    path: str
    symbol: str
    line: int
    end_line: int
    complexity: int
    before: int
    nesting: int
    commits: int

    @property
    def debt(self) -> int:
        """Churn times complexity: what it costs that this function is as it is."""
        return self.complexity * self.commits
