# pyright: reportCallIssue=false, reportArgumentType=false, reportOperatorIssue=false
# Triton's decorator hides what a kernel takes beside its parameters.
"""Attention of a few tokens over pages, and the gate that mixes the two kinds (flash decoding, Dao 2023).

The keys of a sequence are divided among ``SPLITS`` programs, so that one token keeps a whole GPU busy; a
second kernel adds up what they found. In the later loops one more program takes the window, and the second
kernel mixes both by the gate. Nothing here depends on lengths known to the host: the same launch, and so
the same CUDA graph, serves every length.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import triton
import triton.language as tl
from torch import Tensor

from engine.loop.pages import PAGE
from engine.loop.shapes import Gates

SPLITS = 128  # programs for each key head of each group, where there is enough to do for so many
_LEAST_PAGES = 3  # that one of them takes: less is not worth the adding up


@dataclass(frozen=True, slots=True)
class PagedRows:
    """``groups`` sequences with ``rows`` consecutive tokens each, as the kernels find them; all on the GPU.

    ``near_table`` begins with the page of the first token that a group's first row sees in its window.
    """

    positions: Tensor  # (groups * rows,) int32
    table: Tensor  # (groups, pages) int32
    near_table: Tensor  # (groups, pages of a window and rows) int32
    groups: int
    rows: int
    window: int


def paged_attention(
    queries: Tensor,
    far: tuple[Tensor, Tensor],
    near: tuple[Tensor, Tensor] | None,
    gates: Gates | None,
    paged: PagedRows,
    *,
    splits: int = SPLITS,
    warps: int = 0,
    stages: int = 2,
) -> Tensor:
    """(N, H, D) -> (N, H * D); ``far`` and ``near`` are keys and values (cells, K, D) of one layer."""
    _, heads, head_dim = queries.shape
    kv_heads = far[0].shape[1]
    width = max(16, triton.next_power_of_2(paged.rows * heads // kv_heads))  # the tensor cores' least
    mixed = near is not None and gates is not None
    shares = splits + mixed
    partial = torch.empty(
        paged.groups, kv_heads, shares, width, head_dim, dtype=torch.float32, device=queries.device
    )
    stats = torch.empty(paged.groups, kv_heads, shares, width, 2, dtype=torch.float32, device=queries.device)
    near_keys, near_values = near if near is not None else far
    form = {
        "HEADS": heads,
        "KV_HEADS": kv_heads,
        "D": head_dim,
        "ROWS": paged.rows,
        "M": width,
        "SPLITS": splits,
        "MIXED": mixed,
    }
    _share[(paged.groups, kv_heads, shares)](
        queries,
        *far,
        near_keys,
        near_values,
        paged.table,
        paged.near_table,
        paged.positions,
        partial,
        stats,
        head_dim**-0.5 * 1.4426950408889634,  # exponents of two are what the hardware has
        paged.table.shape[1],
        paged.near_table.shape[1],
        PAGE=PAGE,
        LEAST=_LEAST_PAGES,
        WINDOW=paged.window,
        **form,
        num_warps=warps or (8 if width >= 64 else 4),
        num_stages=stages,
    )
    out = queries.new_empty(len(queries), heads * head_dim)
    weight, bias = (gates.weight, gates.bias) if gates is not None else (queries, queries)
    _sum[(len(queries), heads)](
        partial, stats, queries, weight, bias, out, PADDED=triton.next_power_of_2(splits), **form, num_warps=4
    )
    return out


@triton.jit
def _walk(
    q, position, keys, values, table, begin, end, head, last, window,
    scale, KV_HEADS: tl.constexpr, D: tl.constexpr, M: tl.constexpr, PAGE: tl.constexpr,  # noqa: N803
):  # fmt: skip
    """Attention over pages ``begin`` to ``end`` of a sequence, whose first is the table's first."""
    d = tl.arange(0, D)
    slot = tl.arange(0, PAGE)
    peak = tl.full([M], float("-inf"), tl.float32)
    total = tl.zeros([M], tl.float32)
    found = tl.zeros([M, D], tl.float32)
    for page in range(begin, end):
        key = page * PAGE + slot
        cell = tl.load(table + page - begin).to(tl.int64) * PAGE + slot
        at = (cell * KV_HEADS + head)[:, None] * D + d[None, :]
        there = (key <= last)[:, None]
        k = tl.load(keys + at, mask=there, other=0.0)
        v = tl.load(values + at, mask=there, other=0.0)
        score = tl.dot(q, tl.trans(k), input_precision="tf32x3") * scale
        seen = (key[None, :] <= position[:, None]) & (key[None, :] > position[:, None] - window)
        score = tl.where(seen, score, float("-inf"))
        top = tl.maximum(peak, tl.max(score, 1))
        safe = tl.where(top == float("-inf"), 0.0, top)  # a row may see nothing of this page
        weight = tl.exp2(score - safe[:, None])
        kept = tl.exp2(peak - safe)
        total = total * kept + tl.sum(weight, 1)
        found = found * kept[:, None] + tl.dot(weight.to(v.dtype), v, input_precision="tf32x3")
        peak = top
    return peak, total, found


