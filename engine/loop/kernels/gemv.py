# pyright: reportCallIssue=false, reportArgumentType=false, reportOperatorIssue=false
# Triton's decorator hides what a kernel takes beside its parameters.
"""Products of a few rows with a dense matrix, as fast as its bytes can be read."""

from __future__ import annotations

import triton
import triton.language as tl
from torch import Tensor

MOST_ROWS = 2


def product(x: Tensor, weight: Tensor, *, block: int = 8, width: int = 512, warps: int = 4) -> Tensor:
    """(N, C) times the rows of ``weight`` (R, C): (N, R), for N up to ``MOST_ROWS``."""
    count, columns = x.shape
    out = x.new_empty(count, len(weight))
    _gemv[(triton.cdiv(len(weight), block),)](
        x, weight, out, len(weight), columns, N=count, BLOCK=block, WIDTH=width, num_warps=warps
    )
    return out


@triton.jit
def _gemv(x, weight, out, rows, columns, N: tl.constexpr, BLOCK: tl.constexpr, WIDTH: tl.constexpr):  # noqa: N803
    row = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    there = (row < rows)[:, None]
    first = tl.zeros([BLOCK, WIDTH], tl.float32)
    second = tl.zeros([BLOCK, WIDTH], tl.float32)
    for start in range(0, columns, WIDTH):
        column = start + tl.arange(0, WIDTH)
        inside = column < columns
        at = row.to(tl.int64)[:, None] * columns + column[None, :]
        w = tl.load(weight + at, mask=there & inside[None, :], other=0.0).to(tl.float32)
        first += w * tl.load(x + column, mask=inside, other=0.0).to(tl.float32)[None, :]
        if N > 1:
            second += w * tl.load(x + columns + column, mask=inside, other=0.0).to(tl.float32)[None, :]
    tl.store(out + row, tl.sum(first, 1).to(out.dtype.element_ty), mask=row < rows)
    if N > 1:
        tl.store(out + rows + row, tl.sum(second, 1).to(out.dtype.element_ty), mask=row < rows)
