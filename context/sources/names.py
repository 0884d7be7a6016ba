"""The names in a piece of code, by their letters alone: near a line, behind a dot, on the left of ``=``."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

from context.document import Document
from context.outline import Symbol

NEAR_LINES = 40  # above a line whose names count as near it; half as many below
_CLOSE_LINES = 3  # whose names count three times, those of the line itself five times
SHORTEST_NAME = 4  # letters: shorter ones are everybody's local variables

WORD = re.compile(r"[A-Za-z_$][\w$]{2,}")
_MEMBER = re.compile(r"(?:\.|->|::)([A-Za-z_$][\w$]{2,})")
_ASSIGNED = re.compile(
    r"(?:^|[\s(,])([A-Za-z_$][\w$]{2,})\s*(?::[^=\n]*)?(?<![=!<>])=(?!=)|(?:for|as)\s+(\w+)", re.M
)


def names_near(document: Document, line: int) -> Counter[str]:
    """Identifiers around ``line``, the nearest counting most."""
    found: Counter[str] = Counter()
    first = max(0, line - NEAR_LINES)
    for number, text in enumerate(document.lines[first : line + NEAR_LINES // 2], first):
        weight = 5 if number == line else 3 if abs(number - line) <= _CLOSE_LINES else 1
        for word in WORD.findall(text[:400]):
            found[word] += weight
    return found


def members_of(text: str) -> frozenset[str]:
    """The names that stand behind a dot or the like."""
    return frozenset(_MEMBER.findall(text))


def assigned_in(text: str) -> frozenset[str]:
    """The names that are given a value."""
    return frozenset(name for pair in _ASSIGNED.findall(text) for name in pair if name)


@dataclass(frozen=True, slots=True)
class Used:
    """The names a document uses: on their own, and behind a dot."""

    words: frozenset[str]
    members: frozenset[str]

    @classmethod
    def in_(cls, document: Document) -> Used:
        """Those of ``document``; what is assigned there is its own."""
        text = document.text
        words = {word for word in WORD.findall(text) if len(word) >= SHORTEST_NAME}
        return cls(frozenset(words - assigned_in(text)), members_of(text))

    def names(self, symbol: Symbol) -> bool:
        """Whether the document names ``symbol``: a member behind a dot, anything else as it is."""
        if symbol.name.startswith("__"):
            return False  # every second file has one
        return symbol.name in (self.members if symbol.parent else self.words)
