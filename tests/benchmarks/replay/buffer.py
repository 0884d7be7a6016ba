"""An editor's text as lines, and changes of it; knows no system."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.benchmarks.cases import At
from tests.benchmarks.replayed import lines_of


@dataclass(frozen=True, slots=True)
class Change:
    """``text`` in place of what stands from ``start`` to ``end``."""

    start: At
    end: At
    text: str

    @property
    def after(self) -> At:
        """Where ``text`` ends, once it is there."""
        line, column = self.start
        breaks = self.text.count("\n")
        return (
            (line + breaks, len(self.text) - self.text.rfind("\n") - 1)
            if breaks
            else (line, column + len(self.text))
        )


@dataclass(slots=True)
class Buffer:
    """Lines with their ends; positions are in code points."""

    lines: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, text: str) -> Buffer:
        """A buffer that holds a text."""
        return cls(lines_of(text))

    def line(self, number: int) -> str:
        """A line without its end; empty where there is none."""
        return self.lines[number].removesuffix("\n") if 0 <= number < len(self.lines) else ""

    def apply(self, change: Change) -> None:
        """Do a change."""
        (first, begin), (last, end) = change.start, change.end
        head = self.lines[first][:begin] if first < len(self.lines) else ""
        tail = self.lines[last][end:] if last < len(self.lines) else ""
        self.lines[first : last + 1] = lines_of(head + change.text + tail)

    @property
    def text(self) -> str:
        """All of it."""
        return "".join(self.lines)
