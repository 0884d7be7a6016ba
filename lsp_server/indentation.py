"""Where the first line of a suggestion begins, and how its further lines are indented.

A model may repeat the indentation before the cursor, begin with a blank line, be off by one column, or use
blanks among tabs. The lines around say which columns make sense. Decided from a line's beginning alone, so
that it holds whatever else the model writes.
"""

from __future__ import annotations

import re
from collections.abc import Set
from dataclasses import dataclass, replace

from lsp_server.place import Place, indentation, width

_BLOCK_WORD = re.compile(
    r"\s*(?:async|case|class|def|elif|else|except|finally|for|if|match|try|while|with)\b"
)


@dataclass(frozen=True, slots=True)
class Begun:
    """``text`` from the cursor on, whose statement begins at column ``level``.

    Further lines move right by ``shift``; where they must change from blanks to tabs, a level is
    ``raw_unit`` blanks.
    """

    text: str
    level: int
    shift: int = 0
    raw_unit: int = 4


def begin(place: Place, text: str) -> Begun | None:
    """Let ``text`` begin where the cursor is. Empty where it belongs elsewhere, None while it is blank."""
    code = text.lstrip(" \t\n")
    if not code:
        return None
    begun = _after_head(place, text, code) if place.head.strip() else _on_own_line(place, text, code)
    return replace(begun, raw_unit=_blanks_per_level(place, begun))


def fitted(place: Place, line: str, begun: Begun, levels: Set[int]) -> str:
    """A further line with the document's indentation; one column beside one of ``levels`` is put right."""
    blanks = indentation(line)
    if place.uses_tabs is None and "\t" in blanks:
        return line
    if place.uses_tabs and " " in blanks:
        depth, odd = divmod(len(blanks.expandtabs(begun.raw_unit)), begun.raw_unit)
        return "\t" * depth + " " * (0 if levels and odd == 1 else odd) + line[len(blanks) :]
    columns = max(0, len(blanks.expandtabs(8 if place.uses_tabs else place.unit)) + begun.shift)
    if columns not in levels:
        columns = next((level for level in (columns - 1, columns + 1) if level in levels), columns)
    return _blanks(place, columns) + line[len(blanks) :]


def _after_head(place: Place, text: str, code: str) -> Begun:
    """Code stands before the cursor: no second blank after it, no body on the line of a ``def``."""
    level = width(place.head)
    if "\n" in text[: len(text) - len(code)]:
        return Begun(text, level)
    if _ends_block_opener(place) and not place.tail.strip() and code[0] not in "#.":
        return Begun("\n" + _blanks(place, level + place.unit) + code, level)
    if place.head[-1] in " \t([." and not place.at_cursor.inside:
        return Begun(code, level)
    return Begun(text, level)


def _ends_block_opener(place: Place) -> bool:
    return (
        place.language.indented_blocks
        and place.head[-1] == ":"
        and _BLOCK_WORD.match(place.head) is not None
        and not (place.opened_on_line or place.at_cursor.inside)
    )


def _on_own_line(place: Place, text: str, code: str) -> Begun:
    """Only blanks stand before the cursor: find the column that the first line of code should have."""
    white = text[: len(text) - len(code)]
    on_next_line, blanks = "\n" in white, white.rpartition("\n")[2]
    at = width(place.head)
    written = _columns(place, blanks) + (0 if on_next_line else at)
    if on_next_line and written < at - 1 and not place.at_cursor.inside:
        return Begun("", at)  # the model went on outside of this block
    if place.at_cursor.inside or not place.language.grammar:
        level = max(at, written) if on_next_line or not at else at
    elif not at:
        level = _nearest(place, written, written)
    elif at <= place.opener_level or (
        place.above_opens and written > at and abs(written - place.levels[0]) <= 1
    ):
        level = max(at, place.levels[0])
    elif written > at and at not in place.levels:
        level = max(at, _nearest(place, written, written if place.above_opens else at))
    else:
        level = at
    if not at and level == written and place.uses_tabs is None:
        return Begun(blanks + code, level)  # the document shows no manner of its own
    shift = level - written if not at and abs(level - written) > 1 else 0
    return Begun(_blanks(place, level - at) + code, level, shift)


def _columns(place: Place, blanks: str) -> int:
    """Columns of white space that the model wrote, once it is in the document's manner."""
    if place.uses_tabs:
        return len(blanks.expandtabs(4)) // 4 * 8 if " " in blanks else len(blanks) * 8
    return len(blanks.expandtabs(8 if place.uses_tabs is None else place.unit))


def _nearest(place: Place, written: int, otherwise: int) -> int:
    """The column nearest to ``written`` where a statement may begin; ``otherwise`` where any may be right."""
    levels = [level for level in place.levels if level > place.opener_level]
    nearest = min(levels, key=lambda level: abs(level - written))
    return nearest if written <= place.opener_level or abs(nearest - written) <= 1 else otherwise


def _blanks(place: Place, columns: int) -> str:
    """White space of a width, in the document's manner."""
    columns = max(0, columns)
    return "\t" * (columns // 8) + " " * (columns % 8) if place.uses_tabs else " " * columns


def _blanks_per_level(place: Place, begun: Begun) -> int:
    """How many blanks the model takes for a level where the document has tabs."""
    depth, (first, *further) = begun.level // 8, begun.text.split("\n")
    before = place.head + first
    for line in further:
        if line.strip() and " " in indentation(line):
            levels = depth + before.rstrip().endswith((":", "{", "(", "["))
            count = len(indentation(line).expandtabs(8))
            return next((unit for unit in (4, 2, 8, 3) if count == unit * levels), 4)
        before = line if line.strip() else before
    return 4
