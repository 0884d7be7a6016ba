"""Documents to token ids with an array for every axis: the last step before they are written.

Every stretch of text is encoded by itself, as prompts are at serving, and each of its tokens gets the
facts of the line that it begins on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

import numpy as np

from engine.training.data.documents import Document, Text, suffix_first
from engine.training.data.shards import Encoded
from engine.training.data.tokenizer import CodeTokenizer

BATCH = 64  # documents encoded together
MOST_LINE = 65_535
_NEWLINE = 10


def encoded(documents: Iterable[Document], tokenizer: CodeTokenizer) -> Iterator[Encoded]:
    """The documents in their order."""
    waiting = iter(documents)
    while batch := list(islice(waiting, BATCH)):
        if tokenizer.suffix_first:
            batch = [suffix_first(document) for document in batch]
        texts = [part for document in batch for part in document.parts if isinstance(part, Text)]
        ids = iter(tokenizer.encode([text.data.decode() for text in texts]))
        for document in batch:
            yield _joined(document, ids, tokenizer)


def _joined(document: Document, ids: Iterator[np.ndarray], tokenizer: CodeTokenizer) -> Encoded:
    columns: list[tuple[np.ndarray, ...]] = []
    answer = length = text_bytes = 0
    for number, part in enumerate(document.parts):
        answer = length if number == document.answer else answer
        if isinstance(part, Text):
            column = _of_text(part, next(ids), tokenizer.token_bytes)
            text_bytes += len(part.data)
        else:
            ids_of_part = tokenizer.marker_ids[part]
            zero = np.zeros(len(ids_of_part), dtype=np.uint8)
            column = (
                np.array(ids_of_part, dtype=np.uint16),
                zero,
                zero.astype(np.uint16),
                zero,
                zero,
            )
        columns.append(column)
        length += len(column[0])
    tokens, flags, line, age, level = (np.concatenate(axis) for axis in zip(*columns, strict=True))
    return Encoded(tokens, flags, line, age, level, document.kind, answer, text_bytes)


def _of_text(text: Text, ids: np.ndarray, token_bytes: np.ndarray) -> tuple[np.ndarray, ...]:
    lengths = token_bytes[ids].astype(np.int64)
    ages = np.full(len(ids), text.age, dtype=np.uint8)
    if text.ranks is None or text.levels is None:
        nothing = np.zeros(len(ids), dtype=np.uint8)
        return ids, nothing, nothing.astype(np.uint16), ages, nothing
    ends = np.flatnonzero(np.frombuffer(text.data, dtype=np.uint8) == _NEWLINE)
    lines = text.line + np.searchsorted(
        ends, np.cumsum(lengths) - lengths
    )  # line ends before a token's first byte
    lines = np.minimum(lines, len(text.ranks) - 1)
    return ids, text.ranks[lines], np.minimum(lines, MOST_LINE).astype(np.uint16), ages, text.levels[lines]
