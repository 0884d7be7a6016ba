"""Matrices of 4 bits a weight: rounded to nearest here, or brought in from elsewhere (``gptq``).

A weight is ``scale * q - zero``, q of 0 to 15, ``scale`` and ``zero`` shared by a group of columns of one
row. A product here first makes the matrix whole again, which is the slow true version; the GPU's is in
``kernels.int4``, the processor's in ``int4_cpu``.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from torch import Tensor

from engine.loop.int4_cpu import can_multiply, for_processor
from engine.loop.shapes import Linear, has_kernels

GROUP = 128  # columns: the published quantisations' size; 0.25 bits a weight for scales and zeros
_LEAST_GROUP = 32
_SHIFTS = (0, 16, 4, 20, 8, 24, 12, 28)  # of the eight columns of a word
_ROWS_AT_ONCE = 1024  # quantised together: bounds what is needed beside the matrix


@dataclass(slots=True)
class Int4Linear:
    """``packed`` (R, C/8) int32, each word eight columns: see ``pack``; ``scale``, ``zero`` (R, C/group).

    ``order``: where columns were reordered, which input column each of them takes (C,).
    """

    packed: Tensor
    scale: Tensor
    zero: Tensor
    order: Tensor | None = None

    @property
    def rows(self) -> int:
        """See ``shapes.Linear``."""
        return self.packed.shape[0]

    @property
    def columns(self) -> int:
        """See ``shapes.Linear``."""
        return 8 * self.packed.shape[1]

    @property
    def nbytes(self) -> int:
        """See ``shapes.Linear``."""
        order = 0 if self.order is None else self.order.nbytes
        return self.packed.nbytes + self.scale.nbytes + self.zero.nbytes + order

    def dequantised(self) -> Tensor:
        """The whole matrix (R, C), columns in the order they are kept in."""
        codes = unpack(self.packed).view(*self.scale.shape, -1)
        scale, zero = (
            terms[..., None] if terms.dtype == torch.float64 else terms.float()[..., None]
            for terms in (self.scale, self.zero)
        )
        return (codes * scale - zero).view(self.rows, self.columns).to(self.scale.dtype)

    def __call__(self, x: Tensor) -> Tensor:
        """See ``shapes.Linear``."""
        if self.order is not None:
            x = x[:, self.order]
        return F.linear(x, self.dequantised().to(x.dtype))

    def fastest(self) -> Linear:
        """The same matrix in the form that its device multiplies fastest."""
        if can_multiply(self.scale, self.columns):
            return for_processor(unpack(self.packed), self.scale, self.zero, self.order)
        on_gpu = self.packed.is_cuda and self.scale.dtype == torch.bfloat16 and has_kernels()
        if not on_gpu or self.columns != GROUP * self.scale.shape[1]:
            return self
        if torch.cuda.get_device_capability(self.packed.device) < (8, 0):
            return self
        from engine.loop.kernels.int4 import tiled

        return tiled(self.packed, self.scale, self.zero, self.order)


def pack(codes: Tensor) -> Tensor:
    """Codes of 0 to 15 (R, C) as int32 words (R, C/8): of eight columns the even ones in the low half, the
    odd ones in the high half, so that a shift and a mask find two neighbours at once."""
    words = codes.view(len(codes), -1, 8).to(torch.int32)
    shifts = torch.tensor(_SHIFTS, dtype=torch.int32, device=codes.device)
    return (words << shifts).sum(-1, dtype=torch.int32)


def unpack(packed: Tensor) -> Tensor:
    """What ``pack`` packed: (R, C/8) to codes (R, C)."""
    shifts = torch.tensor(_SHIFTS, dtype=torch.int32, device=packed.device)
    return ((packed[..., None] >> shifts) & 15).view(len(packed), -1)


def group_of(columns: int) -> int:
    """Columns that share a scale; 0 where a matrix of so many columns cannot be quantised."""
    size = GROUP
    while size >= _LEAST_GROUP:
        if columns % size == 0:
            return size
        size //= 2
    return 0


def quantised(weight: Tensor) -> Int4Linear | None:
    """``weight`` (R, C) rounded to nearest, on its own device; None where its columns make no groups."""
    rows, columns = weight.shape
    group = group_of(columns)
    if not group:
        return None
    packed = torch.empty(rows, columns // 8, dtype=torch.int32, device=weight.device)
    scale = torch.empty(rows, columns // group, dtype=weight.dtype, device=weight.device)
    zero = torch.empty_like(scale)
    for first in range(0, rows, _ROWS_AT_ONCE):
        part = slice(first, first + _ROWS_AT_ONCE)
        values = weight[part].view(-1, columns // group, group).float()
        low, high = values.amin(-1), values.amax(-1)
        # what is stored is rounded to the weights' dtype: codes are chosen for what is stored
        step = ((high - low) / 15).to(weight.dtype)
        step = torch.where(step > 0, step, torch.ones_like(step))
        offset = (-low).to(weight.dtype)
        codes = (values + offset.float()[..., None]) / step.float()[..., None]
        packed[part] = pack(codes.round_().clamp_(0, 15).view(-1, columns))
        scale[part], zero[part] = step, offset
    return Int4Linear(packed, scale, zero)
