"""A cursor in a document: the line's two halves, the lines around, how much may be suggested there.

Pure text questions only; nothing here knows models or LSP.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import cached_property

from context.assemble import closed_by_editor
from context.document import Document, Position
from context.language import Language, language_named

_LOOK_BACK = 60  # lines searched for brackets that are still open
OPENERS, CLOSERS = "([{", ")]}"
_PAIR = dict(zip(CLOSERS, OPENERS, strict=True))
_QUOTES = "\"'`"


class Extent(Enum):
    """How much may be suggested."""

    LINE = "the rest of the line"
    STATEMENT = "one statement with its body"
    BLOCK = "statements to the end of the block"


def indentation(line: str) -> str:
    """The white space a line begins with."""
    return line[: len(line) - len(line.lstrip(" \t"))]


def width(blanks: str) -> int:
    """Columns that indentation takes; a tab goes to the next multiple of 8, as Python counts."""
    return len(blanks.expandtabs(8))


def unmatched(text: str) -> tuple[str, str]:
    """Closing brackets without an opener in ``text``, and openers without a closer; strings are skipped."""
    closed, opened, quote, escaped = [], [], "", False
    for character in text:
        if character == "\n":
            quote, escaped = "", False  # an unfinished string is an apostrophe more often than a long string
        elif escaped:
            escaped = False
        elif quote:
            if character == "\\":
                escaped = True
            elif character == quote:
                quote = ""
        elif character in _QUOTES:
            quote = character
        elif character in OPENERS:
            opened.append(character)
        elif character in CLOSERS:
            if opened and opened[-1] == _PAIR[character]:
                opened.pop()
            elif not opened:
                closed.append(character)
    return "".join(closed), "".join(opened)


def open_quote(head: str) -> str:
    """The quote of the string that is still open at the end of a line's ``head``, or ""."""
    quote, escaped = "", False
    for character in head:
        if escaped:
            escaped = False
        elif quote:
            if character == "\\":
                escaped = True
            elif character == quote:
                quote = ""
        elif character in _QUOTES:
            quote = character
    return quote


@dataclass(frozen=True)
class Place:
    """A position in a document."""

    document: Document
    position: Position

    @cached_property
    def head(self) -> str:
        """The cursor's line up to the cursor."""
        return self.document.line(self.position.line)[: self.position.column]

    @cached_property
    def tail(self) -> str:
        """The cursor's line from the cursor on, without its line end."""
        return self.document.line(self.position.line)[self.position.column :]

    @property
    def tail_is_replaced(self) -> bool:
        """Whether what follows on the line is only what an editor closes by itself."""
        return closed_by_editor(self.tail)

    @cached_property
    def language(self) -> Language:
        """The document's language."""
        return language_named(self.document.language)

    @cached_property
    def below(self) -> str:
        """The next line that is not blank, or ""."""
        lines = self.document.lines
        for number in range(self.position.line + 1, min(len(lines), self.position.line + 20)):
            if lines[number].strip():
                return self.document.line(number)
        return ""

    @cached_property
    def above(self) -> str:
        """The last line before that is not blank, or ""."""
        for number in range(self.position.line - 1, max(-1, self.position.line - 20), -1):
            if self.document.lines[number].strip():
                return self.document.line(number)
        return ""

    @cached_property
    def open_brackets(self) -> str:
        """Brackets opened before the cursor that nothing after it closes yet, outermost first."""
        first = max(0, self.position.line - _LOOK_BACK)
        before = "".join(self.document.lines[first : self.position.line]) + self.head
        opened = unmatched(before)[1]
        closed = unmatched(self.below)[0] if indentation(self.below) != self.below else ""
        return opened[: len(opened) - len(closed)] if closed else opened

    @cached_property
    def is_comment(self) -> bool:
        """Whether the cursor's line is a comment already."""
        return self.head.lstrip().startswith((self.language.comment, "//", "/*", "* "))

    @cached_property
    def extent(self) -> Extent:
        """How much to suggest here.

        A rest of the line follows, or a comment: only that line. More statements of the same block follow:
        one statement. Otherwise what is missing may be the whole rest of the block.
        """
        if not self.tail_is_replaced or self.is_comment:
            return Extent.LINE
        own, below = width(indentation(self.head)), width(indentation(self.below))
        if self.head.strip():
            return Extent.LINE if self.below and below > own else Extent.STATEMENT
        if own == 0 or (self.below and below >= own):
            return Extent.STATEMENT
        return Extent.BLOCK
