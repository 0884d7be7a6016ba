"""The memory of finished windows: M vectors, each changed by a GRU cell once per window.

A slot asks the finished window's tokens by attention and takes the answer in. Everybody in the next window
reads the slots as further keys and values; nobody in a window sees what that window writes. Computed in
float32 whatever the model is in: small errors would add up over hundreds of windows.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from torch import Tensor, nn

from engine.flow.config import FlowConfig


class Memory(nn.Module):
    """One layer's: ``memory_slots`` vectors of ``memory_size``."""

    def __init__(self, config: FlowConfig) -> None:
        super().__init__()
        size, hidden, keys = config.memory_size, config.hidden_size, config.kv_heads * config.head_dim
        self._heads = config.kv_heads
        self.first = nn.Parameter(torch.zeros(config.memory_slots, size))
        self.places = nn.Parameter(torch.zeros(config.kv_heads, config.memory_slots, config.head_dim))
        self.ask = nn.Linear(size, size, bias=False)
        self.window_keys = nn.Linear(hidden, size, bias=False)
        self.window_values = nn.Linear(hidden, size, bias=False)
        self.cell = nn.GRUCell(size, size)
        self.read_keys = nn.Linear(size, keys, bias=False)
        self.read_values = nn.Linear(size, keys, bias=False)

    def at_first(self, batch: int) -> Tensor:
        """Before any window: (B, M, size), learned."""
        return self.first.expand(batch, -1, -1)

    def written(self, slots: Tensor, attended: Tensor) -> Tensor:
        """Slots (B, M, size) after the window whose tokens are ``attended`` (B, W, hidden)."""
        with torch.autocast(attended.device.type, enabled=False):
            window = attended.to(self.first.dtype)
            parts = self.ask(slots), self.window_keys(window), self.window_values(window)
            q, k, v = (part.unflatten(-1, (self._heads, -1)).transpose(1, 2) for part in parts)
            heard = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
            return self.cell(heard.flatten(0, 1), slots.flatten(0, 1)).view_as(slots)

    def read(self, slots: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        """Keys and values of slots, each (B, K, M, D) in ``dtype``; a learned place stands in each key."""
        with torch.autocast(slots.device.type, enabled=False):
            parts = self.read_keys(slots), self.read_values(slots)
            keys, values = (part.unflatten(-1, (self._heads, -1)).transpose(1, 2) for part in parts)
            return (keys + self.places).to(dtype), values.to(dtype)
