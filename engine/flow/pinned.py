"""Which older tokens are kept exactly: those that the text's outline ranks, as many as there is room for.

When a window is finished its ranked tokens come in beside those of earlier ones; over the budget the lowest
rank goes first, then the oldest. Knows ranks and places in the text; nothing of keys and values.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from engine.flow.masks import Mask

_ABOVE = 1 << 40  # more than any place: a rank counts before it


@dataclass(frozen=True, slots=True)
class Part:
    """Tokens ``start`` to ``end`` of a pool, and which queries see them; None: all do."""

    start: int
    end: int
    mask: Mask | None


@dataclass(frozen=True, slots=True)
class Pool:
    """Pinned tokens: ``ranks`` (B, n), 0 where a row has fewer, and ``places`` (B, n) in the text."""

    ranks: Tensor
    places: Tensor

    @staticmethod
    def empty(batch: int, device: torch.device) -> Pool:
        """None at all."""
        return Pool(*(torch.zeros(batch, 0, dtype=torch.int64, device=device) for _ in range(2)))

    def after(self, ranks: Tensor, first: int, most: int) -> tuple[Pool, Tensor]:
        """The pool once the window (B, W) of ``ranks`` that begins at token ``first`` is finished.

        Also where its tokens (B, n) lie among the earlier pool's, with the window's behind them.
        """
        places = torch.arange(first, first + ranks.shape[1], device=ranks.device).expand_as(ranks)
        ranks, places = torch.cat((self.ranks, ranks), 1), torch.cat((self.places, places), 1)
        count = min(most, int((ranks > 0).sum(1).max()))
        order = torch.where(ranks > 0, ranks * _ABOVE + places, -1)
        picks = order.topk(count, dim=1).indices.sort(1).values
        return Pool(ranks.gather(1, picks), places.gather(1, picks)), picks

    def seen(self, start: int, end: int, window: int) -> tuple[Part, ...]:
        """Which of them tokens ``start`` to ``end`` see: those beyond their window."""
        first, last, count = start - window, end - 1 - window, self.places.shape[1]
        if count == 0:
            return ()
        if len(self.places) > 1 or self.places.device.type != "cpu":
            return (Part(0, count, self._mask(0, count, first, last)),)
        # One row has no gaps and rising places: what all see needs no mask, what none sees is left out.
        edges = torch.searchsorted(self.places[0], torch.tensor([first, last]), right=True)
        all_see, some_see = edges.tolist()
        parts = [Part(0, all_see, None)] if all_see else []
        if some_see > all_see:
            parts.append(Part(all_see, some_see, self._mask(all_see, some_see, first, last)))
        return tuple(parts)

    def _mask(self, start: int, end: int, first: int, last: int) -> Mask:
        """Which of tokens ``start`` to ``end`` lie at places up to ``first``, ..., ``last``."""
        places, ranks = (one[:, None, None, start:end] for one in (self.places, self.ranks))
        beyond = places <= torch.arange(first, last + 1, device=places.device)[:, None]
        return Mask(beyond & (ranks > 0))


def picked(rows: Tensor, picks: Tensor) -> Tensor:
    """``rows`` (B, heads, m, D) at ``picks`` (B, n): (B, heads, n, D)."""
    _, heads, _, size = rows.shape
    return rows.gather(2, picks[:, None, :, None].expand(-1, heads, -1, size))
