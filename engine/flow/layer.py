"""One layer over a run of tokens: what each piece of it sees, and what it leaves behind.

Pieces follow each other, since a window has to be finished before the next one reads what it wrote; what
looks at single tokens is done for the whole run at once.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from engine.flow.attention import Seen, attended, band, near_attended
from engine.flow.blocks import FeedForward, Gate, Projections
from engine.flow.config import FlowConfig
from engine.flow.memory import Memory
from engine.flow.pinned import picked
from engine.flow.positions import rotate
from engine.flow.run import Piece, Run
from engine.flow.state import KeysValues, LayerState, Rows


class Layer(nn.Module):
    """``sees_far``: beyond its window, by a memory and pinned tokens."""

    def __init__(self, config: FlowConfig, sees_far: bool) -> None:
        super().__init__()
        self._window, self._loop_window = config.window, config.loop_window
        self._pins = sees_far and config.pinned_tokens > 0
        self.input_layernorm = nn.RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.self_attn = Projections(config)
        self.post_attention_layernorm = nn.RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.mlp = FeedForward(config)
        self.memory = Memory(config) if sees_far and config.memory_slots else None

    def forward(self, x: Tensor, run: Run, held: LayerState) -> tuple[Tensor, list[Seen]]:
        """(B, T, hidden) to the same, and what each piece looked at. ``held`` moves on."""
        q, k, v = self.self_attn(self.input_layernorm(x))
        near = held.keys.append(rotate(k, run.near)), held.values.append(v)
        if self.memory is not None and held.slots is None:
            held.slots = self.memory.at_first(len(x))
            held.read = self.memory.read(held.slots, k.dtype)
        seen, summed, normed = [], [], []
        for piece in run.pieces:
            if piece.finished is not None:
                self._finish_window(held, near, run, piece, piece.finished)
            looked_at, at = self._seen(held, near, run, piece), run.within(piece)
            y = x[:, at] + self.self_attn.joined(attended(q[:, :, at], *run.turns(piece), looked_at))
            seen.append(looked_at)
            summed.append(y)
            normed.append(self.post_attention_layernorm(y))
            if self.memory is not None:
                held.attended.append(normed[-1])
        return torch.cat(summed, 1) + self.mlp(torch.cat(normed, 1)), seen

    def again(self, x: Tensor, run: Run, held: tuple[Rows, Rows], seen: list[Seen], gate: Gate) -> Tensor:
        """A later loop: the first one's keys again, mixed with this loop's own near ones."""
        q, k, v = self.self_attn(self.input_layernorm(x))
        near = held[0].append(rotate(k, run.near)), held[1].append(v)
        base, parts = run.pieces[-1].end - near[0].shape[2], []
        for piece, looked_at in zip(run.pieces, seen, strict=True):
            at, turns = run.within(piece), run.turns(piece)
            first = max(base, piece.start - self._loop_window + 1)
            mask = band(piece.start - first, piece.end - first, self._loop_window, x.device)
            own = Seen(_between(near, first - base, piece.end - base), mask)
            turned = rotate(q[:, :, at], turns[0])
            share = gate(turned)
            mixed = share * attended(q[:, :, at], *turns, looked_at)
            parts.append(mixed + (1 - share) * near_attended(turned, own))
        y = x + self.self_attn.joined(torch.cat(parts, 2))
        return y + self.mlp(self.post_attention_layernorm(y))

    def _finish_window(
        self, held: LayerState, near: KeysValues, run: Run, piece: Piece, finished: Tensor
    ) -> None:
        """The window before ``piece`` goes into memory and pool."""
        if self.memory is not None and held.slots is not None:
            held.slots = self.memory.written(held.slots, held.attended.held)
            held.read = self.memory.read(held.slots, near[0].dtype)
            held.attended = Rows(self._window)
        if self._pins:
            at = piece.start - self._window - run.base, piece.start - run.base
            keys, values = _between(near, *at)
            keys = rotate(keys, run.back.part(slice(*at)))
            if held.pinned is not None:
                keys, values = torch.cat((held.pinned[0], keys), 2), torch.cat((held.pinned[1], values), 2)
            held.pinned = picked(keys, finished), picked(values, finished)

    def _seen(self, held: LayerState, near: KeysValues, run: Run, piece: Piece) -> Seen:
        return Seen(
            _between(near, piece.first - run.base, piece.end - run.base),
            band(piece.start - piece.first, piece.end - piece.first, self._window, near[0].device),
            pinned=()
            if held.pinned is None
            else tuple((_between(held.pinned, part.start, part.end), part.mask) for part in piece.pinned),
            read=held.read,
            read_mask=run.read_mask,
        )


def _between(rows: KeysValues, start: int, end: int) -> KeysValues:
    return rows[0][:, :, start:end], rows[1][:, :, start:end]
