"""What sequences hold: loop 0's keys and values of every token, and the later loops' of those near the end.

The later loops look back one window, so most of what they computed is let go. It cannot be computed again
from the last tokens alone (each layer reaches one window further back), so a window is kept before every
``STRIDE`` tokens and for the last ``SLACK``: a sequence can be cut back exactly to these places and no
others (``restorable``). Knows pages and lengths; nothing of attention or of what a token is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch

from engine.errors import ContextFull
from engine.loop.config import LoopConfig
from engine.loop.pages import PAGE, PagePool

STRIDE = 1024  # tokens between the windows that are kept: 6% more memory than loop 0's keys and values
SLACK = 1024  # tokens at the end that can be cut off one by one: an editor's suffix and some answers


@dataclass(slots=True)
class PagedSequence:
    """Page i holds tokens i * PAGE and on. ``local`` pages are the later loops'; None where let go."""

    length: int = 0
    pages: list[int] = field(default_factory=list)
    local: list[int | None] = field(default_factory=list)


class LoopCache:
    """``sequences`` sequences that share room for ``tokens`` tokens, and at least for one such sequence.

    ``chunk`` is the most tokens that are added at once.
    """

    def __init__(
        self,
        config: LoopConfig,
        *,
        tokens: int,
        sequences: int,
        chunk: int,
        dtype: torch.dtype,
        device: torch.device,
    ) -> None:
        self.config = config
        self.sequences = [PagedSequence() for _ in range(sequences)]
        form = (config.kv_heads, config.head_dim)
        count = pages_for(tokens) + sequences  # each may end inside a page
        self.pool = PagePool(config.layers, count, *form, dtype=dtype, device=device)
        self.local_pool: PagePool | None = None
        if config.loops > 1:
            layers = (config.loops - 1) * config.layers
            count = local_pages(config, tokens=tokens, sequences=sequences, chunk=chunk)
            self.local_pool = PagePool(layers, count, *form, dtype=dtype, device=device)

    def reserve(self, sequence: int, count: int) -> None:
        """Have room for ``count`` more tokens, in pages that nobody else reads.

        Raises ContextFull; the sequence is then as before.
        """
        held = self.sequences[sequence]
        try:
            self._grow(self.pool, held.pages, held.length, count)
            if self.local_pool is not None:
                self._grow(self.local_pool, held.local, held.length, count)
        except ContextFull:
            self._trim(held)
            raise

    def commit(self, sequence: int, count: int) -> None:
        """``count`` tokens were written behind the end: they belong to the sequence now."""
        held = self.sequences[sequence]
        held.length += count
        if self.local_pool is None:
            return
        for index in range(len(held.local) - 1, -1, -1):
            page = held.local[index]
            if index >= (held.length - SLACK - self._reach) // PAGE or self._is_kept(index):
                continue
            if page is None:
                break  # all before it were looked at when it was let go
            self.local_pool.drop(page)
            held.local[index] = None

    def restorable(self, sequence: int, length: int) -> int:
        """The longest beginning, of at most ``length`` tokens, that can be cut back to exactly.

        Any thread may ask: it looks at a copy of what the owner's thread may be changing.
        """
        held = self.sequences[sequence]
        length = min(length, held.length)
        if self.local_pool is None:
            return length
        local = held.local.copy()
        length = min(length, len(local) * PAGE)
        while not self._has_window(local, length):
            length = (length - 1) // STRIDE * STRIDE
        return length

    def rewind(self, sequence: int, length: int) -> bool:
        """Keep the first ``length`` tokens; False, and nothing is changed, where that cannot be exact."""
        held = self.sequences[sequence]
        if self.restorable(sequence, length) != min(length, held.length):
            return False
        held.length = min(length, held.length)
        self._trim(held)
        return True

    def fork(self, source: int, target: int, length: int) -> None:
        """Let ``target`` hold the first ``length`` tokens of ``source``; pages are shared, not copied.

        ``length`` has to be ``restorable``.
        """
        there = self.sequences[source]
        self.rewind(target, 0)
        copy = PagedSequence(
            length,
            [self.pool.share(page) for page in there.pages[: pages_for(length)]],
            [self._share_local(page) for page in there.local[: pages_for(length)]],
        )
        self.sequences[target] = copy

    def restore(self, sequence: int, length: int, kept: Sequence[int]) -> None:
        """Have room for ``length`` tokens that are written from elsewhere, of the later loops for the pages
        ``kept`` alone. Raises ContextFull, and the sequence is then empty."""
        self.rewind(sequence, 0)
        held, wanted = self.sequences[sequence], set(kept)
        try:
            for index in range(pages_for(length)):
                held.pages.append(self.pool.take())
                if self.local_pool is not None:
                    held.local.append(self.local_pool.take() if index in wanted else None)
        except ContextFull:
            self._trim(held)
            raise
        held.length = length

    def local_span(self, first: int) -> int:
        """The first token that token ``first`` looks at in the later loops."""
        return max(0, first - self._reach)

    @property
    def near(self) -> PagePool:
        """The later loops' pages. Raises LookupError for a model of one loop."""
        if self.local_pool is None:
            raise LookupError("a model of one loop has no later loops")
        return self.local_pool

    @property
    def device(self) -> torch.device:
        """Where keys and values are."""
        return self.pool.keys.device

    @property
    def _reach(self) -> int:
        """How many tokens before itself a token sees in the later loops."""
        return max(0, self.config.window - 1)

    def _share_local(self, page: int | None) -> int | None:
        return None if page is None or self.local_pool is None else self.local_pool.share(page)

    def _has_window(self, local: Sequence[int | None], length: int) -> bool:
        """Whether all that the token at ``length`` would look at in the later loops is there."""
        first, last = self.local_span(length) // PAGE, (length - 1) // PAGE
        return all(local[index] is not None for index in range(first, last + 1))

    def _is_kept(self, index: int) -> bool:
        """Whether a local page belongs to a window that is kept for cutting back to a multiple of STRIDE."""
        following = (
            ((index + 1) * PAGE + STRIDE - 1) // STRIDE * STRIDE
        )  # the next such place behind the page
        return index >= self.local_span(following) // PAGE

    @staticmethod
    def _grow(pool: PagePool, pages: list[int] | list[int | None], length: int, count: int) -> None:
        if length % PAGE and (last := pages[length // PAGE]) is not None:
            pages[length // PAGE] = pool.own(last, length % PAGE)
        while len(pages) * PAGE < length + count:
            pages.append(pool.take())

    def _trim(self, held: PagedSequence) -> None:
        """Let pages go that hold nothing of the sequence."""
        keep = pages_for(held.length)
        for page in held.pages[keep:]:
            self.pool.drop(page)
        del held.pages[keep:]
        for local in held.local[keep:]:
            if local is not None and self.local_pool is not None:
                self.local_pool.drop(local)
        del held.local[keep:]


def pages_for(tokens: int) -> int:
    """Pages that so many tokens take."""
    return -(-tokens // PAGE)


def local_pages(config: LoopConfig, *, tokens: int, sequences: int, chunk: int) -> int:
    """Pages of the later loops that are enough for every sequence's end, and a window every STRIDE tokens."""
    window = pages_for(max(1, config.window - 1))  # before a place that is the beginning of a page
    ends = pages_for(SLACK) + pages_for(chunk) + window + 3
    return sequences * (ends + 1) + (tokens // STRIDE + sequences) * window
