"""Attention for a few tokens on a GPU, over buffers that stay where they are: what a CUDA graph can repeat.

The fast version of ``spans`` for decoding and verifying.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from engine.loop.cache import LoopCache, PagedSequence, pages_for
from engine.loop.kernels.paged_attention import SPLITS, PagedRows, paged_attention
from engine.loop.model import Operations
from engine.loop.pages import PAGE
from engine.loop.shapes import Gates
from engine.loop.spans import Span


class PagedAttention:
    """See ``model.Attention``; ``groups`` sequences, ``rows`` tokens of each.

    ``fill`` says which; a step that is shorter is filled up with repetitions whose results are of no use.
    """

    def __init__(
        self,
        cache: LoopCache,
        operations: Operations,
        rotary: tuple[Tensor, Tensor],
        *,
        groups: int,
        rows: int,
        tokens: int,
        splits: int = SPLITS,
    ) -> None:
        self._cache, self._operations, self._rotary, self._splits = cache, operations, rotary, splits
        self.groups, self.rows = groups, rows
        count = groups * rows
        far, near = pages_for(tokens), pages_for(max(1, cache.config.window) + rows) + 1
        self._host = torch.zeros(4 * count + groups * (far + near), dtype=torch.int32)
        if cache.device.type == "cuda":
            self._host = self._host.pin_memory()
        self._there = self._host.to(cache.device)
        sizes = [count] * 4 + [groups * far, groups * near]
        self.tokens, positions, self._cells, self._near_cells, table, near_table = self._there.split(sizes)
        views = self._host.split(sizes)
        self._views = (*views[:4], views[4].view(groups, far), views[5].view(groups, near))
        self._paged = PagedRows(
            positions,
            table.view(groups, far),
            near_table.view(groups, near),
            groups,
            rows,
            cache.config.window,
        )

        self.fill([], [])

    def fill(self, spans: Sequence[Span], tokens: Sequence[int]) -> None:
        """Set what the next step is about: at most ``groups`` spans of at most ``rows`` tokens each.

        Their tokens follow each other in ``tokens``. Room for them has been reserved.
        """
        ids, positions, cells, near_cells, table, near_table = self._views
        cells.fill_(self._cache.pool.scratch)
        if self._cache.local_pool is not None:
            near_cells.fill_(self._cache.local_pool.scratch)
        done = 0
        for group in range(self.groups):
            if group >= len(spans):
                at = slice(group * self.rows, (group + 1) * self.rows)
                ids[at], positions[at] = 0, 0
                continue
            span = spans[group]
            held = self._cache.sequences[span.sequence]
            for row in range(self.rows):
                at, nth = group * self.rows + row, min(row, span.count - 1)
                ids[at], positions[at] = tokens[done + nth], span.start + nth
                if row < span.count:
                    self._place(held, span.start + row, at)
            done += span.count
            end = pages_for(span.start + span.count)
            table[group, :end] = torch.tensor(held.pages[:end], dtype=torch.int32)
            if self._cache.local_pool is not None:
                seen = held.local[self._cache.local_span(span.start) // PAGE : end]
                if None in seen:
                    raise LookupError("a window that is looked at was let go")
                near_table[group, : len(seen)] = torch.tensor(seen, dtype=torch.int32)
        self._there.copy_(self._host, non_blocking=True)

    def __call__(self, loop: int, layer: int, qkv: Tensor, gates: Gates | None) -> Tensor:
        """See ``model.Attention``."""
        cache = self._cache
        far = (cache.pool.keys[layer], cache.pool.values[layer])
        near, to, cells = None, far, self._cells
        if loop:
            local = (loop - 1) * cache.config.layers + layer
            near = to = (cache.near.keys[local], cache.near.values[local])
            cells = self._near_cells
        queries = self._operations.rotate_and_store(qkv, self._rotary, self._paged.positions, cells, to)
        return paged_attention(queries, far, near, gates, self._paged, splits=self._splits)

    def _place(self, held: PagedSequence, position: int, at: int) -> None:
        _, _, cells, near_cells, _, _ = self._views
        index, slot = divmod(position, PAGE)
        cells[at] = held.pages[index] * PAGE + slot
        if self._cache.local_pool is not None:
            if (local := held.local[index]) is None:
                raise LookupError("no room was reserved")
            near_cells[at] = local * PAGE + slot
