"""LoopAttention: the layers run ``loops`` times with the same weights.

Maths: IQuest-Coder-V1 report, section 2.1, as the published vLLM code has it. Between the loops nothing
happens. In the later loops a head mixes global attention, over the first loop's keys and values of the same
layer, with attention over its own last ``window`` ones; a gate made from its query says how much of each.
With one loop this is a Llama. Knows shapes and weights; where keys and values live is the ``Attention``'s.
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from engine.loop.config import LoopConfig
from engine.loop.shapes import Gates, Weights


class Attention(Protocol):
    """One step's attention: it knows whose tokens these are and what came before them."""

    def __call__(self, loop: int, layer: int, qkv: Tensor, gates: Gates | None) -> Tensor:
        """(N, (H + 2K) * D), not yet rotated -> (N, H * D)."""
        ...


class Adapter(Protocol):
    """Low-rank changes to matrices (LoRA)."""

    def delta(self, layer: int, name: str, x: Tensor) -> Tensor | None:
        """What is added to the product of ``x`` (N, in) and the matrix ``name``; None for nothing."""
        ...


class Operations(Protocol):
    """The element-wise work of a layer; ``eager`` is the plain version, ``kernels`` has faster ones."""

    def add_norm(self, x: Tensor, delta: Tensor | None, weight: Tensor, eps: float) -> tuple[Tensor, Tensor]:
        """x + delta, which may be written over x, and its RMS norm; all (N, hidden)."""
        ...

    def gated(self, gate_up: Tensor) -> Tensor:
        """silu(gate) * up; (N, 2F) -> (N, F)."""
        ...

    def rotate_and_store(
        self,
        qkv: Tensor,
        rotary: tuple[Tensor, Tensor],
        positions: Tensor,
        cells: Tensor,
        to: tuple[Tensor, Tensor],
    ) -> Tensor:
        """Queries (N, H, D) of ``qkv`` (N, (H + 2K) * D), turned to their ``positions`` (N,).

        Keys, turned too, and values go into the rows ``cells`` (N,) of ``to``, each (cells, K, D).
        """
        ...


class LoopModel:
    """The layers and their weights. Holds no token."""

    def __init__(self, config: LoopConfig, weights: Weights, operations: Operations) -> None:
        self.config = config
        self.weights = weights
        self._operations = operations

    def __call__(self, tokens: Tensor, attention: Attention, adapter: Adapter | None = None) -> Tensor:
        """Hidden states (N, hidden) of ``tokens`` (N,), normed and ready for ``logits``."""
        config, weights, operations = self.config, self.weights, self._operations
        eps = config.rms_norm_eps
        x, delta = weights.embedding[tokens], None
        for loop in range(config.loops):
            for index, layer in enumerate(weights.layers):
                x, h = operations.add_norm(x, delta, layer.input_norm, eps)
                qkv = _adapted(layer.qkv(h), adapter, index, "qkv", h)
                mixed = attention(loop, index, qkv, layer.gates if loop else None)
                out = _adapted(layer.o(mixed), adapter, index, "o", mixed)
                x, h = operations.add_norm(x, out, layer.post_norm, eps)
                inner = operations.gated(_adapted(layer.gate_up(h), adapter, index, "gate_up", h))
                delta = _adapted(layer.down(inner), adapter, index, "down", inner)
        return operations.add_norm(x, delta, weights.norm, eps)[1]

    def logits(self, hidden: Tensor) -> Tensor:
        """(N, hidden) -> (N, vocabulary), in float32 or better."""
        logits = self.weights.head(hidden)
        return logits if logits.dtype == torch.float64 else logits.float()


def _adapted(y: Tensor, adapter: Adapter | None, layer: int, name: str, x: Tensor) -> Tensor:
    delta = adapter.delta(layer, name, x) if adapter is not None else None
    return y if delta is None else y + delta
