"""A model's answer to a document's new text: search/replace blocks, or a region that it wrote anew.

Every block has to say unmistakably where it belongs: what it searches for stands exactly once in the
document, letter for letter, else but for blanks at the ends of lines, else shifted as a whole. Lines that the
model only repeated stay as they are, byte for byte, whatever it made of their blanks and line ends.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from typing import NamedTuple

from context.document import Document, line_end, split_lines
from context.refactor.difference import line_changes
from context.refactor.values import Selection
from lsp_server.edit_bounds import PlanRefused

SEARCH, DIVIDER, REPLACE = "<<<<<<< SEARCH", "=======", ">>>>>>> REPLACE"
_SHOWN = 60  # letters of a line in a sentence


class Block(NamedTuple):
    """Whole lines that are searched, and those that come in their place; "" for none."""

    search: str
    replace: str


class _Found(NamedTuple):
    """Lines ``first`` to ``last``, exclusive; what they begin with more, or less, than what was searched."""

    first: int
    last: int
    more: str = ""
    less: str = ""
    letter_for_letter: bool = True


def blocks_in(answer: str) -> tuple[Block, ...]:
    """The blocks of an answer; what stands around them is passed over. Raises `PlanRefused`."""
    found: list[Block] = []
    parts: list[list[str]] = []  # of the block that is open: what it searches, what it puts there
    for line in split_lines(answer):
        mark = line.strip()
        if mark == SEARCH:
            if parts:
                raise PlanRefused("The model's answer begins an edit inside another one.")
            parts = [[]]
        elif mark == DIVIDER and parts:
            if len(parts) == 2:
                raise PlanRefused("The model's answer holds an edit with two dividing lines.")
            parts.append([])
        elif mark == REPLACE and parts:
            if len(parts) == 1:
                raise PlanRefused("The model's answer holds an edit without a dividing line.")
            found.append(Block("".join(parts[0]), "".join(parts[1])))
            parts = []
        elif parts:
            parts[-1].append(line)
    if parts:
        raise PlanRefused("The model's answer breaks off inside an edit.")
    if not found:
        raise PlanRefused("The model's answer holds no edit.")
    return tuple(found)


def with_blocks(document: Document, blocks: Sequence[Block], region: Selection | None = None) -> str:
    """The text after all blocks, each found in the document as it is, within ``region``'s lines if given.

    Raises `PlanRefused` for what is not found, found twice, or found where another block is.
    """
    first, last = _lines_of(document, region) if region else (0, len(document.lines))
    found = sorted((_found(document, block, first, last), block) for block in blocks)
    lines: list[str] = []
    at = 0
    for place, block in found:
        if place.first < at:
            raise PlanRefused(f"Two edits would change line {place.first + 1} of {document.path}.")
        lines += document.lines[at : place.first]
        lines += _put(document, place, _bare(block.replace))
        at = place.last
    return _joined(document, [*lines, *document.lines[at:]])


def with_region(document: Document, region: Selection, answer: str) -> str:
    """The text with the region's lines replaced by ``answer``, indented as its first line was.

    Raises `PlanRefused` for an empty answer.
    """
    first, last = _lines_of(document, region)
    old, new = [document.line(line) for line in range(first, last)], _bare(answer)
    if not any(line.strip() for line in new):
        raise PlanRefused("The model's answer is empty.")
    start, end = _without_blank_ends(new)
    new = new[start:end]
    if any(line.strip() for line in old):
        start, end = _without_blank_ends(old)
        first, last, old = first + start, first + end, old[start:end]
    more, less = _shift(_first_indentation(new), _first_indentation(old))
    place = _Found(first, last, more, less, False)
    return _joined(document, [*document.lines[:first], *_put(document, place, new), *document.lines[last:]])


def _lines_of(document: Document, region: Selection) -> tuple[int, int]:
    """The lines of a region, the last one exclusive."""
    start, end = sorted((document.clamp(region.start), document.clamp(region.end)))
    return start.line, end.line + (end.column > 0 or end.line == start.line)


def _found(document: Document, block: Block, first: int, last: int) -> _Found:
    wanted = _bare(block.search)
    if not any(line.strip() for line in wanted):
        if document.text.strip():
            raise PlanRefused("The model's answer holds an edit that does not say where it belongs.")
        return _Found(0, 0)
    lines = [document.line(line) for line in range(first, last)]
    for find in (_exactly, _but_for_blanks, _shifted):
        if places := [
            place._replace(first=place.first + first, last=place.last + first)
            for place in find(lines, wanted)
        ]:
            if len(places) == 1:
                return places[0]
            where = ", ".join(str(place.first + 1) for place in places[:5])
            raise PlanRefused(
                f"The text to replace stands {len(places)} times in {document.path} (lines {where}), "
                "and has to stand there once."
            )
    raise PlanRefused(_not_found(document, lines, wanted, first))


def _exactly(lines: Sequence[str], wanted: Sequence[str]) -> Iterator[_Found]:
    for start in range(len(lines) - len(wanted) + 1):
        if lines[start] == wanted[0] and lines[start : start + len(wanted)] == wanted:
            yield _Found(start, start + len(wanted))


def _but_for_blanks(lines: Sequence[str], wanted: Sequence[str]) -> Iterator[_Found]:
    trimmed = [line.rstrip() for line in lines], [line.rstrip() for line in wanted]
    for place in _exactly(*trimmed):
        yield place._replace(letter_for_letter=False)


def _shifted(lines: Sequence[str], wanted: Sequence[str]) -> Iterator[_Found]:
    for place in _exactly([line.strip() for line in lines], [line.strip() for line in wanted]):
        pairs = zip(lines[place.first : place.last], wanted, strict=True)
        shifts = {_shift(_indentation(to), _indentation(line)) for line, to in pairs if to.strip()}
        if len(shifts) == 1 and any(*shifts):
            yield _Found(place.first, place.last, *shifts.pop(), False)


def _not_found(document: Document, lines: Sequence[str], wanted: Sequence[str], first: int) -> str:
    said = f"The text to replace was not found in {document.path}"
    head = next(line.strip() for line in wanted if line.strip())
    numbers = {line.strip(): number for number, line in reversed(list(enumerate(lines, first)))}
    for near in get_close_matches(head[:1000], numbers, 1):
        return f"{said}; the nearest to its first line is line {numbers[near] + 1}: `{near[:_SHOWN]}`."
    return f"{said}, nor anything like its first line: `{head[:_SHOWN]}`."


def _put(document: Document, place: _Found, new: Sequence[str]) -> Iterator[str]:
    """The new lines of a place; those that were only repeated are the old ones."""
    old = document.lines[place.first : place.last]
    end = next((line_end(line) for line in old if line_end(line)), document.line_end)
    at_old = at_new = 0
    sides = [line.strip() for line in old], [line.strip() for line in new]
    stop = (len(old), len(old), len(new), len(new))
    for old_from, old_to, new_from, new_to in (*line_changes(*sides), stop):
        for before, line in zip(old[at_old:old_from], new[at_new:new_from], strict=True):
            yield before if _repeats(before, line, place) else _moved(line, place) + end
        for line in new[new_from:new_to]:
            yield _moved(line, place) + end
        at_old, at_new = old_to, new_to


def _repeats(before: str, line: str, place: _Found) -> bool:
    """Whether a line is the old one; what stands in a string is not shifted with the code around it."""
    bare = before[: len(before) - len(line_end(before))]
    if place.letter_for_letter:
        return bare == line
    return bare.rstrip() in (line.rstrip(), _moved(line, place).rstrip())


def _moved(line: str, place: _Found) -> str:
    if not line.strip():
        return line
    return place.more + line.removeprefix(place.less)


def _joined(document: Document, lines: Sequence[str]) -> str:
    """Lines to a text: each but the last with an end, the last with one if it had one."""
    ended = [line if line_end(line) else line + document.line_end for line in lines[:-1]]
    text = "".join((*ended, *lines[-1:]))
    if not document.lines[-1] or not document.text:
        return text
    return text[: len(text) - len(line_end(text))]


def _without_blank_ends(lines: Sequence[str]) -> tuple[int, int]:
    """The first line that is not blank, and the one behind the last such."""
    filled = [number for number, line in enumerate(lines) if line.strip()]
    return filled[0], filled[-1] + 1


def _bare(text: str) -> list[str]:
    """The lines of a text without their ends."""
    lines = [line[: len(line) - len(line_end(line))] for line in split_lines(text)]
    return lines if lines[-1] else lines[:-1]


def _indentation(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]


def _first_indentation(lines: Sequence[str]) -> str:
    return next((_indentation(line) for line in lines if line.strip()), "")


def _shift(now: str, wanted: str) -> tuple[str, str]:
    """What a line has to be given, and what taken from it, so that its indentation is the wanted one."""
    if wanted.endswith(now):
        return wanted[: len(wanted) - len(now)], ""
    if now.endswith(wanted):
        return "", now[: len(now) - len(wanted)]
    return ("", "")
