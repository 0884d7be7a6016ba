# pyright: reportCallIssue=false, reportArgumentType=false, reportOperatorIssue=false
# Triton's decorator hides what a kernel takes beside its parameters.
"""``model.Operations`` in one pass over memory each."""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

_WIDTH = 1024  # elements of a row that one program of ``_gated`` takes


class Fused:
    """See ``model.Operations``; the sum of ``add_norm`` is written over ``x``."""

    def add_norm(self, x: Tensor, delta: Tensor | None, weight: Tensor, eps: float) -> tuple[Tensor, Tensor]:
        """See ``model.Operations``."""
        normed, columns = torch.empty_like(x), x.shape[1]
        block = triton.next_power_of_2(columns)
        _add_norm[(len(x),)](
            x,
            x if delta is None else delta,
            weight,
            normed,
            columns,
            eps,
            HAS_DELTA=delta is not None,
            BLOCK=block,
            num_warps=8 if block >= 2048 else 4,
        )
        return x, normed

    def gated(self, gate_up: Tensor) -> Tensor:
        """See ``model.Operations``."""
        count, width = gate_up.shape[0], gate_up.shape[1] // 2
        out = gate_up.new_empty(count, width)
        _gated[(count, triton.cdiv(width, _WIDTH))](gate_up, out, width, BLOCK=_WIDTH)
        return out

    def rotate_and_store(
        self,
        qkv: Tensor,
        rotary: tuple[Tensor, Tensor],
        positions: Tensor,
        cells: Tensor,
        to: tuple[Tensor, Tensor],
    ) -> Tensor:
        """See ``model.Operations``."""
        kv_heads, head_dim = to[0].shape[1:]
        heads = qkv.shape[1] // head_dim - 2 * kv_heads
        queries = qkv.new_empty(len(qkv), heads, head_dim)
        _rotate_and_store[(len(qkv), heads + 2 * kv_heads)](
            qkv, *rotary, positions, cells, queries, *to, heads, kv_heads, HALF=head_dim // 2, num_warps=1
        )
        return queries


@triton.jit
def _add_norm(x, delta, weight, normed, columns, eps, HAS_DELTA: tl.constexpr, BLOCK: tl.constexpr):  # noqa: N803
    row = tl.program_id(0).to(tl.int64)
    column = tl.arange(0, BLOCK)
    inside = column < columns
    at = row * columns + column
    value = tl.load(x + at, mask=inside, other=0.0)
    if HAS_DELTA:
        value = (value.to(tl.float32) + tl.load(delta + at, mask=inside, other=0.0).to(tl.float32)).to(
            x.dtype.element_ty
        )
        tl.store(x + at, value, mask=inside)
    wide = value.to(tl.float32)
    scale = tl.rsqrt(tl.sum(wide * wide, 0) / columns + eps)
    cast = (wide * scale).to(x.dtype.element_ty)
    tl.store(normed + at, cast * tl.load(weight + column, mask=inside, other=0.0), mask=inside)


@triton.jit
def _gated(gate_up, out, width, BLOCK: tl.constexpr):  # noqa: N803
    row = tl.program_id(0).to(tl.int64)
    column = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    inside = column < width
    gate = tl.load(gate_up + row * 2 * width + column, mask=inside, other=0.0).to(tl.float32)
    up = tl.load(gate_up + row * 2 * width + width + column, mask=inside, other=0.0).to(tl.float32)
    tl.store(out + row * width + column, (gate * tl.sigmoid(gate) * up).to(out.dtype.element_ty), mask=inside)


@triton.jit
def _rotate_and_store(
    qkv,
    cosines,
    sines,
    positions,
    cells,
    queries,
    keys,
    values,
    heads,
    kv_heads,
    HALF: tl.constexpr,  # noqa: N803
):
    row = tl.program_id(0).to(tl.int64)
    head = tl.program_id(1)
    half = tl.arange(0, HALF)
    source = qkv + (row * (heads + 2 * kv_heads) + head) * 2 * HALF
    first = tl.load(source + half)
    second = tl.load(source + HALF + half)
    cell = tl.load(cells + row).to(tl.int64)
    if head >= heads + kv_heads:
        to = values + (cell * kv_heads + head - heads - kv_heads) * 2 * HALF
        tl.store(to + half, first)
        tl.store(to + HALF + half, second)
    else:
        position = tl.load(positions + row).to(tl.int64)
        cos = tl.load(cosines + position * HALF + half).to(tl.float32)
        sin = tl.load(sines + position * HALF + half).to(tl.float32)
        a = first.to(tl.float32)
        b = second.to(tl.float32)
        turned = (a * cos - b * sin).to(first.dtype)
        turned_second = (b * cos + a * sin).to(first.dtype)
        if head < heads:
            to = queries + (row * heads + head) * 2 * HALF
        else:
            to = keys + (cell * kv_heads + head - heads) * 2 * HALF
        tl.store(to + half, turned)
        tl.store(to + HALF + half, turned_second)
