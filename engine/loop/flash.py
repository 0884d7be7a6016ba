"""Attention by torch's own flash kernel: causal from the end, with a window where one is wanted.

torch's public functions align a causal mask with the beginning, or copy it out; the kernel behind them
(FlashAttention 2, Dao 2023) does what is needed here. A test compares it with the plain version.
"""

from __future__ import annotations

import torch
from torch import Tensor

_HALF = (torch.bfloat16, torch.float16)


def suits_flash(queries: Tensor) -> bool:
    """Whether the kernel is there for tensors like ``queries`` (n, H, D)."""
    return queries.is_cuda and queries.dtype in _HALF and queries.shape[-1] <= 256


def flash_attention(queries: Tensor, keys: Tensor, values: Tensor, *, window: int = 0) -> Tensor:
    """The last n tokens' attention, (n, H, D), over keys and values (T, K, D), K a divisor of H.

    Each token sees itself and what comes before it; the last ``window`` of these, itself included, where
    that is not 0.
    """
    out = torch.ops.aten._flash_attention_forward(
        queries[None],
        keys[None],
        values[None],
        None,
        None,
        len(queries),
        len(keys),
        0.0,
        True,
        False,
        window_size_left=window - 1 if window else None,
        window_size_right=0 if window else None,
    )
    return out[0][0]
