"""Forms that an answer can be held to: fixed text, free text up to a mark, lines of a given text.

From parts to an automaton over bytes (``constraint.Constraint``). It knows no tokens and no documents; what
the text of an answer means is for whoever asked.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

_LINE_END = ord("\n")


@dataclass(frozen=True, slots=True)
class Text:
    """Exactly this."""

    text: bytes


@dataclass(frozen=True)
class Until:
    """Any text, then ``mark``. ``at_line_start``: what stands before was a line, so that a mark that begins
    with a line end may come at once, without it."""

    mark: bytes
    at_line_start: bool = False

    @cached_property
    def borders(self) -> tuple[int, ...]:
        """Of each beginning of the mark, how much of the mark it also ends with (Knuth, Morris and Pratt)."""
        found, at = [0, 0], 0
        for byte in self.mark[1:]:
            while at and self.mark[at] != byte:
                at = found[at]
            at += self.mark[at] == byte
            found.append(at)
        return tuple(found)

    def after(self, at: int, byte: int) -> int:
        """How much of the mark is there after ``byte``, where ``at`` bytes of it were."""
        while at and self.mark[at] != byte:
            at = self.borders[at]
        return at + (self.mark[at] == byte)


@dataclass(frozen=True)
class Lines:
    """Whole lines of ``lines`` (without their ends; None: never one), one after the other, as many as occur
    only there and are not all blank; then ``then``, a line with its end. In a further round they come from
    below those of the round before.
    """

    lines: tuple[bytes | None, ...]
    then: bytes

    def __post_init__(self) -> None:
        if self.then[:-1] in self.lines:
            raise ValueError(f"{self.then!r} is one of the lines, so that nobody could tell where they end")

    @cached_property
    def ends(self) -> tuple[int | None, ...]:
        """Of each line that lines may begin with, the line with which they occur only once; else None."""
        count = len(self.lines)
        places: dict[bytes, list[int]] = {}
        most = [0] * count  # lines from each that equal as many from another one
        alike: dict[int, int] = {}  # by a line further down: how many from there equal those from here
        for start in reversed(range(count)):
            line = self.lines[start]
            further = places.setdefault(line, []) if line is not None else []
            alike = {other: alike.get(other + 1, 0) + 1 for other in further}
            for other, lines in alike.items():
                most[start], most[other] = max(most[start], lines), max(most[other], lines)
            further.append(start)
        found: list[int | None] = []
        written = hidden = count  # the next line that is not blank, the next that is never one
        for start in reversed(range(count)):
            line = self.lines[start]
            hidden = start if line is None else hidden
            written = start if line and line.strip() else written
            end = max(start + most[start], written)
            found.append(end if end < hidden else None)
        return tuple(reversed(found))


class _State(NamedTuple):
    """``at``: bytes of the part that are there, in lines those of the current line. ``low``: the first line
    that may be taken. ``starts``: lines with which those taken may have begun, and ``run``: how many they
    are. ``below``: where they may end here, the line below them; else -1."""

    part: int
    at: int = 0
    low: int = 0
    starts: tuple[int, ...] = ()
    run: int = 0
    below: int = -1


@dataclass(frozen=True)
class AnswerFormat:
    """``parts`` in turn. Where there is ``more``, another round may begin with it, at part ``back_to``; no
    round begins where no lines are left to take. At most one part is ``Lines``."""

    parts: tuple[Text | Until | Lines, ...]
    more: bytes = b""
    back_to: int = 0

    @cached_property
    def _hash(self) -> int:
        return hash((self.parts, self.more, self.back_to))

    def __hash__(self) -> int:  # asked for with every token
        return self._hash

    @cached_property
    def start(self) -> _State:
        """See ``Constraint``."""
        return self._enter(0, 0)

    def advance(self, state: Any, data: bytes) -> tuple[_State | None, int]:
        """See ``Constraint``."""
        part = self._part(state)
        if isinstance(part, Until) and part.mark[:1] not in data and state.at == 0:
            return state, len(data)
        for used, byte in enumerate(data):
            if self.is_done(state):
                return state, used
            state = self._step(state, byte)
            if state is None:
                return None, used
        return state, len(data)

    def following(self, state: Any) -> bytes | None:
        """See ``Constraint``."""
        part = self._part(state)
        if isinstance(part, Until):
            return None
        if isinstance(part, Text):
            return part.text[state.at : state.at + 1]
        if not isinstance(part, Lines):
            return b"" if self.is_done(state) else self.more[state.at : state.at + 1]
        found = {
            self._byte(part, s + state.run, state.at) for s in state.starts if self._leads_on(part, state, s)
        }
        return bytes(found | ({part.then[state.at]} if state.below >= 0 else set()))

    def marks(self, state: Any) -> tuple[bytes, ...]:
        """See ``Constraint``."""
        part, at = self._part(state), state.at
        if not isinstance(part, Until):
            return ()
        found = [part.mark]
        while at:
            found.append(part.mark[at:])
            at = part.borders[at]
        return tuple(found)

    def is_done(self, state: Any) -> bool:
        """See ``Constraint``."""
        if state.part < len(self.parts):
            return False
        lines = next((part for part in self.parts[self.back_to :] if isinstance(part, Lines)), None)
        return not self.more or (
            lines is not None and not any(end is not None for end in lines.ends[state.low :])
        )

    def ending(self, state: Any) -> bytes | None:
        """See ``Constraint``."""
        part = self._part(state)
        if part is None:
            return b"" if state.at == 0 else None
        is_last = isinstance(part, Until) and state.part + 1 == len(self.parts)
        return part.mark[state.at :] if isinstance(part, Until) and is_last else None

    def _part(self, state: _State) -> Text | Until | Lines | None:
        return self.parts[state.part] if state.part < len(self.parts) else None

    def _enter(self, number: int, low: int) -> _State:
        part = self.parts[number] if number < len(self.parts) else None
        if isinstance(part, Text) and not part.text:
            return self._enter(number + 1, low)
        if isinstance(part, Lines):
            starts = tuple(n for n, line in enumerate(part.lines) if line is not None)
            return _State(number, 0, low, starts)
        return _State(number, int(isinstance(part, Until) and part.at_line_start), low)

    def _step(self, state: _State, byte: int) -> _State | None:
        part = self._part(state)
        if isinstance(part, Until):
            at = part.after(state.at, byte)
            return self._enter(state.part + 1, state.low) if at == len(part.mark) else state._replace(at=at)
        if isinstance(part, Lines):
            return self._step_in_lines(part, state, byte)
        text = part.text if part is not None else self.more
        if text[state.at] != byte:
            return None
        if state.at + 1 < len(text):
            return state._replace(at=state.at + 1)
        return self._enter(state.part + 1 if part is not None else self.back_to, state.low)

    def _step_in_lines(self, part: Lines, state: _State, byte: int) -> _State | None:
        at, run = state.at, state.run
        starts = tuple(s for s in state.starts if self._byte(part, s + run, at) == byte)
        below = state.below if state.below >= 0 and part.then[at] == byte else -1
        if below < 0 and not any(self._leads_on(part, state, s) for s in starts):
            return None
        if byte != _LINE_END:
            return state._replace(at=at + 1, starts=starts, below=below)
        if below >= 0:
            return self._enter(state.part + 1, below)
        (first, *others), end = starts, starts[0] + run
        unique = part.ends[first] if not others and first >= state.low else None
        go_on = tuple(
            s for s in starts if s + run + 1 < len(part.lines) and part.lines[s + run + 1] is not None
        )
        below = end + 1 if unique is not None and end >= unique else -1
        return state._replace(at=0, starts=go_on, run=run + 1, below=below)

    def _leads_on(self, part: Lines, state: _State, start: int) -> bool:
        """Whether lines that begin there can come to an end."""
        return start >= state.low and part.ends[start] is not None

    def _byte(self, part: Lines, line: int, at: int) -> int:
        text = part.lines[line] or b""
        return text[at] if at < len(text) else _LINE_END
