"""Texts that were seen before, whole or nearly: copies that packages carry of each other, versions of a file.

A text counts as seen when most of its runs of three telling lines stood in earlier texts. Lines are
compared without their blanks; short ones tell nothing. Of the runs every fourth is kept, by its own
digest, so that equal runs are kept or left out together: some 60 MB of memory for 100 MB of text.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import NamedTuple

RUN = 3  # lines
KEPT_RUNS = 4  # one in so many
LEAST_LETTERS = 8  # of a line that tells something
MOST_SEEN = 0.6  # of a text's runs: from here on it is a copy


class _Runs(NamedTuple):
    whole: int
    runs: frozenset[int]


class Duplicates:
    """Remembers the texts that were kept, in order."""

    def __init__(self) -> None:
        self._whole: set[int] = set()
        self._runs: set[int] = set()

    def reason_against(self, text: str) -> str:
        """ "duplicate" or "near duplicate" for what was seen; else "", and the text is remembered."""
        found = _runs_of(text)
        if found.whole in self._whole:
            return "duplicate"
        if found.runs and len(found.runs & self._runs) > MOST_SEEN * len(found.runs):
            return "near duplicate"
        self._whole.add(found.whole)
        self._runs |= found.runs
        return ""


def _runs_of(text: str) -> _Runs:
    lines = [flat for line in text.splitlines() if len(flat := "".join(line.split())) >= LEAST_LETTERS]
    windows = zip(*(lines[start:] for start in range(RUN)), strict=False)
    runs = frozenset(_digest("\n".join(window)) for window in windows)
    return _Runs(_digest("\n".join(lines)), frozenset(run for run in runs if run % KEPT_RUNS == 0))


def _digest(text: str) -> int:
    return int.from_bytes(blake2b(text.encode("utf-8", "replace"), digest_size=8).digest(), "little")
