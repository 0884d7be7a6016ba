"""Which lines differ between two texts: hunks, and regions that can be shown and replaced on their own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from context.codeflow.labels import Span

CONTEXT_LINES = 2  # enough to see where a line stands; more would make every past change look alike
JOIN_LINES = 4  # hunks of one symbol with no more lines between them are read as one change
EXACT_LINES = 3_000  # difflib takes the product of both sides; beyond, popular lines are ignored as junk
GIVE_UP_LINES = 12_000  # beyond even that, everything between the first and last difference is one hunk


@dataclass(frozen=True, slots=True)
class Hunk:
    """Lines [a0, a1) before became lines [b0, b1) after; the lines around are equal."""

    a0: int
    a1: int
    b0: int
    b1: int


@dataclass(frozen=True, slots=True)
class Region:
    """Hunks of one symbol that lie close, with context: replacing [a0, a1) by [b0, b1) makes the change."""

    a0: int
    a1: int
    b0: int
    b1: int
    symbol: str
    hunks: tuple[Hunk, ...]


def hunks(before: Sequence[str], after: Sequence[str]) -> tuple[Hunk, ...]:
    """The differences between two lists of lines, in order; equal lists have none."""
    head = 0
    while head < min(len(before), len(after)) and before[head] == after[head]:
        head += 1
    tail = 0
    while tail < min(len(before), len(after)) - head and before[-1 - tail] == after[-1 - tail]:
        tail += 1
    a, b = before[head : len(before) - tail], after[head : len(after) - tail]
    if not a and not b:
        return ()
    if not a or not b or len(a) + len(b) > GIVE_UP_LINES:
        whole = Hunk(head, head + len(a), head, head + len(b))
        return (_slid(whole, before, after, [whole], 0),)
    matcher = SequenceMatcher(None, a, b, autojunk=len(a) + len(b) > EXACT_LINES)
    found = [
        Hunk(head + i1, head + i2, head + j1, head + j2)
        for tag, i1, i2, j1, j2 in matcher.get_opcodes()
        if tag != "equal"
    ]
    return tuple(_slid(hunk, before, after, found, index) for index, hunk in enumerate(found))


def _slid(hunk: Hunk, before: Sequence[str], after: Sequence[str], found: Sequence[Hunk], index: int) -> Hunk:
    """Lines that only came, or only went, moved to where a reader would say that they did.

    Between equal lines a block can lie in several places: `a() } b() {` or `} b() { a()`. Of those the one
    that begins least indented, behind an empty line, with text, and highest, is mostly a whole function.
    """
    if hunk.a0 < hunk.a1 and hunk.b0 < hunk.b1:
        return hunk
    lines, start, end = (after, hunk.b0, hunk.b1) if hunk.b0 < hunk.b1 else (before, hunk.a0, hunk.a1)
    room_up = hunk.a0 - found[index - 1].a1 if index else hunk.a0
    room_down = (found[index + 1].a0 if index + 1 < len(found) else len(before)) - hunk.a1
    up = down = 0
    # a line is left between two hunks, so that they stay two
    while up < min(room_up - 1, start) and lines[start - up - 1] == lines[end - up - 1]:
        up += 1
    while down < room_down - 1 and end + down < len(lines) and lines[start + down] == lines[end + down]:
        down += 1
    shift = min(range(-up, down + 1), key=lambda by: _unlikely(lines, start + by, end + by))
    return Hunk(hunk.a0 + shift, hunk.a1 + shift, hunk.b0 + shift, hunk.b1 + shift)


def _unlikely(lines: Sequence[str], start: int, end: int) -> tuple[int, bool, bool]:
    """How unlikely it is that a block which somebody wrote begins here."""
    first = next((line for line in range(start, end) if lines[line].strip()), None)
    if first is None:
        return 0, True, True
    text = lines[first]
    return len(text) - len(text.lstrip()), first > 0 and bool(lines[first - 1].strip()), first > start


def regions(
    found: Sequence[Hunk], symbol_of: Callable[[Hunk], str], before_lines: int, after_lines: int
) -> tuple[Region, ...]:
    """Hunks grouped by symbol, each group with context that reaches at most half way to its neighbours."""
    groups: list[tuple[str, list[Hunk]]] = []
    for hunk in found:
        symbol = symbol_of(hunk)
        if groups and groups[-1][0] == symbol and hunk.a0 - groups[-1][1][-1].a1 <= JOIN_LINES:
            groups[-1][1].append(hunk)
        else:
            groups.append((symbol, [hunk]))
    made: list[Region] = []
    for index, (symbol, group) in enumerate(groups):
        first, last = group[0], group[-1]
        above = first.a0 if index == 0 else (first.a0 - groups[index - 1][1][-1].a1) // 2
        below = before_lines - last.a1
        if index + 1 < len(groups):
            gap = groups[index + 1][1][0].a0 - last.a1
            below = gap - gap // 2
        above, below = min(above, CONTEXT_LINES), min(below, CONTEXT_LINES, after_lines - last.b1)
        made.append(
            Region(
                first.a0 - above,
                last.a1 + below,
                first.b0 - above,
                last.b1 + below,
                symbol,
                tuple(group),
            )
        )
    return tuple(made)


def touches(span: Span, start: int, end: int) -> bool:
    """Whether lines [start, end) meet the span; an empty one meets what it lies in or next to."""
    if start == end:
        return span[0] <= start <= span[1] if span[0] == span[1] else span[0] <= start < span[1]
    if span[0] == span[1]:
        return False
    return span[0] < end and start < span[1]
