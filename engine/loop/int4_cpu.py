"""Matrices of 4 bits a weight as torch multiplies them on a processor, in bfloat16.

5,120 by 5,120 on two cores with AVX-512: one row in 1.9 ms, 64 in 32 ms; made whole first, 300 and more.
From ``int4``'s form to torch's own, which depends on the processor and is never kept. Knows nothing of where
a matrix comes from.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

_GROUPS = (32, 64, 128, 256)  # columns that may share a scale
_ROWS = 16  # come together
_MIDDLE = 8  # of the codes, from which torch counts


@dataclass(slots=True)
class ProcessorInt4:
    """See ``shapes.Linear``. ``codes`` (R, C/2) bytes in torch's order; ``terms`` (C/group, R, 2): of each
    group its scale and the weight that the middle code stands for."""

    codes: Tensor
    terms: Tensor
    group: int
    order: Tensor | None  # see ``int4.Int4Linear``

    @property
    def rows(self) -> int:
        """See ``shapes.Linear``."""
        return self.terms.shape[1]

    @property
    def columns(self) -> int:
        """See ``shapes.Linear``."""
        return self.terms.shape[0] * self.group

    @property
    def nbytes(self) -> int:
        """See ``shapes.Linear``."""
        return self.codes.nbytes + self.terms.nbytes + (0 if self.order is None else self.order.nbytes)

    def __call__(self, x: Tensor) -> Tensor:
        """See ``shapes.Linear``; ``x`` in bfloat16."""
        x = x.contiguous() if self.order is None else x[:, self.order]
        return torch.ops.aten._weight_int4pack_mm_for_cpu(x, self.codes, self.group, self.terms)


def can_multiply(scale: Tensor, columns: int) -> bool:
    """Whether torch can, with ``scale`` (R, groups): on a CPU, in bfloat16, in sizes that it knows."""
    rows, groups = scale.shape
    fits = columns // groups in _GROUPS and rows % _ROWS == 0
    return fits and scale.device.type == "cpu" and scale.dtype == torch.bfloat16


def for_processor(codes: Tensor, scale: Tensor, zero: Tensor, order: Tensor | None) -> ProcessorInt4:
    """From codes of 0 to 15 (R, C) int32 and the scales and zeros of ``int4.Int4Linear``."""
    middle = (_MIDDLE * scale.float() - zero.float()).to(scale.dtype)
    terms = torch.stack((scale.T, middle.T), dim=-1).contiguous()
    packed = torch.ops.aten._convert_weight_to_int4pack_for_cpu(codes.contiguous(), 1)
    return ProcessorInt4(packed, terms, codes.shape[1] // scale.shape[1], order)
