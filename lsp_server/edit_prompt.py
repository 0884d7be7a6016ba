"""What a model is told of an edit: the lines it may change, what they need to be understood, the instruction.

A document and a region to a message. Every text passes ``context.privacy``; what does not fit is left out,
the least useful first. Knows no model but for its way of counting tokens.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from context.document import Document
from context.items import ContextItem, Source
from context.language import language_named
from context.outline import enclosing, outline, render_outline
from context.privacy import may_be_prompted, redact, redact_lines
from context.refactor.values import Selection
from lsp_server.answer_forms import AnswerForm, Count, Region
from lsp_server.edit_bounds import PlanRefused

SYSTEM = "You edit code. You do what is asked, change nothing else, and answer with code only."

_STARS = re.compile(r"\*{4,}")
_WORD = re.compile(r"[^\W\d]\w{2,}")
_SIGNATURES = 24  # lines
_AROUND = 24  # lines of the same function above and below the region, each
_MOST_FACTS = 4
_EVIDENCE = (Source.PAST_CHANGES, Source.IMPORTS, Source.DIAGNOSTICS, Source.OTHER_FILES)


def region_of(document: Document, selection: Selection) -> Region:
    """The whole lines of a selection, as a model may see them. Raises PlanRefused where it may see none."""
    if not may_be_prompted(document.path):
        raise PlanRefused(f"{document.path} holds secrets by its name, and is shown to no model.")
    start, end = sorted((document.clamp(selection.start), document.clamp(selection.end)))
    first, last = start.line, end.line + (end.column > 0 or end.line == start.line)
    shown = [line.rstrip("\r\n") for line in redact_lines(document.lines)]
    hidden = {n for n in range(first, last) if shown[n] != document.line(n)}
    return Region(document, first, last, tuple(shown[first:last]), frozenset(hidden), tuple(shown))


def message(
    region: Region, instruction: str, form: AnswerForm, facts: Sequence[ContextItem], count: Count, room: int
) -> str:
    """What the model is told; ``room``: tokens for what is not the region or the instruction."""
    document = region.document
    parts = [
        *_fitting(_surroundings(region), count, room),
        f"The lines to edit, of {document.path}:\n{_fenced(document.language, region.shown)}",
        f"{redact(instruction).strip()}\n{form.wish}",
    ]
    evidence = [item for item in facts if item.source in _EVIDENCE and may_be_prompted(item.path)]
    best = sorted(evidence, key=lambda item: (item.source != Source.PAST_CHANGES, -item.relevance))
    told = [
        f"{_heading(item)}:\n{_fenced('', redact(item.text).splitlines())}" for item in best[:_MOST_FACTS]
    ]
    left = room - sum(count(part) for part in parts[:-2])
    return "\n\n".join((*_fitting(told, count, left), *parts))


def writes_stars(region: Region, text: str) -> bool:
    """Whether a new text may hold stars that stood for a secret."""
    was_starred = any(shown != region.document.line(n) for n, shown in enumerate(region.around))
    return was_starred and len(_STARS.findall(text)) > len(_STARS.findall(region.document.text))


def _surroundings(region: Region) -> Iterator[str]:
    """Imports and signatures that the lines use; the rest of the function that they stand in."""
    document = region.document
    lines = region.around
    shape = outline(language_named(document.language), "\n".join(lines))
    names = set(_WORD.findall("\n".join(region.shown)))
    imports = dict.fromkeys(
        lines[one.line]
        for one in shape.imports
        if one.line < len(lines) and names & {*one.names, *one.module.split(".")}
    )
    around = enclosing(shape, region.first)
    inside = around is not None and (around.line < region.first or around.end_line >= region.last)
    own = {around.name} if around is not None and not inside else set()
    signatures = render_outline(shape, names=names - own, most_lines=_SIGNATURES).splitlines()
    if imports or signatures:
        known = [*imports, *signatures]
        yield f"What {document.path} has besides:\n{_fenced(document.language, known)}"
    if around is not None and inside and around.kind in ("function", "method"):
        above = lines[max(around.line, region.first - _AROUND) : region.first]
        below = lines[region.last : min(around.end_line + 1, region.last + _AROUND)]
        here = region.indentation + f"{language_named(document.language).comment} (the lines to edit)"
        yield f"Around the lines to edit:\n{_fenced(document.language, [*above, here, *below])}"


def _heading(item: ContextItem) -> str:
    return "A past change like this one" if item.source == Source.PAST_CHANGES else f"From {item.path}"


def _fitting(parts: Iterator[str] | Sequence[str], count: Count, room: int) -> list[str]:
    kept = []
    for part in parts:
        if (size := count(part)) <= room:
            kept.append(part)
            room -= size
    return kept


def _fenced(language: str, lines: Sequence[str]) -> str:
    return "\n".join((f"```{language}", *lines, "```"))
