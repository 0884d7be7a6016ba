"""Files that were held back from training to long texts of token ids, laid out as repositories are learned.

The files of a package follow each other in the order of their paths, each behind its path, as
`engine.training.data.documents` has them. The end of a text can be looked at with more or fewer tokens before
it: the package and the path of the file that goes on there come first. Knows no model but its tokenizer.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from engine.backend import MarkedTokenizer
from engine.training.data.tokenizer import FILE, REPOSITORY

MOST_SIGNS = 0.02  # of a file's letters beyond ASCII; with more it is a table of signs, as of emoji, not code


@dataclass(frozen=True, slots=True)
class LongText:
    """``ids`` are files of ``package``, whose name is ``head``. ``files``: where each begins, and the ids of
    its marker and path."""

    package: str
    head: tuple[int, ...]
    files: tuple[tuple[int, tuple[int, ...]], ...]
    ids: tuple[int, ...]

    def end(self, count: int, planted: Sequence[int] = ()) -> list[int]:
        """``count`` tokens: the package's name, files that are ``planted``, a path, and the end of the text,
        the beginning of which makes room for all that."""
        start = max(0, len(self.ids) - count)
        path = next(path for begin, path in reversed(self.files) if begin <= start)
        front = [*self.head, *planted, *path]
        return [*front, *self.ids[len(self.ids) - count + len(front) :]]


def long_texts(file: Path, tokenizer: MarkedTokenizer, tokens: int, count: int) -> list[LongText]:
    """At most ``count`` texts of ``tokens`` tokens, none of which shares a file with another one; packages
    take turns, those with most text first. ``file``: texts-valid.jsonl of training data."""
    packages: dict[str, list[tuple[str, str]]] = {}
    for line in file.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if sum(letter > "\x7f" for letter in row["text"]) <= MOST_SIGNS * len(row["text"]):
            packages.setdefault(row["package"], []).append((row["path"], row["text"]))
    by_size = sorted(packages, key=lambda name: -sum(len(text) for _, text in packages[name]))
    each = [_texts_of(name, sorted(packages[name]), tokenizer, tokens) for name in by_size]
    return [text for turn in zip_longest(*each) for text in turn if text is not None][:count]


def _texts_of(
    package: str, files: Sequence[tuple[str, str]], tokenizer: MarkedTokenizer, tokens: int
) -> list[LongText]:
    found: list[LongText] = []
    head = opening(tokenizer, REPOSITORY, package)
    places, ids = list[tuple[int, tuple[int, ...]]](), list[int]()
    for path, text in files:
        named = opening(tokenizer, FILE, path)
        places.append((len(ids), named))
        ids += (*named, *tokenizer.encode(text))
        if len(ids) >= tokens:
            found.append(LongText(package, head, tuple(places), tuple(ids[:tokens])))
            places, ids = [], []
    return found


def opening(tokenizer: MarkedTokenizer, marker: str, name: str) -> tuple[int, ...]:
    """What stands in front of a repository or a file."""
    return (*tokenizer.encode(marker, special=True), *tokenizer.encode(f"{name}\n"))
