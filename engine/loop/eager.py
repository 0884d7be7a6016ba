"""The element-wise work of a layer in plain torch: right on every device; the kernels are held to it."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from torch import Tensor

from engine.loop.rotary import rotate


class Eager:
    """See ``model.Operations``."""

    def add_norm(self, x: Tensor, delta: Tensor | None, weight: Tensor, eps: float) -> tuple[Tensor, Tensor]:
        """The norm in float32 (or float64), cast, then times the weight: the order of the published code."""
        x = x if delta is None else x + delta
        wide = x if x.dtype == torch.float64 else x.float()
        normed = wide * torch.rsqrt(wide.square().mean(-1, keepdim=True) + eps)
        return x, normed.to(x.dtype) * weight

    def gated(self, gate_up: Tensor) -> Tensor:
        """SwiGLU (Shazeer 2020)."""
        gate, up = gate_up.chunk(2, dim=-1)
        return F.silu(gate) * up

    def rotate_and_store(
        self,
        qkv: Tensor,
        rotary: tuple[Tensor, Tensor],
        positions: Tensor,
        cells: Tensor,
        to: tuple[Tensor, Tensor],
    ) -> Tensor:
        """See ``model.Operations``."""
        keys, values = to
        kv_heads, head_dim = keys.shape[1:]
        heads = qkv.view(len(qkv), -1, head_dim)
        q, k, v = heads.split([heads.shape[1] - 2 * kv_heads, kv_heads, kv_heads], dim=1)
        cos, sin = rotary[0][positions], rotary[1][positions]
        keys[cells], values[cells] = rotate(k, cos, sin), v
        return rotate(q, cos, sin)
