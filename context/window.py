"""Which lines around the cursor a prompt holds, chosen so that a keystroke moves no edge.

A prompt is ``prefix(start..anchor) suffix(after the cursor..end) middle(anchor..cursor)``: the lines from
the anchor to the cursor stand at the very end, as if the model had just written them. Typing, and even a
new line, then changes only the prompt's tail. The edges move in steps, when the budget forces them to.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from context.document import Document

MIDDLE_LINES = 24  # lines typed before the anchor follows; one full suffix evaluation per that many lines
KEPT_SHARE = 0.7  # of the prefix budget that is used right after the start edge moved: room to grow
LEAST_SHARE = 0.35  # of the prefix budget, below which the start edge follows a cursor that went up
SUFFIX_SLACK = 1.25  # how far the suffix may outgrow its budget before its edge moves

Count = Callable[[str], int]


@dataclass(frozen=True, slots=True)
class Window:
    """Line numbers: prefix ``start`` to ``anchor``, middle ``anchor`` to the cursor, suffix until ``end``.

    ``lines_below`` is ``end`` counted from the document's end, which stays when lines are typed above it.
    """

    start: int
    anchor: int
    end: int
    lines_below: int


def holds_anchor(window: Window, line: int) -> bool:
    """Whether a prompt for ``line`` would begin its middle part where ``window`` does."""
    return window.start <= window.anchor <= line <= window.anchor + MIDDLE_LINES


def choose_window(
    document: Document,
    line: int,
    *,
    prefix_tokens: int,
    suffix_tokens: int,
    count: Count,
    previous: Window | None = None,
) -> Window:
    """The window for a cursor on ``line``, as close to ``previous`` as the two budgets allow."""
    lines = document.lines
    anchor = line
    if previous is not None and holds_anchor(previous, line):
        anchor = previous.anchor
    start = previous.start if previous is not None and previous.start <= anchor else line + 1
    if (
        start > line
        or _exceeds(lines, range(line, start - 1, -1), prefix_tokens, count)
        or _is_too_near(lines, line, start, prefix_tokens, count)
    ):
        start, anchor = _reach(lines, range(line, -1, -1), int(prefix_tokens * KEPT_SHARE), count), line
        if start == 0 or not _exceeds(lines, range(line, -1, -1), prefix_tokens, count):
            start = 0
    end = (
        _reach(lines, range(line + 1, len(lines)), suffix_tokens, count) + 1
        if line + 1 < len(lines)
        else line + 1
    )
    if previous is not None:
        kept = len(lines) - previous.lines_below
        if end < kept and not _exceeds(
            lines, range(line + 1, kept), int(suffix_tokens * SUFFIX_SLACK), count
        ):
            end = kept
        elif line < kept <= end and kept >= line + 1 + (end - line - 1) // 2:
            end = kept  # a little less than fits, but the same text as before
    return Window(start, min(anchor, line), end, len(lines) - end)


def _is_too_near(lines: tuple[str, ...], line: int, start: int, budget: int, count: Count) -> bool:
    """Whether the start edge leaves most of the budget unused although there is something above it."""
    if start == 0 or _exceeds(lines, range(line, start - 1, -1), int(budget * LEAST_SHARE), count):
        return False
    return _reach(lines, range(line, -1, -1), int(budget * KEPT_SHARE), count) < start


def _reach(lines: tuple[str, ...], numbers: range, budget: int, count: Count) -> int:
    """The last of ``numbers`` whose line still fits in ``budget`` tokens; the first in any case."""
    used, reached = 0, numbers[0]
    for number in numbers:
        used += count(lines[number])
        if used > budget:
            break
        reached = number
    return reached


def _exceeds(lines: tuple[str, ...], numbers: range, budget: int, count: Count) -> bool:
    used = 0
    for number in numbers:
        used += count(lines[number])
        if used > budget:
            return True
    return False
