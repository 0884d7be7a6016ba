"""A text file at one moment, and what can happen to it. Immutable; positions are (line, code point column).

The text is kept as lines with their own line ends, so that a keystroke copies pointers, not characters. A
line ends at \\n, \\r\\n or \\r and nowhere else (LSP 3.18, "Text Documents"). Knows nothing of UTF-16.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")


class Position(NamedTuple):
    """Zero-based line and column; the column counts code points."""

    line: int
    column: int


class Edit(NamedTuple):
    """Replace the text from ``start`` to ``end`` by ``text``; the whole document where ``start`` is None."""

    text: str
    start: Position | None = None
    end: Position | None = None


def end_of(start: Position, text: str) -> Position:
    """Where ``text`` ends that begins at ``start``."""
    *above, last = split_lines(text)
    return Position(start.line + len(above), len(last) + (0 if above else start.column))


def split_lines(text: str) -> tuple[str, ...]:
    """Lines with their ends; always at least one, and a last one without an end."""
    if "\r" not in text:  # four times as fast, and by far the usual case
        *ended, last = text.split("\n")
        return (*[line + "\n" for line in ended], last)
    lines = _LINE.findall(text)
    if not lines or lines[-1].endswith(("\n", "\r")):
        lines.append("")
    return tuple(lines)


def line_end(line: str) -> str:
    """The line end that ``line`` carries, or ""."""
    if line.endswith("\r\n"):
        return "\r\n"
    return line[-1] if line.endswith(("\n", "\r")) else ""


@dataclass(frozen=True)
class Document:
    """A file as the editor sees it. ``path`` is what a prompt may call it, with forward slashes."""

    uri: str
    path: str
    language: str
    version: int
    lines: tuple[str, ...]

    @classmethod
    def of(cls, uri: str, path: str, language: str, version: int, text: str) -> Document:
        """A document from its whole text."""
        return cls(uri, path, language, version, split_lines(text))

    @cached_property
    def text(self) -> str:
        """The whole text, joined on first use."""
        return "".join(self.lines)

    def line(self, number: int) -> str:
        """The text of a line without its line end; "" beyond the last."""
        if number >= len(self.lines):
            return ""
        line = self.lines[number]
        return line[: len(line) - len(line_end(line))]

    @cached_property
    def line_end(self) -> str:
        """The line end that new lines should have: that of the first line, "\\n" where there is none."""
        return line_end(self.lines[0]) or "\n"

    def clamp(self, position: Position) -> Position:
        """The nearest position inside the document."""
        if position.line < 0:
            return Position(0, 0)
        if position.line >= len(self.lines):
            last = len(self.lines) - 1
            return Position(last, len(self.line(last)))
        return Position(position.line, max(0, min(position.column, len(self.line(position.line)))))

    def apply(self, edit: Edit, version: int) -> Document:
        """The document after ``edit``. Positions outside are clamped; an end before its start is swapped."""
        if edit.start is None or edit.end is None:
            return replace(self, version=version, lines=split_lines(edit.text))
        start, end = sorted((self.clamp(edit.start), self.clamp(edit.end)))
        first, last = start.line, end.line
        head = self.lines[first][: start.column]
        changed = head + edit.text + self.lines[last][end.column :]
        # \r and \n that now touch are one line end, so a neighbour may have to be split again
        if changed.startswith("\n") and first > 0 and self.lines[first - 1].endswith("\r"):
            first -= 1
            changed = self.lines[first] + changed
        if last + 1 < len(self.lines) and not changed.endswith(("\n", "\r\n")):
            last += 1
            changed += self.lines[last]
        middle = split_lines(changed)
        if last + 1 < len(self.lines) and middle[-1] == "":
            middle = middle[:-1]  # the empty last line belongs to a document's end only
        return replace(self, version=version, lines=self.lines[:first] + middle + self.lines[last + 1 :])
