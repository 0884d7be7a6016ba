"""Source texts to documents as a model reads them: whole files, repositories, and files with a hole to fill.

A ``Document`` is markers and stretches of text, each stretch with what is known of its lines. The layouts
are those of the published loop models (file and repository level, prefix - suffix - middle), with the
product's own habit: what stands behind ``<|fim_middle|>`` may begin some lines above the hole, since a
prompt keeps those where typing changes the least. It knows no ids.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import exp, log

import numpy as np

from engine.training.data.structure import Stretch, Structure
from engine.training.data.tokenizer import END, END_OF_TURN, FILE, MIDDLE, PREFIX, REPOSITORY, SUFFIX

LEVELS = {"character": 0.15, "line": 0.35, "expression": 0.2, "statement": 0.2, "function": 0.1}
SHORT_WINDOW, LONG_WINDOW = 500, 6_000  # bytes around a hole, drawn log-uniformly: 150 to 1,800 tokens
FAR_WINDOW, FAR_SHARE = 48_000, 0.08  # of some holes: what a model learns long contexts from
LONGEST_HOLE = 2_400  # bytes
LEAD_SHARE, MOST_LEAD_LINES = 0.6, 24  # of holes whose middle begins lines above; a prompt has up to 24
HEADED = 0.5  # of holes in single files that come with repository and path
REPOSITORY_BYTES = 24_000  # of several files in one document
SHORTEST_MIDDLE = 1


@dataclass(frozen=True, slots=True)
class Text:
    """A stretch of text. ``ranks`` and ``levels`` belong to the lines of the file it comes from, the first of
    the stretch being ``line``; without them it is no part of a file. ``age``: as on the axis."""

    data: bytes
    line: int = 0
    ranks: np.ndarray | None = None
    levels: np.ndarray | None = None
    age: int = 0


@dataclass(frozen=True, slots=True)
class Document:
    """``parts``: markers as str, stretches as Text. ``answer``: the index of the first part of the answer."""

    kind: str
    parts: tuple[str | Text, ...]
    answer: int = 0


@dataclass(frozen=True, slots=True)
class Source:
    """A file that was kept: which package's, under which path, and its tree."""

    package: str
    path: str
    structure: Structure
    age: int = 0

    def text(self, start: int = 0, end: int | None = None) -> Text:
        """Bytes ``start`` to ``end`` as a part."""
        whole = self.structure
        line = int(np.searchsorted(whole.line_starts, start, side="right")) - 1
        return Text(whole.source[start:end], line, whole.ranks, whole.levels, self.age)


def plain(package: str, files: Sequence[Source]) -> Document:
    """Files one after the other, with their repository's name and their paths."""
    kind = "file" if len(files) == 1 else "repository"
    return Document(kind, (*_repository(package), *_files(files), END))


def together(files: Sequence[Source]) -> Iterator[list[Source]]:
    """Runs of files that fit into one document, in their order."""
    run: list[Source] = []
    size = 0
    for file in files:
        length = len(file.structure.source)
        if run and size + length > REPOSITORY_BYTES:
            yield run
            run, size = [], 0
        run.append(file)
        size += length
    if run:
        yield run


def with_hole(
    file: Source, draw: random.Random, *, before: Sequence[Source] = (), suffix_first: float = 0.0
) -> Document | None:
    """A file with a hole at a level that is drawn; ``before`` stands above it. None where it has no place."""
    level = draw.choices([*LEVELS], [*LEVELS.values()])[0]
    stretch = hole(file.structure, level, draw)
    if stretch is None:
        level, stretch = "line", hole(file.structure, "line", draw)
    if stretch is None:
        return None
    far = draw.random() < FAR_SHARE
    wanted = FAR_WINDOW if far else exp(draw.uniform(log(SHORT_WINDOW), log(LONG_WINDOW)))
    return filled(file, stretch, level, draw, int(wanted), before=before, suffix_first=suffix_first)


