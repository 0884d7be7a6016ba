"""What the tokens read so far leave behind: rows of the last two windows, a pool, a memory. It does not grow.

In training every step makes new tensors, for gradients to go through; otherwise rows are written in place.
A finished window is taken into pool and memory when the token after it comes, so that until then everything
back to its first token can be cut off exactly. Knows no weights.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from engine.flow.config import FlowConfig
from engine.flow.pinned import Pool

KeysValues = tuple[Tensor, Tensor]


class Rows:
    """The last tokens' rows, (..., n, size), oldest first, with ``room`` for so many."""

    __slots__ = ("_buffer", "length", "room")

    def __init__(self, room: int, buffer: Tensor | None = None, length: int = 0) -> None:
        self.room, self._buffer, self.length = room, buffer, length

    @property
    def held(self) -> Tensor:
        """All rows. Raises LookupError where there never were any."""
        if self._buffer is None:
            raise LookupError("nothing was appended yet")
        return self._buffer.narrow(-2, 0, self.length)

    def append(self, rows: Tensor) -> Tensor:
        """Add rows behind the last one; all that are held then."""
        end = self.length + rows.shape[-2]
        if torch.is_grad_enabled():
            self._buffer = torch.cat((self.held, rows), -2) if self.length else rows
        else:
            buffer = self._buffer
            if buffer is None or end > buffer.shape[-2] or buffer.requires_grad:
                buffer = self._moved(rows, 0, max(end, self.room))
            buffer.narrow(-2, self.length, rows.shape[-2]).copy_(rows)
            self._buffer = buffer
        self.length = end
        return self.held

    def keep(self, count: int) -> None:
        """Let go all but the last ``count`` rows."""
        if count >= self.length:
            return
        first = self.length - count
        if torch.is_grad_enabled():
            self._buffer = self.held.narrow(-2, first, count)
        else:
            self._buffer = self._moved(self.held, first, max(count, self.room))
        self.length = count

    def last(self, count: int) -> Rows:
        """A copy of the last ``count`` rows, without room for more."""
        first = max(0, self.length - count)
        return Rows(self.room, self.held[..., first:, :].clone(), self.length - first)

    def same(self) -> Rows:
        """Another view of the same rows: what one appends, the other does not hold, but may overwrite."""
        return Rows(self.room, self._buffer, self.length)

    def mapped(self, change: Callable[[Tensor], Tensor]) -> Rows:
        """With ``change`` made to what is held."""
        return Rows(self.room, change(self.held), self.length) if self.length else Rows(self.room)

    @property
    def nbytes(self) -> int:
        """Of the room that is taken."""
        return 0 if self._buffer is None else self._buffer.nbytes

    def _moved(self, like: Tensor, first: int, room: int) -> Tensor:
        """A new buffer of ``room`` rows, which holds the rows from ``first`` on."""
        bigger = like.new_empty((*like.shape[:-2], room, like.shape[-1]))
        if self.length:
            bigger.narrow(-2, 0, self.length - first).copy_(self.held.narrow(-2, first, self.length - first))
        return bigger


@dataclass(slots=True)
class LayerState:
    """One layer's. Only layers that see far have ``attended`` (the unfinished window's tokens, as the memory
    takes them in), the ``slots`` of memory with their keys and values ``read``, and the pool's, ``pinned``.
    ``later``: keys and values of the later loops."""

    keys: Rows
    values: Rows
    attended: Rows
    slots: Tensor | None = None
    read: KeysValues | None = None
    pinned: KeysValues | None = None
    later: list[tuple[Rows, Rows]] = field(default_factory=list)

    def rows(self) -> Iterator[Rows]:
        """All rows that are held."""
        yield from (self.keys, self.values, self.attended)
        for pair in self.later:
            yield from pair

    def tensors(self) -> Iterator[Tensor]:
        """All else."""
        for one in ((self.slots,), self.read or (), self.pinned or ()):
            yield from (tensor for tensor in one if tensor is not None)

    def mapped(self, rows: Callable[[Rows], Rows], change: Callable[[Tensor], Tensor]) -> LayerState:
        """With ``rows`` and ``change`` made to each part."""
        return LayerState(
            rows(self.keys),
            rows(self.values),
            rows(self.attended),
            None if self.slots is None else change(self.slots),
            None if self.read is None else (change(self.read[0]), change(self.read[1])),
            None if self.pinned is None else (change(self.pinned[0]), change(self.pinned[1])),
            [(rows(keys), rows(values)) for keys, values in self.later],
        )


