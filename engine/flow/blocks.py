"""The parts of a layer that look at one token alone; their names are the published loop model's."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from torch import Tensor, nn

from engine.flow.config import FlowConfig

OPEN = 2.0  # bias of fresh gates: 88% of the first loop's attention, as in the published model


class Projections(nn.Module):
    """Queries, keys and values of a layer, and its output."""

    def __init__(self, config: FlowConfig) -> None:
        super().__init__()
        hidden, d = config.hidden_size, config.head_dim
        self._d = d
        self.q_proj = linear(hidden, config.heads * d)
        self.k_proj = linear(hidden, config.kv_heads * d)
        self.v_proj = linear(hidden, config.kv_heads * d)
        self.o_proj = linear(config.heads * d, hidden)

    def forward(self, h: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(B, T, hidden) -> queries, keys and values (B, heads, T, D), not turned yet."""
        parts = self.q_proj(h), self.k_proj(h), self.v_proj(h)
        q, k, v = (part.unflatten(-1, (-1, self._d)).transpose(1, 2) for part in parts)
        return q, k, v

    def joined(self, mixed: Tensor) -> Tensor:
        """(B, H, T, D) -> (B, T, hidden)."""
        return self.o_proj(mixed.transpose(1, 2).flatten(2))


class FeedForward(nn.Module):
    """SwiGLU (Shazeer 2020)."""

    def __init__(self, config: FlowConfig) -> None:
        super().__init__()
        hidden, inner = config.hidden_size, config.intermediate_size
        self.gate_proj, self.up_proj = linear(hidden, inner), linear(hidden, inner)
        self.down_proj = linear(inner, hidden)

    def forward(self, u: Tensor) -> Tensor:
        """(B, T, hidden) -> the same."""
        return self.down_proj(F.silu(self.gate_proj(u)) * self.up_proj(u))


class Gate(nn.Module):
    """How much of the first loop's attention each head takes; raw parameters, as published."""

    def __init__(self, config: FlowConfig) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(config.heads, config.head_dim))
        self.bias = nn.Parameter(torch.full((config.heads,), OPEN))

    def forward(self, turned: Tensor) -> Tensor:
        """(B, H, n, D) -> (B, H, n, 1)."""
        share = (turned * self.weight[:, None]).sum(-1) + self.bias[:, None]
        return torch.sigmoid(share).to(turned.dtype)[..., None]


def linear(columns: int, rows: int) -> nn.Linear:
    """A matrix without a bias."""
    return nn.Linear(columns, rows, bias=False)
