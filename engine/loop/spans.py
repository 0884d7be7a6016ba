"""Attention for stretches of consecutive tokens, each of one sequence: prefill, verifying, decoding.

The readable version for any device and dtype: each stretch's keys and values are brought together and given
to torch's attention. ``paged`` is the faster one for a few tokens on a GPU.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from torch import Tensor

from engine.loop.cache import LoopCache
from engine.loop.flash import flash_attention, suits_flash
from engine.loop.model import Operations
from engine.loop.pages import PAGE, PagePool
from engine.loop.shapes import Gates


@dataclass(frozen=True, slots=True)
class Span:
    """``count`` tokens that come behind the first ``start`` ones of ``sequence``."""

    sequence: int
    start: int
    count: int


class SpanAttention:
    """See ``model.Attention``; room for the spans' tokens has been reserved in ``cache``."""

    def __init__(
        self, cache: LoopCache, operations: Operations, rotary: tuple[Tensor, Tensor], spans: Sequence[Span]
    ) -> None:
        self._cache, self._operations, self._rotary = cache, operations, rotary
        self._stretches = [_Stretch(cache, span) for span in spans]
        positions = [p for span in spans for p in range(span.start, span.start + span.count)]
        self._positions = torch.tensor(positions, device=cache.device)

    def __call__(self, loop: int, layer: int, qkv: Tensor, gates: Gates | None) -> Tensor:
        """See ``model.Attention``."""
        cache, config = self._cache, self._cache.config
        if loop == 0:
            queries = self._written(qkv, cache.pool, layer, self._whole_cells)
            return self._joined(queries, lambda one, q: one.whole.attend(cache.pool, layer, q)).flatten(1)
        pool, local = cache.near, (loop - 1) * config.layers + layer
        queries = self._written(qkv, pool, local, self._near_cells)
        far = self._joined(queries, lambda one, q: one.whole.attend(cache.pool, layer, q))
        near = self._joined(queries, lambda one, q: one.near.attend(pool, local, q))
        return mixed(queries, far, near, gates).flatten(1)

    def _written(self, qkv: Tensor, pool: PagePool, layer: int, cells: Tensor) -> Tensor:
        """The queries (N, H, D); keys and values are stored in ``cells``."""
        to = (pool.keys[layer], pool.values[layer])
        return self._operations.rotate_and_store(qkv, self._rotary, self._positions, cells, to)

    def _joined(self, queries: Tensor, attend: Callable[[_Stretch, Tensor], Tensor]) -> Tensor:
        """Each stretch's own attention (n, H, D), one after another."""
        if len(self._stretches) == 1:
            return attend(self._stretches[0], queries)
        parts = queries.split([one.span.count for one in self._stretches])
        return torch.cat([attend(one, q) for one, q in zip(self._stretches, parts, strict=True)])

    @cached_property
    def _whole_cells(self) -> Tensor:
        return torch.cat([one.whole.written for one in self._stretches])

    @cached_property
    def _near_cells(self) -> Tensor:
        return torch.cat([one.near.written for one in self._stretches])


def mixed(queries: Tensor, far: Tensor, near: Tensor, gates: Gates | None) -> Tensor:
    """Both attentions' results, each head's by its own gate; all (N, H, D)."""
    if gates is None:
        raise LookupError("a later loop has no gates")
    share = torch.sigmoid((queries * gates.weight).sum(-1) + gates.bias)[..., None]  # (N, H, 1)
    return share * far + (1 - share) * near


class _Stretch:
    """A span, and where what it looks at lies."""

    def __init__(self, cache: LoopCache, span: Span) -> None:
        self.span = span
        held, near = cache.sequences[span.sequence], cache.local_span(span.start)
        self.whole = _View(held.pages, 0, span, 0, cache.device)
        self.near = _View(held.local, near, span, cache.config.window, cache.device)


class _View:
    """Tokens ``first`` and on of a sequence, as its last ``span.count`` ones see them."""

    def __init__(
        self, pages: Sequence[int | None], first: int, span: Span, window: int, device: torch.device
    ) -> None:
        self._pages, self._first, self._span, self._window = pages, first, span, window
        self._device = device

    def attend(self, pool: PagePool, layer: int, queries: Tensor) -> Tensor:
        """(n, H, D) -> (n, H, D)."""
        keys, values = pool.keys[layer, self._seen], pool.values[layer, self._seen]  # (T, K, D)
        if suits_flash(queries):
            return flash_attention(queries, keys, values, window=self._window)
        q, k, v = (x.transpose(0, 1)[None] for x in (queries, keys, values))
        grouped = q.shape[1] != k.shape[1]
        found = F.scaled_dot_product_attention(q, k, v, attn_mask=self._mask, enable_gqa=grouped)
        return found[0].transpose(0, 1)

    @cached_property
    def written(self) -> Tensor:
        """Where the span's own tokens lie."""
        return self._cells(self._span.start)

    @cached_property
    def _seen(self) -> Tensor | slice:
        """Where all tokens lie that are seen; a slice, which needs no copy, where that is in a row."""
        pages, end = self._held(self._first), self._span.start + self._span.count
        if any(b != a + 1 for a, b in itertools.pairwise(pages)):
            return self._cells(self._first)
        at = pages[0] * PAGE + self._first % PAGE
        return slice(at, at + end - self._first)

    def _cells(self, first: int) -> Tensor:
        end = self._span.start + self._span.count
        cells = (torch.tensor(self._held(first))[:, None] * PAGE + torch.arange(PAGE)).flatten()
        return cells[first % PAGE : first % PAGE + end - first].to(self._device)

    def _held(self, first: int) -> list[int]:
        """The pages from token ``first`` on."""
        end = self._span.start + self._span.count
        pages = self._pages[first // PAGE : (end - 1) // PAGE + 1]
        held = [page for page in pages if page is not None]
        if len(held) < len(pages):
            raise LookupError("a window that is looked at was let go")
        return held

    @cached_property
    def _mask(self) -> Tensor | None:
        """Which keys (T) each of the n tokens sees; None for one that sees all there are."""
        start, count = self._span.start, self._span.count
        if count == 1 and not self._window:
            return None
        tokens = torch.arange(start, start + count, device=self._device)[:, None]
        keys = torch.arange(self._first, start + count, device=self._device)
        return (keys <= tokens) & (keys > tokens - self._window if self._window else keys >= 0)
