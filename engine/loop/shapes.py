"""The parts of a loaded model: what ``weights`` fills in and ``model`` computes with.

A ``Linear`` may hold its matrix in any form; whoever computes with it sees only ``y = x W^T``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from typing import Protocol

import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from torch import Tensor


@cache
def has_kernels() -> bool:
    """Whether Triton is there, which compiles the kernels; on Windows it mostly is not."""
    return find_spec("triton") is not None


class Linear(Protocol):
    """A matrix without a bias, dense or quantised."""

    @property
    def rows(self) -> int:
        """Output features."""
        ...

    @property
    def columns(self) -> int:
        """Input features."""
        ...

    @property
    def nbytes(self) -> int:
        """Bytes on the device, which is what one token's product has to read."""
        ...

    def __call__(self, x: Tensor) -> Tensor:
        """(N, columns) -> (N, rows), in ``x``'s dtype."""
        ...


@dataclass(slots=True)
class Dense:
    """A matrix as it is: ``weight`` (rows, columns)."""

    weight: Tensor

    @property
    def rows(self) -> int:
        """See ``Linear``."""
        return self.weight.shape[0]

    @property
    def columns(self) -> int:
        """See ``Linear``."""
        return self.weight.shape[1]

    @property
    def nbytes(self) -> int:
        """See ``Linear``."""
        return self.weight.nbytes

    def __call__(self, x: Tensor) -> Tensor:
        """See ``Linear``."""
        if x.is_cuda and len(x) == 1 and has_kernels():
            from engine.loop.kernels.gemv import product

            return product(x, self.weight)  # 5% quicker than cuBLAS at the 40B's sizes on an H200
        return F.linear(x, self.weight)


@dataclass(slots=True)
class Gates:
    """How much of the global attention each head takes in the second loop: ``weight`` (H, D), ``bias`` (H,).

    Stored raw, not as a linear layer (loopcoder: ``model.gate_projections.N``), and never quantised.
    """

    weight: Tensor
    bias: Tensor


@dataclass(slots=True)
class Layer:
    """One transformer block; H query heads, K key heads, D of each, F of the feed-forward part."""

    input_norm: Tensor  # (hidden,)
    qkv: Linear  # rows: queries H*D, keys K*D, values K*D
    o: Linear  # (hidden, H*D)
    post_norm: Tensor  # (hidden,)
    gate_up: Linear  # rows: gate F, up F
    down: Linear  # (hidden, F)
    gates: Gates | None  # None where there is one loop


@dataclass(slots=True)
class Weights:
    """Everything a checkpoint holds, on one device and in one dtype but for what is quantised."""

    embedding: Tensor  # (vocabulary, hidden)
    layers: list[Layer]
    norm: Tensor  # (hidden,)
    head: Linear  # (vocabulary, hidden)
