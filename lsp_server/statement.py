"""How far a suggestion goes: one line, a block's opener, one statement with its body, the rest of a block.

Reads text that is still growing, and says when more of it would change nothing: what decides is always the
text so far. So the engine may stop there, and the answer is the same as with all that would have followed.
"""

from __future__ import annotations

import re
from collections.abc import Set
from dataclasses import dataclass, field
from typing import NamedTuple

from lsp_server.brackets import CLOSERS, State, is_long, state_after, tokens
from lsp_server.indentation import Begun, fitted
from lsp_server.place import Extent, Place, width

_WORD_BLOCKS = {"lua", "ruby", "shellscript", "sh", "bash"}  # blocks end with a word
_LONE_CLOSERS = {"shellscript", "sh", "bash"}  # `pattern)` closes nothing
_GOES_ON_INDENTED = re.compile(r"(?:else|elif|except|finally)\b")
_HAS_ELSE = re.compile(r"(?:if|elif|for|while|try|except|else)\b")
_GOES_ON_BRACES = re.compile(r"(?:else|catch|finally|where)\b|[.{?]|&&|\|\||</")
_GOES_ON_WORDS = re.compile(
    r"(?:else|elsif|elseif|elif|rescue|ensure|when|then|do|end|done|fi|esac)\b|[.|&{}]"
)
_BLOCK_END = re.compile(r"(?:end|done|fi|esac)\b")
_COMPOUND = re.compile(r"(?:async|case|class|def|do|elif|else|except|finally|for|if|match|try|while|with)\b")
_LEAVES = re.compile(r"(?:return|raise|throw|break|continue|goto)\b")
_FIRST_WORD_IS_WHOLE = re.compile(r"\w+\W|[^\w&|<]|\W.")
_SAYS_LITTLE = re.compile(r"@.*|\w*\W*")  # what follows a decorator, or a lone word, may differ
_TYPES_FIRST = {"c", "cpp"}
_TYPE_ALONE = re.compile(r"[A-Za-z_][\w\s:<>,*&]*[\w>*&]")  # `static int` above the function's name
_LOOP = re.compile(r"(.{3,40}?)\1{5,}")
_LOOP_CHARACTERS = 96  # a shorter run may be meant: a row of zeros, a test's "aaaa"
_LONGEST_GROUP = 4  # lines that repeat together


class Cut(NamedTuple):
    """What is left of a text, and whether it stays so whatever the model writes next."""

    text: str
    is_final: bool


def cut(place: Place, begun: Begun) -> Cut:
    """Cut where the suggestion's extent ends, or where the model repeats the document or itself."""
    reading = _Reading(place, begun, place.extent_at(begun.level))
    *complete, growing = begun.text.split("\n")
    for line in complete:
        if reading.takes(line, grows=False):
            return Cut(reading.text, True)
    is_final = reading.takes(growing, grows=True)
    return Cut(reading.text, is_final)