@dataclass(slots=True)
class FlowState:
    """After ``tokens`` tokens of every row. ``ranks`` (B, n): of the tokens whose keys are held."""

    tokens: int
    ranks: Tensor
    pool: Pool
    layers: list[LayerState]

    @staticmethod
    def empty(config: FlowConfig, batch: int, device: torch.device) -> FlowState:
        """Before the first token."""
        window = config.window

        def layer() -> LayerState:
            near = window + config.loop_window
            later = [(Rows(near), Rows(near)) for _ in range(config.loops - 1)]
            return LayerState(Rows(2 * window), Rows(2 * window), Rows(window), later=later)

        ranks = torch.zeros(batch, 0, dtype=torch.int64, device=device)
        return FlowState(0, ranks, Pool.empty(batch, device), [layer() for _ in range(config.layers)])

    @property
    def first(self) -> int:
        """The first token whose keys are held."""
        return self.tokens - self.ranks.shape[1]

    @property
    def nbytes(self) -> int:
        """Bytes of all that is held, room that is not filled yet included."""
        own = self.ranks.nbytes + self.pool.ranks.nbytes + self.pool.places.nbytes
        for layer in self.layers:
            own += sum(rows.nbytes for rows in layer.rows()) + sum(one.nbytes for one in layer.tensors())
        return own

    def trim(self, config: FlowConfig) -> None:
        """Let go what is older than the window of the last token and the one before."""
        inside = (self.tokens - 1) % config.window + 1  # tokens of the last window
        for layer in self.layers:
            for rows in (layer.keys, layer.values):
                rows.keep(inside + config.window)
            for rows in (one for pair in layer.later for one in pair):
                rows.keep(inside + config.loop_window)
        self.ranks = self.ranks[:, -(inside + config.window) :]

    def cut(self, tokens: int) -> None:
        """Forget all but the first ``tokens`` tokens; the last of them is of the last one's window."""
        gone = self.tokens - tokens
        if not gone:
            return
        for layer in self.layers:
            for rows in layer.rows():
                rows.length -= min(gone, rows.length)
        self.tokens, self.ranks = tokens, self.ranks[:, :-gone]

    def detach(self) -> FlowState:
        """The same, without a way back for gradients."""
        return self._mapped(lambda rows: rows.mapped(Tensor.detach), Tensor.detach)

    def copy(self) -> FlowState:
        """The same, to go on with beside this one. What is never written to is shared."""
        return self._mapped(lambda rows: rows.mapped(Tensor.clone), lambda one: one)

    def thin(self, config: FlowConfig) -> FlowState:
        """A copy that holds no more than going on takes: it cannot be cut."""
        thin = self.trial()
        for layer in thin.layers:
            layer.keys, layer.values = (one.last(config.window) for one in (layer.keys, layer.values))
            layer.later = [(k.last(config.loop_window), v.last(config.loop_window)) for k, v in layer.later]
        thin.ranks = thin.ranks[:, -config.window :].clone()
        return thin

    def trial(self) -> FlowState:
        """The same, to go on with in place of this one, which stays as it is until then."""
        return self._mapped(Rows.same, lambda one: one)

    def _mapped(self, rows: Callable[[Rows], Rows], change: Callable[[Tensor], Tensor]) -> FlowState:
        return replace(self, layers=[layer.mapped(rows, change) for layer in self.layers])
