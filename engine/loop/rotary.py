"""Rotary positions (Su et al. 2021), half-split as in Llama: element i turns with element i + D/2."""

from __future__ import annotations

import torch
from torch import Tensor

from engine.loop.config import LoopConfig


def rotary_table(
    config: LoopConfig, positions: int, *, dtype: torch.dtype, device: torch.device
) -> tuple[Tensor, Tensor]:
    """Cosines and sines of positions 0 and on, each (positions, D/2) in ``dtype``."""
    exact = torch.float64 if dtype == torch.float64 else torch.float32  # as every published code has it
    half = torch.arange(0, config.head_dim, 2, dtype=exact, device=device) / config.head_dim
    angles = torch.outer(torch.arange(positions, dtype=exact, device=device), config.rope_theta**-half)
    return angles.cos().to(dtype), angles.sin().to(dtype)


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """``x`` (N, heads, D) turned by the rows of ``cos`` and ``sin`` (N, D/2)."""
    first, second = x.chunk(2, dim=-1)
    cos, sin = cos[:, None], sin[:, None]
    return torch.cat((first * cos - second * sin, second * cos + first * sin), dim=-1)