@dataclass(slots=True)
class _Reading:
    """The lines taken so far, and what is open after them."""

    place: Place
    begun: Begun
    extent: Extent
    kept: list[str] = field(default_factory=list)
    pending: list[str] = field(default_factory=list)  # comments, before an else or before what is outside
    state: State = State()  # noqa: RUF009  a value
    columns: set[int] = field(default_factory=set)  # where statements began so far
    outer: int = 0  # brackets open now that were opened before the cursor's line
    logical: str = ""  # the first line of the latest statement that stands at the suggestion's own level
    is_inner: bool = False  # whether the line last taken belongs to a statement's body
    announces: bool = True  # whether there were only comments and decorators so far

    def __post_init__(self) -> None:
        self.state = State(self.place.unclosed, self.place.at_cursor.inside)
        self.outer = max(0, len(self.place.unclosed) - self.place.opened_on_line)

    @property
    def text(self) -> str:
        """What is taken."""
        return "\n".join(self.kept)

    @property
    def is_open(self) -> bool:
        """Whether the next line goes on inside a bracket, a string or a long comment."""
        return len(self.state.opened) > self.outer or is_long(self.state.inside, self.place.language)

    def takes(self, line: str, *, grows: bool) -> bool:
        """Take a line, or as much of it as belongs here; whether the text ends with that for good.

        ``grows`` where the model may still be writing the line.
        """
        place, is_first = self.place, not self.kept
        whole = place.head + line if is_first else line
        if not whole.strip():
            (self.pending or self.kept).append(line if is_first else "")
            return False
        if not is_first:
            line = fitted(place, line, self.begun, self._levels())
            if self._may_announce_else(line):
                self.pending.append(line)
                return False
            if self._is_below(line) or self._is_outside(line):
                return not grows or self._is_decided(line)
        elif not place.head.strip() and self._is_repeated_first(line):
            self.kept.append("")
            return not grows
        end = self._end_of_own(line)
        if end is not None:
            self.kept.append(line[:end])
            return not grows or not place.below.strip().startswith(line.strip())  # it may become that line
        if _loops(line):
            return True
        self._add(line)
        if self._repeats():
            return not grows
        return not grows and self._is_complete(whole.rstrip())

    def _levels(self) -> Set[int]:
        """Columns where a further line may well begin; none where it goes on with what is open."""
        goes_on = self.is_open or self.kept[-1].endswith("\\")
        return (
            frozenset() if goes_on else {column + self.place.unit for column in self.columns} | self.columns
        )

    def _add(self, line: str) -> None:
        place, was_open, is_first = self.place, self.is_open and bool(self.kept), not self.kept
        whole = (place.head + line if is_first else line).strip()
        self.kept += [*self.pending, line]
        self.pending.clear()
        self.state = state_after(line + "\n", place.language, self.state)
        self.outer = min(self.outer, len(self.state.opened))
        if not was_open and not (self.kept[-2:-1] and self.kept[-2].endswith("\\")):
            self.columns.add(self.begun.level if is_first else width(line))
            self.is_inner = not is_first and width(line) > self.begun.level
            if not self.is_inner:
                self.logical = whole
        signs = ("@", "#[", place.language.comment, "/*")
        announces = whole.startswith(signs) and not whole.endswith(";")
        self.announces = self.announces and (was_open or announces)

    def _is_complete(self, last: str) -> bool:
        """Whether a suggestion of this extent ends with ``last``, the whole of the line just taken."""
        if self.extent is Extent.LINE:
            self._put_on_own_line(self.kept[0])
            return True
        if self.extent is Extent.OPENER and not self.announces and last.endswith("{"):
            return True
        if self.is_open or self.announces or self.is_inner:
            return False
        indented = self.place.language.indented_blocks
        if self.extent is Extent.OPENER:
            return not last.endswith("\\")
        if not (indented and not last.endswith((":", "\\"))) and not last.endswith(";"):
            return False
        if self.extent is Extent.BLOCK:
            return self._leaves()
        return not _COMPOUND.match(self.logical)

    def _put_on_own_line(self, line: str) -> None:
        """A line written before the code that follows the cursor needs a line break, and the indentation."""
        place = self.place
        if place.head.strip() or place.tail_is_replaced or not line:
            return
        opens = line.endswith((":", "{", "(", "["))
        self.kept = [""] if opens or line.strip() == place.tail.strip() else [line, place.head]

    def _leaves(self) -> bool:
        """Whether nothing after the latest statement would be reached."""
        conditional = self.place.language.name in _WORD_BLOCKS and " " in self.logical
        return _LEAVES.match(self.logical) is not None and not conditional

    def _may_announce_else(self, line: str) -> bool:
        """Whether a line is a comment that may stand before an ``else`` of this statement."""
        return (
            self.place.language.indented_blocks
            and self.extent is Extent.STATEMENT
            and line.lstrip().startswith("#")
            and width(line) == self.begun.level
            and not (self.is_open or self.announces or self._is_below(line))
            and _HAS_ELSE.match(self.logical) is not None
        )

    def _is_outside(self, line: str) -> bool:
        """Whether a further line is not part of what the suggestion began with."""
        stripped, columns, base = line.strip(), width(line), self.begun.level
        if is_long(self.state.inside, self.place.language):
            return False
        opener = "([{"[CLOSERS.index(stripped[0])] if stripped[0] in CLOSERS else ""
        if columns > base or (opener and opener in self.state.opened):
            return False
        if self.is_open and (stripped[0] == "#" or (columns == base and self.state.opened.endswith("{"))):
            return False  # a switch's case, or a line for the preprocessor
        if columns == base and self.is_open:
            before = next((kept for kept in reversed(self.kept) if kept.strip()), self.place.head)
            return not before.rstrip().endswith((",", "(", "[", "*/")) and not self._goes_on(stripped)
        if columns < base:
            return not self._ends_open_block(stripped, columns)
        if self._goes_on(stripped):
            return False
        return self._leaves() if self.extent is Extent.BLOCK else True

    def _goes_on(self, stripped: str) -> bool:
        """Whether a line at the statement's own level belongs to that statement."""
        language = self.place.language
        if self.announces and self.kept[-1].strip():
            return True
        if language.indented_blocks:
            return _GOES_ON_INDENTED.match(stripped) is not None
        if language.name in _WORD_BLOCKS:
            return _GOES_ON_WORDS.match(stripped) is not None
        return (
            self._is_unfinished(self.kept[-1])
            or _GOES_ON_BRACES.match(stripped) is not None
            or stripped[0] in CLOSERS
            or (not language.grammar and _GOES_ON_WORDS.match(stripped) is not None)
        )

    def _is_unfinished(self, line: str) -> bool:
        """Whether a line is only the type of what is declared on the next one."""
        return self.place.language.name in _TYPES_FIRST and _TYPE_ALONE.fullmatch(line.strip()) is not None

    def _ends_open_block(self, stripped: str, columns: int) -> bool:
        """Whether a line to the left ends, with a word, a block that the document leaves open."""
        place = self.place
        if place.language.name not in _WORD_BLOCKS or not _BLOCK_END.match(stripped):
            return False
        return not place.below or width(place.below) < columns

    def _is_decided(self, line: str) -> bool:
        """Whether a line that is still growing is outside, whatever it becomes."""
        stripped = line.strip()
        return not self._is_below(line) and _FIRST_WORD_IS_WHOLE.match(stripped) is not None

    def _is_below(self, line: str) -> bool:
        """Whether the document goes on with this line anyway; a bracket opened here needs its own closer."""
        below = self.place.below
        if line.strip() != below.strip() or width(line) != width(below):
            return False
        return not (self.is_open and line.strip()[0] in CLOSERS)

    def _is_repeated_first(self, line: str) -> bool:
        below = self.place.below
        if _SAYS_LITTLE.fullmatch(line.strip()) or self._is_unfinished(line):
            return False
        return not self.is_open and line.strip() == below.strip() and width(below) == self.begun.level

    def _end_of_own(self, line: str) -> int | None:
        """Where a line closes what the document closes already, or nothing at all."""
        place, inside = self.place, self.place.at_cursor.inside
        brackets_count = bool(place.language.grammar) and place.language.name not in _LONE_CLOSERS
        for token in tokens(line, place.language, self.state):
            if inside and token.before.inside == inside and place.string_is_closed:
                return token.at
            if brackets_count and token.closes_nothing:
                return token.at
        return None

    def _repeats(self) -> bool:
        """Drop two of three equal groups of lines at the end; whether there were any."""
        lines = self.kept
        for size in range(1, min(_LONGEST_GROUP, len(lines) // 3) + 1):
            if all(self._key(-n) == self._key(-n - size) for n in range(1, 2 * size + 1)) and any(
                line.strip() for line in lines[-size:]
            ):
                del lines[-2 * size :]
                return True
        return False

    def _key(self, number: int) -> tuple[int, str]:
        first = len(self.kept) + number == 0
        line = self.kept[number]
        return (self.begun.level, (self.place.head + line).strip()) if first else (width(line), line.strip())


def _loops(line: str) -> bool:
    """Whether a line repeats a piece of itself without end."""
    return any(
        len(found[0]) >= _LOOP_CHARACTERS and found[1].strip("-=*#_/~. \t") for found in _LOOP.finditer(line)
    )
