# pyright: reportCallIssue=false, reportArgumentType=false, reportOperatorIssue=false
# Triton's decorator hides what a kernel takes beside its parameters.
"""Matrices of 4 bits a weight as the GPU reads them best: ``int4.cu``, compiled when first used by the
compiler that torch brings.

A few rows of x are multiplied as fast as the matrix can be read; for more it is made whole first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
import triton
import triton.language as tl
from torch import Tensor

GROUP = 128  # columns that share a scale; the kernel has no other
_TILE = 16  # rows
_MOST_ROWS = 32  # of x


@dataclass(slots=True)
class TiledInt4:
    """See ``shapes.Linear``. ``words`` (tiles, groups, 2, 32, 4) int32: of each tile of 16 rows and 128
    columns, for its upper and its lower half, what each lane of a warp reads: four words of eight columns, as
    ``int4.pack`` makes them. ``terms`` (tiles, groups, 16, 2) bfloat16: scale and zero."""

    words: Tensor
    terms: Tensor
    rows: int
    order: Tensor | None = None  # see ``int4.Int4Linear``

    @property
    def columns(self) -> int:
        """See ``shapes.Linear``."""
        return self.words.shape[1] * GROUP

    @property
    def nbytes(self) -> int:
        """See ``shapes.Linear``."""
        return self.words.nbytes + self.terms.nbytes + (0 if self.order is None else self.order.nbytes)

    def __call__(self, x: Tensor) -> Tensor:
        """See ``shapes.Linear``."""
        x = x if self.order is None else x[:, self.order]
        return self.product(x) if len(x) <= _MOST_ROWS else F.linear(x, self.dequantised())

    def product(self, x: Tensor, *, tiles: int = 0, warps: int = 0) -> Tensor:
        """(N, C) to (N, R), N up to 32; a block's ``tiles`` of rows and its ``warps`` are for measuring."""
        count, out = len(x), x.new_empty(len(x), self.rows)
        if not tiles:
            tiles, warps = (1, 8) if count <= 8 or self.rows < 16384 else (2, 4)
        parts = 1 if count <= 8 else 2 if count <= 16 else 4
        _kernel(tiles, parts, warps)(
            grid=(-(-self.rows // (_TILE * tiles)), 1, 1),
            block=(32 * warps, 1, 1),
            args=[self.words, self.terms, x.contiguous(), out, count, self.rows, self.words.shape[1]],
        )
        return out

    def dequantised(self) -> Tensor:
        """The whole matrix (R, C)."""
        groups = self.words.shape[1]
        out = torch.empty(self.rows, groups * GROUP, dtype=torch.bfloat16, device=self.words.device)
        _dequantise[(len(self.words), groups)](self.words, self.terms, out, self.rows, groups)
        return out


def tiled(packed: Tensor, scale: Tensor, zero: Tensor, order: Tensor | None = None) -> TiledInt4:
    """From ``int4.Int4Linear``'s form, groups of 128 columns."""
    rows, groups = scale.shape
    tiles = -(-rows // _TILE)
    padding = tiles * _TILE - rows
    # row: tile, half, g; word of a group: t, word; a lane is 4g + t
    words = F.pad(packed, (0, 0, 0, padding)).view(tiles, 2, 8, groups, 4, 4)
    words = words.permute(0, 3, 1, 2, 4, 5).reshape(tiles, groups, 2, 32, 4)
    terms = F.pad(torch.stack((scale, zero), dim=-1).bfloat16(), (0, 0, 0, 0, 0, padding))
    terms = terms.view(tiles, _TILE, groups, 2).transpose(1, 2)
    return TiledInt4(words.contiguous(), terms.contiguous(), rows, order)


@cache
def _kernel(tiles: int, parts: int, warps: int) -> Callable[..., Any]:
    source = resources.files("engine.loop.kernels").joinpath("int4.cu").read_text(encoding="utf-8")
    name = f"int4_{tiles}_{parts}_{warps}"
    return torch.cuda._compile_kernel(f"{source}\nKERNEL({tiles}, {parts}, {warps})\n", name)


@triton.jit
def _dequantise(words, terms, out, rows, groups):
    tile = tl.program_id(0)
    group = tl.program_id(1)
    row = tl.arange(0, 16)[:, None]
    column = tl.arange(0, 128)[None, :]
    at = tile.to(tl.int64) * groups + group
    lane = row % 8 * 4 + column // 32
    word = tl.load(words + (at * 2 + row // 8) * 128 + lane * 4 + column % 32 // 8)
    place = column % 8
    q = ((word >> (4 * (place // 2 + place % 2 * 4))) & 0xF).to(tl.float32)
    scale = tl.load(terms + (at * 16 + row) * 2).to(tl.float32)
    zero = tl.load(terms + (at * 16 + row) * 2 + 1).to(tl.float32)
    which = tile.to(tl.int64) * 16 + row
    to = out + which * groups * 128 + group * 128 + column
    tl.store(to, (q * scale - zero).to(out.dtype.element_ty), mask=which < rows)
