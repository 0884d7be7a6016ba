"""Shards: documents as flat arrays of token ids, with as long arrays of what is known of every token.

A folder of training data holds, for each shard NAME ("train-00000"), raw arrays in little-endian order:

=================== ======= ==========================================================================
``NAME.bin``        uint16  token ids, document after document; each ends in its own end token
``NAME.flags.bin``  uint8   pinned rank: 0 none, 1 import, 2 top-level constant, 3 signature of a function,
                            4 head of a class (the higher, the later it may be evicted)
``NAME.line.bin``   uint16  offset in the file: zero-based line, at most 65535; 0 outside of files
``NAME.age.bin``    uint8   age of the commit the text comes from: round(16 * log2(1 + days)); 0 the present
``NAME.level.bin``  uint8   how many functions and classes stand around the line
=================== ======= ==========================================================================

and beside them ``tokenizer.json``, ``tokenizer_config.json``, ``token_bytes.bin`` (uint8: how many bytes of
text each id of the vocabulary stands for, 0 for markers: losses per byte divide by their sum),
``pairs-train.jsonl`` and ``pairs-valid.jsonl`` (see ``counterfactual``), ``texts-valid.jsonl`` (held-back
files as they are: package, path, text), and ``index.json``, written last:

- ``format``: "codeflow-shards/1"; ``vocabulary_size``; ``special_tokens``: ids by marker; ``end_token``:
  the id of ``<|endoftext|>``, which is also the padding; ``recipe``: how it was built; ``kinds``: names
- ``splits``: "train" and "valid", each ``{"tokens", "bytes", "documents", "shards"}``; a shard is
  ``{"name", "tokens", "bytes", "starts", "answers", "kinds"}``, the last three a number per document: its
  first token; the first token of its answer (what stands behind ``<|fim_middle|>`` or the assistant's head;
  equal to its start where the document is text all through), which is where a loss on answers alone begins;
  and an index into ``kinds``. A document ends where the next one starts.
- ``sources``: name, version, licence and where that is said, files and bytes kept, what was dropped and why;
  ``dropped``: the same in all.

Knows no tokenizer and no model. Reading needs numpy alone, and maps the arrays rather than loading them.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

FORMAT = "codeflow-shards/1"
AXES = {"": "<u2", ".flags": "|u1", ".line": "<u2", ".age": "|u1", ".level": "|u1"}  # by suffix: numpy's type
AGE_STEPS = 16  # a doubling of an age is so many steps
SHARD_TOKENS = 16 << 20  # 112 MB with all axes
KINDS = (
    "file", "repository", "character", "line", "expression", "statement", "function", "hunk",
    "edit", "next_edit", "judgement",
)  # fmt: skip


class ShardsError(Exception):
    """A folder that is no training data; the message is a sentence for the user."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """One document: ids and, of the same length, the axes in the order of ``AXES``. ``answer``: see above;
    ``text_bytes``: how many bytes of text its tokens stand for."""

    ids: np.ndarray
    flags: np.ndarray
    line: np.ndarray
    age: np.ndarray
    level: np.ndarray
    kind: str
    answer: int
    text_bytes: int


@dataclass(slots=True)
class _Shard:
    name: str
    tokens: int = 0
    bytes: int = 0
    starts: list[int] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    kinds: list[int] = field(default_factory=list)

    def entry(self) -> dict[str, Any]:
        return {
            "name": self.name, "tokens": self.tokens, "bytes": self.bytes,
            "starts": self.starts, "answers": self.answers, "kinds": self.kinds,
        }  # fmt: skip


class SplitWriter:
    """Writes the shards of one split; ``close`` gives its entry of index.json."""

    def __init__(self, folder: Path, split: str, shard_tokens: int = SHARD_TOKENS) -> None:
        self._folder, self._split, self._most = folder, split, shard_tokens
        self._shards: list[_Shard] = []
        self._files: list[Any] = []

    def add(self, document: Encoded) -> None:
        """Append a document; a shard that is full is followed by the next, no document is cut."""
        if not self._shards or self._shards[-1].tokens >= self._most:
            self._next_shard()
        shard, arrays = self._shards[-1], _axes_of(document)
        for file, values, kind in zip(self._files, arrays, AXES.values(), strict=True):
            file.write(values.astype(kind).tobytes())
        shard.starts.append(shard.tokens)
        shard.answers.append(shard.tokens + document.answer)
        shard.kinds.append(KINDS.index(document.kind))
        shard.tokens += len(document.ids)
        shard.bytes += document.text_bytes

    def close(self) -> dict[str, Any]:
        """Finish the last shard."""
        for file in self._files:
            file.close()
        self._files = []
        return {
            "tokens": sum(shard.tokens for shard in self._shards),
            "bytes": sum(shard.bytes for shard in self._shards),
            "documents": sum(len(shard.starts) for shard in self._shards),
            "shards": [shard.entry() for shard in self._shards],
        }

    def _next_shard(self) -> None:
        self.close()
        name = f"{self._split}-{len(self._shards):05}"
        self._shards.append(_Shard(name))
        self._files = [(self._folder / f"{name}{axis}.bin").open("wb") for axis in AXES]


@dataclass(frozen=True, slots=True)
class Shard:
    """One shard as it is read: arrays mapped from their files, and an entry a document."""

    ids: np.ndarray
    flags: np.ndarray
    line: np.ndarray
    age: np.ndarray
    level: np.ndarray
    starts: array[int]
    answers: array[int]
    kinds: tuple[str, ...]

    def documents(self) -> Iterator[tuple[int, int, int]]:
        """Start, start of the answer and end of each document."""
        ends = [*self.starts[1:], len(self.ids)]
        yield from zip(self.starts, self.answers, ends, strict=True)


def read_index(folder: Path) -> dict[str, Any]:
    """index.json. Raises ShardsError."""
    file = folder / "index.json"
    try:
        index = json.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        raise ShardsError(
            f"{folder} has no index.json: it is no training data, or was not finished."
        ) from None
    except (OSError, ValueError) as error:
        raise ShardsError(f"{file} cannot be read: {error}.") from None
    if not isinstance(index, dict) or index.get("format") != FORMAT:
        raise ShardsError(f"{file} is not of the format {FORMAT}; build the data again.")
    return index


def read_shards(folder: Path, split: str) -> Iterator[Shard]:
    """The shards of a split, in order. Raises ShardsError, as soon as asked where the split is missing."""
    import numpy as np

    index = read_index(folder)
    if split not in index["splits"]:
        raise ShardsError(f"{folder} has no split {split!r}; it has {', '.join(index['splits'])}.")
    for entry in index["splits"][split]["shards"]:
        arrays: list[np.ndarray] = []
        for axis, kind in AXES.items():
            file = folder / f"{entry['name']}{axis}.bin"
            if not file.is_file() or file.stat().st_size != entry["tokens"] * np.dtype(kind).itemsize:
                raise ShardsError(
                    f"{file} is missing or not as long as index.json says; build the data again."
                )
            arrays.append(np.memmap(file, dtype=kind, mode="r"))
        kinds = tuple(index["kinds"][kind] for kind in entry["kinds"])
        ids, flags, line, age, level = arrays
        starts, answers = array("q", entry["starts"]), array("q", entry["answers"])
        yield Shard(ids, flags, line, age, level, starts, answers, kinds)


def write_index(
    folder: Path, vocabulary_size: int, special: dict[str, int], splits: dict[str, Any], **more: Any
) -> None:
    """Write index.json whole, which says that everything else is there."""
    value = {
        "format": FORMAT, "vocabulary_size": vocabulary_size, "special_tokens": special,
        "end_token": special["<|endoftext|>"], "kinds": KINDS, **more, "splits": splits,
    }  # fmt: skip
    part = folder / "index.json.part"
    part.write_text(json.dumps(value, separators=(",", ":")) + "\n", encoding="utf-8")
    part.replace(folder / "index.json")


def age_of(days: float) -> int:
    """An age as the axis has it, from 0 to 255."""
    from math import log2

    return min(255, round(AGE_STEPS * log2(1 + max(days, 0.0))))


def _axes_of(document: Encoded) -> Sequence[np.ndarray]:
    return document.ids, document.flags, document.line, document.age, document.level
