"""No text of the evaluation files in the training data: a check by runs of 50 letters.

Texts are compared byte by byte, in lower case, without blanks, imports and lines of comments: those two are
what unrelated projects share. A run of at least 53 letters of the rest that a training text has in common
with an evaluation file is found for certain. Runs that many packages have say nothing of an evaluation: see
``common_runs``. Where the folder that is named holds no file that can be read, that is an error: a check that
finds nothing because it looked at nothing would be worse than none.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

WINDOW = 50  # letters compared
STRIDE = 4  # one of so many of the evaluation's windows is kept: WINDOW + STRIDE - 1 letters never escape
LEAST_KINDS = 12  # different letters in a window: rulers, zeros and the like say nothing
MOST_PACKAGES = 8  # packages that share a run with the evaluation before it counts as common to everybody
LEAST_TEXT = 40  # letters of a string in a row: shorter ones are names and numbers
_SAYS_NOTHING = re.compile(
    r"^[ \t]*(?:from[ \t]+\S+[ \t]+import[ \t]*\([^)]*\)|import[ \t]*(?:type[ \t]*)?\{[^}]*\}[^\n]*"
    r"|(?:from[ \t]+\S+[ \t]+import|import)\b[^\n]*|(?:#|//|\*|/\*)[^\n]*)",
    re.MULTILINE,
)
_FILES = ("*.jsonl.gz", "*.jsonl", "*.json", "*.parquet")
_BITS = 26  # of the first, coarse look: 8 MB


class EvaluationError(Exception):
    """The evaluation files cannot be compared with; the message is a sentence for the user."""


class Evaluation:
    """The runs of all strings in the evaluation files of some folders."""

    def __init__(self, folders: list[Path]) -> None:
        self.files: list[str] = []
        found: list[np.ndarray] = []
        for folder in folders:
            files = sorted({file for pattern in _FILES for file in folder.glob(pattern)})
            if not files:
                raise EvaluationError(
                    f"{folder} has no evaluation file ({', '.join(_FILES)}), so nothing can be compared with."
                )
            for file in files:
                texts = [text for row in _rows(file) for text in _strings(row)]
                if not texts:
                    raise EvaluationError(f"{file} holds no text to compare with.")
                self.files.append(file.name)
                found += [_hashes(_letters(text))[0][::STRIDE] for text in texts]
        self._runs = np.unique(np.concatenate(found)) if found else np.empty(0, dtype=np.uint64)
        self._coarse = np.zeros(1 << _BITS, dtype=bool)
        self._coarse[_coarse(self._runs)] = True

    def __len__(self) -> int:
        """How many runs."""
        return len(self._runs)

    def shared(self, text: str) -> frozenset[int]:
        """The runs that a text has in common with the evaluation files, as numbers."""
        if not len(self._runs):
            return frozenset()
        hashes, letters = _hashes(_letters(text))
        places = np.flatnonzero(self._coarse[_coarse(hashes)])
        at = np.searchsorted(self._runs, hashes[places]).clip(max=len(self._runs) - 1)
        places = places[self._runs[at] == hashes[places]]
        return frozenset(
            int(hashes[place])
            for place in places
            if len(np.unique(letters[place : place + WINDOW])) >= LEAST_KINDS
        )


def common_runs(packages_of_run: dict[int, set[str]]) -> frozenset[int]:
    """Of the runs that training texts share with the evaluation, those that everybody has."""
    return frozenset(run for run, packages in packages_of_run.items() if len(packages) > MOST_PACKAGES)


def _letters(text: str) -> np.ndarray:
    flat = "".join(_SAYS_NOTHING.sub("", text).lower().split()).encode("utf-8", "replace")
    return np.frombuffer(flat, dtype=np.uint8)


def _hashes(letters: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A number for every window (a polynomial modulo 2**64 of numbers drawn for bytes), and the letters."""
    if len(letters) < WINDOW:
        return np.empty(0, dtype=np.uint64), letters
    powers, inverses = (table[: len(letters)] for table in _powers(1 << max(16, len(letters).bit_length())))
    sums = np.concatenate(
        (np.zeros(1, dtype=np.uint64), np.cumsum(_DRAWN[letters] * powers, dtype=np.uint64))
    )
    windows = (sums[WINDOW:] - sums[:-WINDOW]) * inverses[: len(letters) - WINDOW + 1]
    windows ^= windows >> np.uint64(29)  # the low bits of a product know only low bits
    return windows * _MULTIPLIER, letters


_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
_BASE = 0xD1342543DE82EF95
_DRAWN = np.random.default_rng(20).integers(0, 1 << 63, 256, dtype=np.uint64)


@lru_cache(maxsize=8)
def _powers(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Powers of an odd number, and of its inverse modulo 2**64."""
    found = []
    for factor in (_BASE, pow(_BASE, -1, 1 << 64)):
        factors = np.full(count, factor, dtype=np.uint64)
        factors[0] = 1
        found.append(np.cumprod(factors, dtype=np.uint64))
    return found[0], found[1]


def _coarse(hashes: np.ndarray) -> np.ndarray:
    return (hashes >> np.uint64(64 - _BITS)).astype(np.int64)


def _rows(file: Path) -> Iterator[Any]:
    try:
        if file.suffix == ".parquet":
            raise EvaluationError(f"{file} is Parquet; write its rows as JSON lines to have them compared.")
        with (
            gzip.open(file, "rt", encoding="utf-8")
            if file.suffix == ".gz"
            else file.open(encoding="utf-8") as lines
        ):
            if file.suffix == ".json":
                yield json.load(lines)
                return
            for line in lines:
                if line.strip():
                    yield json.loads(line)
    except (OSError, ValueError, EOFError) as error:
        raise EvaluationError(f"{file} cannot be read: {error}.") from error


def _strings(value: Any) -> Iterator[str]:
    """Every text of a row, however deep."""
    if isinstance(value, str):
        if len(value) >= LEAST_TEXT:
            yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from _strings(one)
    elif isinstance(value, list):
        if value and all(isinstance(one, str) for one in value):  # a text as its lines
            value = ["\n".join(value)]
        for one in value:
            yield from _strings(one)
