"""Shards to batches: runs of tokens in an order that a seed and a number settle, so that training can go on.

A split is cut into runs of one length, at a place that changes from one pass over the data to the next; every
pass takes each run once. The same numbers give the same batch, whoever asks and however often. Runs go across
the borders of documents, and never across those of shards. Knows no model.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.errors import BackendError
from engine.training.data.shards import Shard, ShardsError, read_index, read_shards

BETWEEN = 10_007  # seeds of one recipe and those of the next one do not meet


@dataclass(frozen=True, slots=True)
class Batch:
    """``ids`` (N, L + 1): inputs and, one further, targets. Of inputs: ``flags`` (N, L), the pinned ranks,
    and ``positions`` (N, L, 3), which are line, age and level."""

    ids: Tensor
    flags: Tensor
    positions: Tensor

    def to(self, device: torch.device) -> Batch:
        """The same on a device."""
        return Batch(*(one.to(device, non_blocking=True) for one in (self.ids, self.flags, self.positions)))

    def part(self, start: int, end: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Inputs, targets, flags and positions of columns ``start`` to ``end``."""
        inputs, targets = self.ids[:, start:end], self.ids[:, start + 1 : end + 1]
        return inputs, targets, self.flags[:, start:end], self.positions[:, start:end]


class Windows:
    """The runs of one split. Raises BackendError where the folder is no training data."""

    def __init__(self, folder: Path, split: str) -> None:
        try:
            self._shards = list(read_shards(folder, split))
            self.index = read_index(folder)
        except ShardsError as error:
            raise BackendError(str(error)) from None
        self.tokens = sum(len(shard.ids) for shard in self._shards)
        self.token_bytes = torch.from_numpy(np.fromfile(folder / "token_bytes.bin", np.uint8)).long()
        self._order: tuple[tuple[int, ...], NDArray[np.int64], int] = ((), np.empty(0, np.int64), 0)

    def batch(self, first: int, count: int, length: int, seed: int, step: int = 1) -> Batch:
        """``count`` runs of ``length`` tokens: numbers ``first``, ``first + step``, ... without end."""
        return self._joined([self._place(first + n * step, length, seed) for n in range(count)], length)

    def spread(self, count: int, length: int) -> Batch:
        """At most ``count`` runs at even distances, the same ones always."""
        total = self._count(length, 0)
        numbers = np.linspace(0, total - 1, min(count, total)).astype(np.int64)
        return self._joined([self._located(int(number), length, 0) for number in numbers], length)

    def _place(self, number: int, length: int, seed: int) -> tuple[Shard, int]:
        """Where a run begins."""
        most = self._count(length, 0)
        again, within = divmod(number, max(1, most - len(self._shards)))
        key = (length, seed, again)
        if self._order[0] != key:
            random = np.random.default_rng((seed * BETWEEN, again, length))
            shift = int(random.integers(length))
            self._order = (key, random.permutation(self._count(length, shift)), shift)
        _, order, shift = self._order
        return self._located(int(order[within % len(order)]), length, shift)

    def _count(self, length: int, shift: int) -> int:
        found = sum(_runs(shard, length, shift) for shard in self._shards)
        if not found:
            raise BackendError(
                f"The training data has {self.tokens:,} tokens in all: too few for runs of {length:,}."
            )
        return found

    def _located(self, number: int, length: int, shift: int) -> tuple[Shard, int]:
        for shard in self._shards:
            if number < (count := _runs(shard, length, shift)):
                return shard, shift + number * length
            number -= count
        raise IndexError("there is no such run")

    def _joined(self, places: list[tuple[Shard, int]], length: int) -> Batch:
        def columns(name: str, more: int = 0) -> NDArray[np.int64]:
            parts = [getattr(shard, name)[at : at + length + more] for shard, at in places]
            return np.stack(parts).astype(np.int64)

        axes = np.stack([columns(name) for name in ("line", "age", "level")], -1)
        return Batch(
            torch.from_numpy(columns("ids", 1)), torch.from_numpy(columns("flags")), torch.from_numpy(axes)
        )


def _runs(shard: Shard, length: int, shift: int) -> int:
    """How many runs a shard holds, each with the token after it."""
    return max(0, (len(shard.ids) - 1 - shift) // length)