@triton.jit
def _share(
    queries, keys, values, near_keys, near_values, table, near_table, positions, partial, stats,
    scale, table_width, near_width,
    HEADS: tl.constexpr, KV_HEADS: tl.constexpr, D: tl.constexpr, ROWS: tl.constexpr, M: tl.constexpr,  # noqa: N803
    SPLITS: tl.constexpr, MIXED: tl.constexpr, PAGE: tl.constexpr, LEAST: tl.constexpr,  # noqa: N803
    WINDOW: tl.constexpr,  # noqa: N803
):  # fmt: skip
    group = tl.program_id(0)
    head = tl.program_id(1)
    split = tl.program_id(2)
    heads = HEADS // KV_HEADS  # query heads of one key head
    m = tl.arange(0, M)
    d = tl.arange(0, D)
    row = group * ROWS + m // heads
    used = m < ROWS * heads
    position = tl.load(positions + row, mask=used, other=-1)
    first = tl.load(positions + group * ROWS)
    last = tl.load(positions + group * ROWS + ROWS - 1)
    at = (row * HEADS + head * heads + m % heads)[:, None] * D + d[None, :]
    q = tl.load(queries + at, mask=used[:, None], other=0.0)
    end = last // PAGE + 1
    to = ((group * KV_HEADS + head) * (SPLITS + MIXED) + split).to(tl.int64) * M + m
    if split < SPLITS:
        size = max(LEAST, (end + SPLITS - 1) // SPLITS)
        begin = min(split * size, end)
        mine = table + group * table_width + begin
        peak, total, found = _walk(
            q, position, keys, values, mine, begin, min(begin + size, end), head, last, last + PAGE,
            scale, KV_HEADS, D, M, PAGE,
        )  # fmt: skip
    else:
        begin = max(0, first - WINDOW + 1) // PAGE
        mine = near_table + group * near_width
        peak, total, found = _walk(
            q, position, near_keys, near_values, mine, begin, end, head, last, WINDOW,
            scale, KV_HEADS, D, M, PAGE,
        )  # fmt: skip
    tl.store(partial + to[:, None] * D + d[None, :], found, mask=(total > 0)[:, None])  # others are not read
    tl.store(stats + to * 2, peak)
    tl.store(stats + to * 2 + 1, total)


@triton.jit
def _sum(
    partial, stats, queries, gate_weight, gate_bias, out,
    HEADS: tl.constexpr, KV_HEADS: tl.constexpr, D: tl.constexpr, ROWS: tl.constexpr, M: tl.constexpr,  # noqa: N803
    SPLITS: tl.constexpr, MIXED: tl.constexpr, PADDED: tl.constexpr,  # noqa: N803
):  # fmt: skip
    row = tl.program_id(0)
    head = tl.program_id(1)
    heads = HEADS // KV_HEADS
    group = row // ROWS
    m = row % ROWS * heads + head % heads
    base = (group * KV_HEADS + head // heads).to(tl.int64) * (SPLITS + MIXED)
    split = tl.arange(0, PADDED)
    d = tl.arange(0, D)
    at = (base + split) * M + m
    peak = tl.load(stats + at * 2, mask=split < SPLITS, other=float("-inf"))
    total = tl.load(stats + at * 2 + 1, mask=split < SPLITS, other=0.0)
    weight = tl.exp2(peak - tl.max(peak, 0))
    there = (split < SPLITS) & (total > 0)
    found = tl.load(partial + at[:, None] * D + d[None, :], mask=there[:, None], other=0.0)
    mixed = tl.sum(found * weight[:, None], 0) / tl.sum(total * weight, 0)
    if MIXED:
        at_near = (base + SPLITS) * M + m
        near = tl.load(partial + at_near * D + d) / tl.load(stats + at_near * 2 + 1)
        q = tl.load(queries + (row * HEADS + head) * D + d).to(tl.float32)
        g = tl.load(gate_weight + head * D + d).to(tl.float32)
        share = tl.sigmoid(tl.sum(q * g, 0) + tl.load(gate_bias + head).to(tl.float32))
        mixed = share * mixed + (1 - share) * near
    tl.store(out + (row * HEADS + head) * D + d, mixed.to(out.dtype.element_ty))
