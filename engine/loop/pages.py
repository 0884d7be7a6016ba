"""Keys and values in pages of ``PAGE`` tokens, each page counted by those who refer to it.

A pool knows pages, not sequences: what a page is for, and for how long, ``cache`` decides. Shared pages are
what makes a fork cost nothing.
"""

from __future__ import annotations

import heapq

import torch

from engine.errors import ContextFull

PAGE = 64  # tokens; a window of 64 begins at most one page before the page it ends in


class PagePool:
    """``pages`` pages for a stack of ``layers``: ``keys`` and ``values`` (layers, cells, K, D).

    The cell ``scratch`` is behind the last page: what is written there nobody reads.
    """

    def __init__(
        self,
        layers: int,
        pages: int,
        kv_heads: int,
        head_dim: int,
        *,
        dtype: torch.dtype,
        device: torch.device,
    ) -> None:
        self.scratch = pages * PAGE
        shape = (layers, self.scratch + 1, kv_heads, head_dim)
        self.keys = torch.empty(shape, dtype=dtype, device=device)
        self.values = torch.empty(shape, dtype=dtype, device=device)
        self._free = list(
            range(pages)
        )  # a heap: the lowest first, so that neighbours are neighbours in memory
        self._references = [0] * pages

    @staticmethod
    def page_bytes(layers: int, kv_heads: int, head_dim: int, dtype: torch.dtype) -> int:
        """What one page takes."""
        return 2 * layers * PAGE * kv_heads * head_dim * dtype.itemsize

    @property
    def free(self) -> int:
        """Pages that nobody refers to."""
        return len(self._free)

    def take(self) -> int:
        """A page of one's own. Raises ContextFull."""
        if not self._free:
            raise ContextFull(
                f"all {len(self._references) * PAGE} tokens of the model's cache are in use; raise the "
                "setting engine.contextTokens"
            )
        page = heapq.heappop(self._free)
        self._references[page] = 1
        return page

    def share(self, page: int) -> int:
        """Refer to a page once more."""
        self._references[page] += 1
        return page

    def drop(self, page: int) -> None:
        """Refer to it no more."""
        self._references[page] -= 1
        if not self._references[page]:
            heapq.heappush(self._free, page)

    def own(self, page: int, used: int) -> int:
        """The page itself where nobody else refers to it; else a copy of its first ``used`` tokens."""
        if self._references[page] == 1:
            return page
        copy = self.take()
        for cells in (self.keys, self.values):
            cells[:, copy * PAGE : copy * PAGE + used] = cells[:, page * PAGE : page * PAGE + used]
        self.drop(page)
        return copy