def filled(
    file: Source,
    stretch: Stretch,
    kind: str,
    draw: random.Random,
    window: int,
    *,
    before: Sequence[Source] = (),
    suffix_first: float = 0.0,
) -> Document:
    """A hole at a stretch with up to ``window`` bytes of whole lines around it."""
    starts = file.structure.line_starts
    above = int(window * draw.uniform(0.45, 0.85))
    first = int(starts[np.searchsorted(starts, max(0, stretch.start - above))])
    first = (
        first
        if first <= stretch.start
        else int(starts[np.searchsorted(starts, stretch.start, side="right") - 1])
    )
    rest = stretch.end + max(0, window - (stretch.start - first))
    place = int(np.searchsorted(starts, rest, side="right"))
    last = int(starts[place]) if place < len(starts) else len(file.structure.source)
    begin = stretch.start
    if draw.random() < LEAD_SHARE:
        line = int(np.searchsorted(starts, stretch.start, side="right")) - 1
        begin = max(first, int(starts[max(0, line - draw.randint(0, MOST_LEAD_LINES))]))
    prefix, suffix = file.text(first, begin), file.text(stretch.end, last)
    middle = file.text(begin, stretch.end)
    head: tuple[str | Text, ...] = ()
    if before or draw.random() < HEADED:
        head = (*_repository(file.package), *_files(before), FILE, Text(f"{file.path}\n".encode()))
    if draw.random() < suffix_first:
        parts = (*head, PREFIX, SUFFIX, suffix, MIDDLE, prefix, middle, END_OF_TURN)
        return Document(kind, parts, len(parts) - 2)
    parts = (*head, PREFIX, prefix, SUFFIX, suffix, MIDDLE, middle, END_OF_TURN)
    return Document(kind, parts, len(parts) - 2)


def suffix_first(document: Document) -> Document:
    """The same with what follows its hole first, for vocabularies that know no other form."""
    parts = document.parts
    at = parts.index(PREFIX) if PREFIX in parts else len(parts)
    if parts[at + 2 : at + 3] != (SUFFIX,):
        return document
    _, prefix, _, suffix, _, *rest = parts[at:]
    return replace(document, parts=(*parts[:at], PREFIX, SUFFIX, suffix, MIDDLE, prefix, *rest))


def hole(structure: Structure, level: str, draw: random.Random) -> Stretch | None:
    """A stretch to be filled in at a level."""
    if level == "expression":
        return structure.expression(draw)
    if level == "statement":
        return structure.statement(draw)
    if level == "function":
        return structure.body(draw)
    return _line(structure, draw) if level == "line" else _characters(structure.source, draw)


def _line(structure: Structure, draw: random.Random) -> Stretch | None:
    """The rest of a line, mostly from its indentation on, sometimes that of the next lines too."""
    starts, source = structure.line_starts, structure.source
    for _ in range(12):
        line = draw.randrange(max(1, len(starts) - 1))
        lines = draw.choices((1, 2, 3, 5), (0.7, 0.12, 0.1, 0.08))[0]
        start = int(starts[line])
        stop = int(starts[line + lines]) if line + lines < len(starts) else len(source)
        text = source[start:stop].rstrip()
        indentation = len(text) - len(text.lstrip())
        if len(text) - indentation < 2 or len(text) > LONGEST_HOLE:
            continue
        begin = indentation if draw.random() < 0.7 else draw.randrange(indentation, len(text))
        return Stretch(_at_letter(source, start + begin), start + len(text))
    return None


def _characters(source: bytes, draw: random.Random) -> Stretch | None:
    start = _at_letter(source, draw.randrange(len(source)))
    end = _at_letter(source, min(len(source), start + SHORTEST_MIDDLE + int(draw.expovariate(1 / 60))))
    return Stretch(start, end) if end > start else None


def _at_letter(source: bytes, at: int) -> int:
    """The same place, or the next before which a letter ends."""
    while at < len(source) and source[at] & 0xC0 == 0x80:
        at += 1
    return at


def _repository(name: str) -> tuple[str | Text, ...]:
    return REPOSITORY, Text(f"{name}\n".encode())


def _files(files: Sequence[Source]) -> tuple[str | Text, ...]:
    return tuple(part for file in files for part in (FILE, Text(f"{file.path}\n".encode()), file.text()))
