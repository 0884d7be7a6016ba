"""Of a response to what is shown at the cursor: what repeats the text around is not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tests.benchmarks.cases import At
from tests.benchmarks.llama_vim.context import blanks_of, is_blank


@dataclass(frozen=True, slots=True)
class Hint:
    """The shown lines. Accepting makes ``head`` and the first of them the cursor's line, and puts the others
    below; the last one ends with what stood behind the cursor. Not every hint may be accepted."""

    head: str
    lines: tuple[str, ...]
    can_accept: bool


def hint_of(content: str, lines: Sequence[str], at: At) -> Hint:
    """What is shown of a response."""
    number, column = at
    shown = content.split("\n")
    while shown and not shown[-1]:
        shown.pop()
    can_accept = bool(shown)
    shown = shown or [""]
    line = _line(lines, number)
    if is_blank(line):  # its blanks are the response's, as far as that begins with some
        own = min(blanks_of(shown[0]), len(line))
        line, shown[0] = shown[0][:own], shown[0][own:]
    head, tail = line[:column], line[column:]
    if repeats(shown, lines, number, head, tail):
        shown = [""]
    shown[-1] += tail
    return Hint(head, tuple(shown), can_accept and not is_blank("\n".join(shown)))


def repeats(shown: Sequence[str], lines: Sequence[str], number: int, head: str, tail: str) -> bool:
    """Whether a suggestion says only what already follows, on the line or on the next ones."""
    first, *others = shown
    if not first and others and others == _lines(lines, number + 1, len(others)):
        return True
    if not others and first == tail:
        return True
    below = number + 1
    while below < len(lines) - 1 and is_blank(lines[below]):
        below += 1
    if head + first != _line(lines, below):
        return False
    if len(others) == 1:
        return _line(lines, below + 1).startswith(others[0])
    return others == [_line(lines, below + 1 + more) for more in range(len(others))]


def _line(lines: Sequence[str], number: int) -> str:
    return lines[number] if number < len(lines) else ""


def _lines(lines: Sequence[str], start: int, count: int) -> list[str]:
    return list(lines[start : start + count])
