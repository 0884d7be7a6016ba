"""A run of consecutive tokens cut into pieces, each within a window: the same plan for every layer.

From what the state says of earlier tokens, and the ranks of new ones, to which keys a piece sees and when
windows are finished. Knows no weights and no keys.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from engine.flow.config import FlowConfig
from engine.flow.masks import Mask
from engine.flow.pinned import Part
from engine.flow.positions import Positions, Turn
from engine.flow.state import FlowState

_PIECES = {"cuda": 2, "cpu": 8}  # of a window: small ones compute less that is masked, large ones launch less
_SMALLEST = 64  # tokens of a piece, where the window has as many


@dataclass(frozen=True, slots=True)
class Piece:
    """Tokens ``start`` to ``end`` of one window, which see near keys from ``first`` on.

    ``finished``: where the tokens of the pool lie among the earlier pool's and the last window's (see
    ``Pool.after``), where this piece begins a window. ``pinned``: which of the pool are seen.
    """

    start: int
    end: int
    first: int
    finished: Tensor | None
    pinned: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Run:
    """Tokens ``start`` and on, in pieces; keys are held from token ``base`` on. ``read_mask`` (B, 1, 1, 1):
    which rows read their memory, None for all."""

    start: int
    base: int
    pieces: tuple[Piece, ...]
    near: Turn
    far: Turn
    back: Turn
    read_mask: Mask | None

    def within(self, piece: Piece) -> slice:
        """Which of the run's tokens a piece has."""
        return slice(piece.start - self.start, piece.end - self.start)

    def turns(self, piece: Piece) -> tuple[Turn, Turn]:
        """How the queries of a piece are turned for near and for pinned keys."""
        at = self.within(piece)
        return self.near.part(at), self.far.part(at)


def begin_run(
    config: FlowConfig,
    state: FlowState,
    turns: Positions,
    flags: Tensor,
    positions: Tensor | None,
    *,
    exact: torch.dtype,
    read_mask: Tensor | None = None,
) -> Run:
    """The plan for tokens with pinned ranks ``flags`` (B, T); ``state``'s tokens, ranks and pool move on."""
    start, base, window = state.tokens, state.first, config.window
    count, end = flags.shape[1], start + flags.shape[1]
    ranks, pool = torch.cat((state.ranks, flags.to(torch.int64)), 1), state.pool
    pieces, at = [], start
    step = max(min(window, _SMALLEST), window // _PIECES.get(flags.device.type, 2))
    while at < end:
        finished = None
        if at and at % window == 0:
            pool, finished = pool.after(
                ranks[:, at - window - base : at - base], at - window, config.pinned_tokens
            )
        until = min(end, at + step, (at // window + 1) * window)
        pinned = pool.seen(at, until, window)
        pieces.append(Piece(at, until, max(base, at - window + 1), finished, pinned))
        at = until
    state.tokens, state.ranks, state.pool = end, ranks, pool
    return Run(
        start,
        base,
        tuple(pieces),
        near=turns.near(start, count, positions, exact),
        far=turns.far(count, positions, exact),
        back=turns.back(base, end - base, exact),
        read_mask=None if read_mask is None else Mask(read_mask),
    )
