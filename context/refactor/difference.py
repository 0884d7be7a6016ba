"""Two texts to the fewest edits that lead from one to the other, and edits back to a text.

Lines are matched first, then what differs of them is cut to whole words, so that a cursor, a mark or a
breakpoint in an untouched line stays where it is. Line ends count as text: a line that keeps its own is not
touched. Knows nothing of what the texts mean.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import NamedTuple

from context.document import Document, Edit, Position, split_lines

MOST_PAIRS = 40_000  # lines times lines for SequenceMatcher, whose time may grow with the cube of either
MOST_WORD = 80  # letters; what is longer is data, and may be cut anywhere


class LineChange(NamedTuple):
    """Lines ``old_from`` to ``old_to``, exclusive, become ``new_from`` to ``new_to`` of the new text."""

    old_from: int
    old_to: int
    new_from: int
    new_to: int


def difference(before: Document, after: str) -> tuple[Edit, ...]:
    """The edits that make ``after`` of ``before``: sorted, apart, all positions in ``before``."""
    new = split_lines(after)
    edits: list[Edit] = []
    for change in line_changes(before.lines, new):
        for edit in _edits_of(before, change, new):
            if not edit.text and edit.start == edit.end:
                continue
            if edits and edits[-1].end == edit.start:
                edits[-1] = Edit(edits[-1].text + edit.text, edits[-1].start, edit.end)
            else:
                edits.append(edit)
    return tuple(edits)


def applied(before: Document, edits: Sequence[Edit]) -> str:
    """The text after ``edits``, whose positions are all in ``before``. ValueError where two overlap."""
    parts: list[str] = []
    at = Position(0, 0)
    for text, start, end in edits:
        start, end = start or Position(0, 0), end or _end(before)
        if not at <= start <= end:
            raise ValueError(f"the edit at line {start.line + 1} begins before the one above it ends")
        parts += [_between(before, at, start), text]
        at = end
    return "".join((*parts, _between(before, at, _end(before))))


def line_changes(old: Sequence[str], new: Sequence[str]) -> Iterator[LineChange]:
    """What differs, in order, with at least one line unchanged between two of them.

    Lines that occur once in both texts are matched first, in the longest order that both share (Bram Cohen's
    patience diff), the others between those; a stretch of thousands of lines without any is one change.
    """
    last: LineChange | None = None
    for change in _changes(old, new):
        if last is not None and (change.old_from, change.new_from) == (last.old_to, last.new_to):
            last = LineChange(last.old_from, change.old_to, last.new_from, change.new_to)
            continue
        if last is not None:
            yield last
        last = change
    if last is not None:
        yield last


def _changes(old: Sequence[str], new: Sequence[str]) -> Iterator[LineChange]:
    waiting = [LineChange(0, len(old), 0, len(new))]
    while waiting:
        part = _without_common_ends(old, new, waiting.pop())
        if part.old_from == part.old_to and part.new_from == part.new_to:
            continue
        if part.old_from == part.old_to or part.new_from == part.new_to:
            yield part
        elif anchors := _anchors(old, new, part):
            waiting.extend(reversed(list(_around(anchors, part))))
        elif (part.old_to - part.old_from) * (part.new_to - part.new_from) <= MOST_PAIRS:
            yield from _by_longest_match(old, new, part)
        else:
            yield part


def _without_common_ends(old: Sequence[str], new: Sequence[str], part: LineChange) -> LineChange:
    old_from, old_to, new_from, new_to = part
    while old_from < old_to and new_from < new_to and old[old_from] == new[new_from]:
        old_from, new_from = old_from + 1, new_from + 1
    while old_from < old_to and new_from < new_to and old[old_to - 1] == new[new_to - 1]:
        old_to, new_to = old_to - 1, new_to - 1
    return LineChange(old_from, old_to, new_from, new_to)


def _anchors(old: Sequence[str], new: Sequence[str], part: LineChange) -> list[tuple[int, int]]:
    """Pairs of equal lines, each the only one of its text on either side, rising on both."""
    in_old = Counter(old[part.old_from : part.old_to])
    in_new = Counter(new[part.new_from : part.new_to])
    where = {new[line]: line for line in range(part.new_from, part.new_to) if in_new[new[line]] == 1}
    pairs = [
        (line, where[old[line]])
        for line in range(part.old_from, part.old_to)
        if in_old[old[line]] == 1 and old[line] in where
    ]
    return _longest_rising(pairs)


def _longest_rising(pairs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The longest subsequence whose second members rise; the first ones do."""
    tops: list[int] = []  # the smallest end of a rising sequence of each length
    ends: list[int] = []  # which pair that is
    before: list[int] = []  # of each pair, the one that stands before it
    for number, (_, line) in enumerate(pairs):
        length = bisect_left(tops, line)
        before.append(ends[length - 1] if length else -1)
        tops[length : length + 1] = [line]
        ends[length : length + 1] = [number]
    found = []
    at = ends[-1] if ends else -1
    while at >= 0:
        found.append(pairs[at])
        at = before[at]
    return found[::-1]


