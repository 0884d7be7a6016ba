"""Which older tokens are kept exactly: those that the text's outline ranks, as many as there is room for.

When a window is finished its ranked tokens come in beside those of earlier ones; over the budget the lowest
rank goes first, then the oldest. Knows ranks and places in the text; nothing of keys and values.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

_ABOVE = 1 << 40  # more than any place: a rank counts before it


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

    def seen(self, start: int, end: int, window: int) -> Tensor:
        """Which of them tokens ``start`` to ``end`` see, (B, 1, tokens, n): those beyond their window."""
        last = torch.arange(start, end, device=self.places.device) - window
        beyond = self.places[:, None, None] <= last[:, None]
        return beyond & (self.ranks > 0)[:, None, None]


def picked(rows: Tensor, picks: Tensor) -> Tensor:
    """``rows`` (B, heads, m, D) at ``picks`` (B, n): (B, heads, n, D)."""
    _, heads, _, size = rows.shape
    return rows.gather(2, picks[:, None, :, None].expand(-1, heads, -1, size))
