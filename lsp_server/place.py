"""A cursor in a document: the line's two halves, the lines around, how much may be suggested there.

Pure text questions only; nothing here knows models or LSP.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from itertools import pairwise

from context.assemble import closed_by_editor
from context.document import Document, Position, line_end
from context.language import Language, language_named
from lsp_server.brackets import (
    CLOSERS,
    LONG_COMMENTS,
    State,
    comment_signs,
    end_of_long,
    is_comment,
    is_long,
    state_after,
    tokens,
)

_READ_BEFORE = 1500  # lines that are read for open brackets and strings; some 3 ms
_READ_AFTER = 400
_NEAR = 200  # lines before and after that say how the document is indented
_BLANK = 20  # blank lines that are skipped to find the line above or below
_OUTERMOST = re.compile(  # what hardly begins a line inside of a string or a bracket
    r"(?:@|#include|(?:async|class|const|def|enum|export|fn|func|function|impl|import|interface|let|local|module"
    r"|namespace|package|pub|public|static|struct|type|use|using|var|void)\s)"
)


class Extent(Enum):
    """How much may be suggested."""

    LINE = "the rest of the line"
    OPENER = "a line that opens the block below it"
    STATEMENT = "one statement with its body"
    BLOCK = "statements to the end of the block"


def indentation(line: str) -> str:
    """The white space a line begins with."""
    return line[: len(line) - len(line.lstrip(" \t"))]


def width(line: str) -> int:
    """Columns a line is indented by; a tab goes to the next multiple of 8, as Python counts."""
    return len(indentation(line).expandtabs(8))


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

    @cached_property
    def tail_is_replaced(self) -> bool:
        """Whether what follows on the line is only what an editor closes by itself."""
        return closed_by_editor(self.tail)

    @cached_property
    def language(self) -> Language:
        """The document's language."""
        return language_named(self.document.language)

    @property
    def line_end(self) -> str:
        """The line end of this line; where it is the last, that of the document."""
        return line_end(self.document.lines[self.position.line]) or self.document.line_end

    @cached_property
    def below(self) -> str:
        """The next line that is not blank, or ""."""
        following = range(self.position.line + 1, self.position.line + 1 + _BLANK)
        return next((line for n in following if (line := self.document.line(n)).strip()), "")

    @cached_property
    def above(self) -> str:
        """The last line before that is not blank, or ""."""
        return self.document.line(self._above_number) if self._above_number >= 0 else ""

    @cached_property
    def at_line(self) -> State:
        """What is open where the cursor's line begins."""
        lines = self.document.lines[max(0, self._above_number) : self.position.line]
        return state_after("".join(lines), self.language, self._at_above)

    @cached_property
    def at_cursor(self) -> State:
        """What is open at the cursor."""
        return state_after(self.head, self.language, self.at_line)

    @cached_property
    def string_is_closed(self) -> bool:
        """Whether the string or long comment around the cursor has its end in what follows."""
        inside = self.at_cursor.inside
        if not is_long(inside, self.language):
            return not self.tail_is_replaced and inside in self.tail
        if (end := end_of_long(inside)) != inside:
            opened, closed = self._after.find(inside), self._after.find(end)
            return closed >= 0 and (opened < 0 or closed < opened)
        return self.document.text.count(inside) % 2 == 0

    @cached_property
    def unclosed(self) -> str:
        """Brackets opened before the cursor that nothing after it closes, outermost first."""
        opened = list(self.at_cursor.opened)
        free: list[str] = []
        goes_on = is_long(self.at_cursor.inside, self.language) or not self.tail_is_replaced
        inside = self.at_cursor.inside if goes_on and self.string_is_closed else ""
        for token in tokens(self._after, self.language, State("", inside)):
            if not opened:
                break
            if token.closes_nothing:
                opener = "([{"[CLOSERS.index(token.text)]
                while opened and opener in opened and opened[-1] != opener:
                    free.append(opened.pop())
                if opened and opened[-1] == opener:
                    opened.pop()
        if self.position.line + _READ_AFTER < len(self.document.lines):
            opened = []  # their ends may be further down
        return "".join([*opened, *reversed(free)])

    @cached_property
    def opened_on_line(self) -> int:
        """How many brackets that are open at the cursor were opened on its line."""
        lowest = len(self.at_line.opened)
        for token in tokens(self.head, self.language, self.at_line):
            lowest = min(lowest, len(token.after.opened))
        return len(self.at_cursor.opened) - lowest

    @cached_property
    def uses_tabs(self) -> bool | None:
        """Whether the lines around are indented with tabs; None where none is indented."""
        tabs = sum(line.startswith("\t") for line in self._near)
        blanks = sum(line.startswith("  ") for line in self._near)
        return None if tabs == blanks == 0 else tabs > blanks

    @cached_property
    def unit(self) -> int:
        """Columns of one level of indentation."""
        if self.uses_tabs:
            return 8
        lines = [line for line in self._near if line.strip() or line is self.head]
        steps = Counter(width(after) - width(before) for before, after in pairwise(lines))
        return max((2, 3, 4, 8), key=lambda step: (steps[step], step == 4))

    @cached_property
    def levels(self) -> tuple[int, ...]:
        """Columns at which a statement may begin on the cursor's line, deepest first."""
        found = [width(self._statement_above)]
        for number in range(self._above_number, max(-1, self._above_number - _READ_BEFORE), -1):
            line = self.document.line(number)
            if line.strip() and width(line) < found[-1]:
                found.append(width(line))
            if not found[-1]:
                break
        found += [0] if found[-1] else []  # an outer level may be further up
        return (found[0] + self.unit, *found) if self.above_opens else tuple(found)

    @cached_property
    def opener_level(self) -> int:
        """The column of the statement above where its colon needs a deeper line now; or -1."""
        needs = self.language.indented_blocks and not self.at_cursor.opened and self._above_code.endswith(":")
        return width(self._statement_above) if needs else -1

    @cached_property
    def above_opens(self) -> bool:
        """Whether the line above opens a block, or a bracket."""
        words = self._above_code.split()
        if not words:
            return False
        return self._above_code[-1] in ":{([" or words[-1] in ("do", "then", "else", "=>", "begin")

    @property
    def in_comment(self) -> bool:
        """Whether what is typed at the cursor becomes part of a comment. Quick where no sign of one is near:
        nothing is read for brackets and strings then."""
        return self._may_be_in_comment() and is_comment(self.at_cursor)

    @property
    def in_word(self) -> bool:
        """Whether the cursor stands inside of a word: letters, digits or _ on both sides."""
        sides = self.head[-1:] + self.tail[:1]
        return len(sides) == 2 and all(one.isalnum() or one == "_" for one in sides)

    @cached_property
    def is_comment(self) -> bool:
        """Whether the cursor's line is a comment, or the cursor stands in one."""
        signs = (self.language.comment, "//", "/*", "* ", *(() if self.language.grammar else ("#", "--")))
        return is_comment(self.at_cursor) or self.head.lstrip().startswith(signs)

    def extent_at(self, level: int) -> Extent:
        """How much to suggest where it begins at column ``level``.

        A rest of the line follows, or a comment or long string is open: only that line. A deeper block
        follows: what opens it. More of the same block follows: one statement. Otherwise what is missing may
        be the whole rest of the block.
        """
        long_string = is_long(self.at_cursor.inside, self.language) and self.string_is_closed
        if not self.tail_is_replaced or self.is_comment or long_string:
            return Extent.LINE
        below = width(self._code_below)
        if self.head.strip():
            return Extent.LINE if below > level else Extent.STATEMENT
        if below > level:
            return Extent.OPENER
        return Extent.STATEMENT if level == 0 or (self.below and below == level) else Extent.BLOCK

    @cached_property
    def extent(self) -> Extent:
        """How much to suggest at the cursor's own indentation."""
        return self.extent_at(width(self.head))

    def _may_be_in_comment(self) -> bool:
        *_, last = signs = comment_signs(self.language)
        if any(sign in self.head for sign in signs):
            return True
        if last not in LONG_COMMENTS:
            return False
        end, line = LONG_COMMENTS[last], self.position.line
        for above in reversed(self.document.lines[max(0, line - _READ_BEFORE) : line]):
            if last in above or end in above:
                return last in above and end not in above[above.rfind(last) + len(last) :]
        return False

    @cached_property
    def _after(self) -> str:
        """What follows the cursor, without what is replaced."""
        line = self.position.line
        tail = "" if self.tail_is_replaced else self.tail
        return tail + "\n" + "".join(self.document.lines[line + 1 : line + 1 + _READ_AFTER])

    @cached_property
    def _near(self) -> list[str]:
        lines, line = self.document.lines, self.position.line
        return [*lines[max(0, line - _NEAR) : line], self.head, *lines[line + 1 : line + _NEAR]]

    @cached_property
    def _code_below(self) -> str:
        """The next line that is no comment, for comments may be indented as they like."""
        following = range(self.position.line + 1, self.position.line + 1 + _BLANK)
        lines = (line for n in following if (line := self.document.line(n)).strip())
        return next(
            (line for line in lines if not line.lstrip().startswith(self.language.comment)), self.below
        )

    @cached_property
    def _above_number(self) -> int:
        before = range(self.position.line - 1, max(-1, self.position.line - 1 - _BLANK), -1)
        return next((number for number in before if self.document.lines[number].strip()), -1)

    @cached_property
    def _at_above(self) -> State:
        """What is open where the line above begins."""
        lines, line = self.document.lines, max(0, self._above_number)
        first = max(0, line - _READ_BEFORE)
        while first and first < line and not _OUTERMOST.match(lines[first]):
            first += 1
        return state_after("".join(lines[first:line]), self.language)

    @cached_property
    def _statement_above(self) -> str:
        """What ends with the line above: that line, and those before it that it goes on from."""
        text = self.above
        for before in range(self._above_number - 1, max(-1, self._above_number - _NEAR), -1):
            line = self.document.line(before)
            if not line.endswith("\\") and not any(t.closes_nothing for t in tokens(text, self.language)):
                break
            text = f"{line}\n{text}"
        return text

    @cached_property
    def _above_code(self) -> str:
        """The line above without a comment at its end."""
        for token in tokens(self.above, self.language, self._at_above):
            if token.after.inside == self.language.comment:
                return self.above[: token.at].strip()
        return self.above.strip()