def _around(anchors: list[tuple[int, int]], part: LineChange) -> Iterator[LineChange]:
    """The parts between matched lines."""
    old_from, new_from = part.old_from, part.new_from
    for old_line, new_line in (*anchors, (part.old_to, part.new_to)):
        yield LineChange(old_from, old_line, new_from, new_line)
        old_from, new_from = old_line + 1, new_line + 1


def _by_longest_match(old: Sequence[str], new: Sequence[str], part: LineChange) -> Iterator[LineChange]:
    sides = old[part.old_from : part.old_to], new[part.new_from : part.new_to]
    for tag, old_from, old_to, new_from, new_to in SequenceMatcher(None, *sides, False).get_opcodes():
        if tag != "equal":
            yield LineChange(
                part.old_from + old_from,
                part.old_from + old_to,
                part.new_from + new_from,
                part.new_from + new_to,
            )


def _edits_of(before: Document, change: LineChange, new: Sequence[str]) -> Iterator[Edit]:
    """One change as edits; lines that were only indented anew are edited one by one."""
    old_at, old_to, new_at, new_to = change
    sides = before.lines[old_at:old_to], new[new_at:new_to]
    for part in line_changes(*([line.strip() for line in side] for side in sides)):
        first = change.old_from + part.old_from
        yield from _line_edits(before, old_at, first, new, new_at)
        old_at, new_at = change.old_from + part.old_to, change.new_from + part.new_to
        lines = new[change.new_from + part.new_from : new_at]
        if len(lines) == old_at - first:
            yield from _line_edits(before, first, old_at, lines, 0)
        else:
            yield _trimmed(before, first, old_at, "".join(lines))
    yield from _line_edits(before, old_at, old_to, new, new_at)


def _line_edits(before: Document, first: int, last: int, new: Sequence[str], at: int) -> Iterator[Edit]:
    """Lines ``first`` to ``last`` (exclusive) become as many from ``at`` on."""
    for line in range(first, last):
        text = new[at + line - first]
        if before.lines[line] != text:
            yield _trimmed(before, line, line + 1, text)


def _trimmed(before: Document, first: int, last: int, text: str) -> Edit:
    """The edit that makes ``text`` of lines ``first`` to ``last`` (exclusive), without what both share."""
    old = "".join(before.lines[first:last])
    head = _common_head(old, text)
    most = min(len(old), len(text)) - head
    tail = _common_head(old[len(old) - most :][::-1], text[len(text) - most :][::-1])
    head -= _half_word(old, text, head)
    tail -= _half_word(old[::-1], text[::-1], tail)
    if old[head - 1 : head + 1] == "\r\n" and head:
        head -= 1  # no position stands between the two
    end = len(old) - tail
    if old[end - 1 : end + 1] == "\r\n" and end:
        tail -= 1
    start, end = _position(before, first, head), _position(before, first, len(old) - tail)
    return Edit(text[head : len(text) - tail], start, end)


def _common_head(one: str, two: str) -> int:
    """How many letters both texts begin with."""
    least, most = 0, min(len(one), len(two))
    while least < most:
        middle = (least + most + 1) // 2
        if one[least:middle] == two[least:middle]:
            least = middle
        else:
            most = middle - 1
    return least


def _half_word(old: str, new: str, cut: int) -> int:
    """How many letters before ``cut`` belong to a word that goes on behind it in either text."""
    if not (_is_letter(old[cut : cut + 1]) or _is_letter(new[cut : cut + 1])):
        return 0
    letters = 0
    while letters < min(cut, MOST_WORD) and _is_letter(old[cut - letters - 1]):
        letters += 1
    return letters if letters < MOST_WORD else 0


def _is_letter(character: str) -> bool:
    return character.isalnum() or character == "_"


def _position(document: Document, line: int, offset: int) -> Position:
    """Where the character stands that is ``offset`` behind the beginning of a line."""
    if line == len(document.lines):
        return _end(document)
    while line + 1 < len(document.lines) and offset >= len(document.lines[line]):
        offset -= len(document.lines[line])
        line += 1
    return Position(line, offset)


def _end(document: Document) -> Position:
    return Position(len(document.lines) - 1, len(document.lines[-1]))


def _between(document: Document, start: Position, end: Position) -> str:
    if start.line == end.line:
        return document.lines[start.line][start.column : end.column]
    above, last = document.lines[start.line + 1 : end.line], document.lines[end.line]
    return "".join((document.lines[start.line][start.column :], *above, last[: end.column]))
