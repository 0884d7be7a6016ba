"""What a token stream shows of itself as it is read: which tokens to pin, on which line and level they are.

A prompt reaches the engine as token ids alone, so ranks, lines and levels that training takes from syntax
trees are read off the lines' beginnings here. A token's depend on those before it and on itself, so that a
text read in parts is read as a whole. Knows the bytes of tokens and a few markers; no tensors.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from engine.backend import MarkedTokenizer
from engine.fim import markers_of

IMPORT, CONSTANT, SIGNATURE, CLASS = 1, 2, 3, 4  # ranks, as training data has them
LAST_LINE, LAST_LEVEL = 65_535, 255  # as training data has them
_TAB = 4  # columns
_MOST_HEAD_LINES = 12  # of a signature whose brackets stay open; more are pinned as far
_LOOKED_AT = 160  # bytes of a line: what a line is shows in its beginning
_MODIFIERS = (
    rb"(?:(?:export|default|public|private|protected|internal|static|final|abstract|async|pub|unsafe|override)"
    rb"\b(?:\([a-z]+\))? *)*"
)
_KINDS = (  # what a line is, by how it begins; a word may end where what was read so far does
    (CLASS, re.compile(_MODIFIERS + rb"(?:class|interface|struct|enum|trait|impl|namespace|record)(?:\s|$)")),
    (SIGNATURE, re.compile(_MODIFIERS + rb"(?:def|func|fn|fun|function\*?)(?:[\s(]|$)")),
    (IMPORT, re.compile(rb"(?:from|import|use|using|#include|require|package)(?:[\s<\"'({]|$)")),
)
_CONSTANT = re.compile(rb"(?:(?:export|const|static|final|let|var) +)*[A-Z][A-Z0-9_]*\s*(?:[:=]|$)")


@dataclass(frozen=True, slots=True)
class Reading:
    """Where in a text a token stream has come to.

    ``text``: its line's beginning; ``heads``: the columns of the definitions around it; ``open``: brackets
    open in a pinned head, which goes on for ``left`` lines at most; ``goes_on``: the place in front of a gap
    that is to be filled in, None where none is.
    """

    line: int = 0
    text: bytes = b""
    heads: tuple[int, ...] = ()
    rank: int = 0
    open: int = 0
    left: int = 0
    goes_on: Reading | None = None


@dataclass(frozen=True, slots=True)
class Marks:
    """What is known of single tokens: their bytes, and the markers that begin something."""

    pieces: Sequence[bytes]
    suffix: int | None
    middle: int | None
    files: frozenset[int]  # a file begins behind these

    @staticmethod
    def of(tokenizer: MarkedTokenizer) -> Marks:
        """As ``tokenizer`` has them."""
        names = markers_of(tokenizer)
        files = (names.prefix, names.file_separator, names.repository)
        tokens = (tokenizer.marker_token(name) for name in files if name)
        return Marks(
            tokenizer.pieces,
            tokenizer.marker_token(names.suffix) if names.suffix else None,
            tokenizer.marker_token(names.middle) if names.middle else None,
            frozenset(token for token in tokens if token is not None),
        )


def read(
    marks: Marks, reading: Reading, tokens: Iterable[int]
) -> tuple[list[int], list[tuple[int, int, int]], Reading]:
    """Ranks of ``tokens``, their lines, ages and levels, and where the reading has come to then.

    The age is that of the present: nothing in a token tells another.
    """
    flags, positions = [], []
    for token in tokens:
        piece = marks.pieces[token] if token < len(marks.pieces) else b""
        if token in marks.files:
            reading = Reading()
        elif token == marks.suffix:
            reading = replace(reading, goes_on=reading)
        elif token == marks.middle and reading.goes_on is not None:
            reading = reading.goes_on
        first, *others = piece.split(b"\n")
        seen = _with(reading, first)
        flags.append(0 if not piece else seen.rank)
        positions.append((min(seen.line, LAST_LINE), 0, min(_level(seen), LAST_LEVEL)))
        reading = seen
        for line in others:
            reading = _with(_next_line(reading), line)
    return flags, positions, reading


def _with(reading: Reading, more: bytes) -> Reading:
    """With ``more`` of the same line read."""
    if not more:
        return reading
    text = reading.text if len(reading.text) >= _LOOKED_AT else reading.text + more
    rank = reading.rank if reading.open else _rank(text.strip(), _column(text))
    opened = reading.open
    if rank in (SIGNATURE, CLASS, IMPORT):
        opened = max(0, opened + sum(map(more.count, b"([")) - sum(map(more.count, b")]")))
    return replace(reading, text=text, rank=rank, open=opened)


def _next_line(reading: Reading) -> Reading:
    heads = reading.heads
    if reading.text.strip() and not reading.open:
        column = _column(reading.text)
        heads = tuple(head for head in heads if head < column)
        if reading.rank in (SIGNATURE, CLASS):
            heads = (*heads, column)
    left = reading.left - 1 if reading.left else _MOST_HEAD_LINES - 1
    if reading.open and left:
        text = reading.text  # the head's own beginning says where it stands
        return replace(reading, line=reading.line + 1, text=text, left=left)
    return replace(reading, line=reading.line + 1, text=b"", heads=heads, rank=0, open=0, left=0)


def _rank(stripped: bytes, column: int) -> int:
    for rank, form in _KINDS:
        if form.match(stripped):
            return rank
    return CONSTANT if not column and _CONSTANT.match(stripped) else 0


def _level(reading: Reading) -> int:
    column = _column(reading.text)
    return sum(head < column for head in reading.heads)


def _column(text: bytes) -> int:
    """Where a line's first letter stands."""
    blanks = text[: len(text) - len(text.lstrip())]
    return len(blanks) + (_TAB - 1) * blanks.count(b"\t")
