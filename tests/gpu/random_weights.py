"""Random weights of a real shape, made on the GPU: for what a model costs, not for what it says."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from engine.loop.config import LoopConfig
from engine.loop.shapes import Dense, Gates, Layer, Linear, Weights

SHAPE_40B = LoopConfig(
    vocabulary_size=76800,
    hidden_size=5120,
    intermediate_size=27648,
    layers=80,
    heads=40,
    kv_heads=8,
    head_dim=128,
    rms_norm_eps=1e-5,
    rope_theta=5e5,
    loops=2,
    window=64,
    trained_context=131072,
    tied=False,
    stop_tokens=(2, 75864, 75869),
    begin_token=1,
)


def random_weights(
    config: LoopConfig, dtype: torch.dtype, device: torch.device, linear: Callable[[Tensor], Linear]
) -> Weights:
    """Every matrix normal with the spread that keeps activations of one size; ``linear`` may quantise it."""
    generator = torch.Generator(device).manual_seed(0)

    def matrix(rows: int, columns: int) -> Tensor:
        out = torch.empty(rows, columns, dtype=dtype, device=device)
        return out.normal_(0.0, columns**-0.5, generator=generator)

    attended, keys = config.heads * config.head_dim, config.kv_heads * config.head_dim
    hidden, inner = config.hidden_size, config.intermediate_size
    layers = []
    for _ in range(config.layers):
        gates = None
        if config.loops > 1:
            bias = torch.full((config.heads,), 2.0, dtype=dtype, device=device)
            gates = Gates(matrix(config.heads, config.head_dim), bias)
        ones = torch.ones(hidden, dtype=dtype, device=device)
        layers.append(
            Layer(
                ones,
                linear(matrix(attended + 2 * keys, hidden)),
                linear(matrix(hidden, attended)),
                ones,
                linear(matrix(2 * inner, hidden)),
                linear(matrix(hidden, inner)),
                gates,
            )
        )
    head = Dense(matrix(config.vocabulary_size, hidden))
    ones = torch.ones(hidden, dtype=dtype, device=device)
    return Weights(matrix(config.vocabulary_size, hidden), layers, ones, head)
