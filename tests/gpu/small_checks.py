"""On a GPU: what is recorded, flashed and quantised computes what the plain model does.

    python -m tests.gpu.small_checks

A model of the real heads and a few layers; bfloat16 against the same weights in float32.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from engine.loop.backend import LoopBackend
from engine.loop.eager import Eager
from engine.loop.int4 import Int4Linear, quantised
from engine.loop.model import LoopModel, Operations
from engine.loop.shapes import Dense, Layer, Linear, Weights
from tests.gpu.random_weights import SHAPE_40B, random_weights

SHAPE = dataclasses.replace(
    SHAPE_40B, layers=3, hidden_size=1280, heads=10, kv_heads=2, intermediate_size=2560, vocabulary_size=4096
)


def never() -> bool:
    return False


def converted(weights: Weights, dtype: torch.dtype) -> Weights:
    def dense(linear: object) -> Dense:
        assert isinstance(linear, Dense)
        return Dense(linear.weight.to(dtype))

    layers = []
    for one in weights.layers:
        gates = one.gates and dataclasses.replace(
            one.gates, weight=one.gates.weight.to(dtype), bias=one.gates.bias.to(dtype)
        )
        layers.append(
            Layer(
                one.input_norm.to(dtype),
                dense(one.qkv),
                dense(one.o),
                one.post_norm.to(dtype),
                dense(one.gate_up),
                dense(one.down),
                gates,
            )
        )
    return Weights(weights.embedding.to(dtype), layers, weights.norm.to(dtype), dense(weights.head))


def with_matrices(weights: Weights, change: Callable[[Dense], Linear]) -> Weights:
    """The same with each layer's dense matrices changed."""

    def changed(linear: Linear) -> Linear:
        assert isinstance(linear, Dense)
        return change(linear)

    layers = [
        dataclasses.replace(
            one,
            qkv=changed(one.qkv),
            o=changed(one.o),
            gate_up=changed(one.gate_up),
            down=changed(one.down),
        )
        for one in weights.layers
    ]
    return dataclasses.replace(weights, layers=layers)


def packed(linear: Dense) -> Int4Linear:
    found = quantised(linear.weight)
    assert found is not None
    return found


def run(weights: Weights, operations: Operations, ids: Sequence[int], *, graphs: bool) -> np.ndarray:
    """Logits of the same calls for everyone: prefill, verify, decode alone and in company."""
    nothing: Any = None  # for a tokenizer: there is no text here
    backend = LoopBackend(
        LoopModel(SHAPE, weights, operations),
        nothing,
        operations,
        context_tokens=4096,
        sequences=3,
        graphs=graphs,
    )
    found: list[Any] = []
    for start in range(0, 1100, 300):
        found.append(backend.prefill(0, ids[start : min(start + 300, 1100)], never))
    found += backend.verify(0, ids[1100:1103], never) or []
    found += backend.verify(0, ids[1103:1115], never) or []
    for token in ids[1115:1120]:
        found += list(decoded) if (decoded := backend.decode([(0, token)], never)) is not None else []
    backend.fork(0, 1, 1024)
    found.append(backend.prefill(1, ids[5:18], never))
    for token in ids[1120:1200]:  # across a page's end
        rows = backend.decode([(0, token), (1, token + 1)], never)
        assert rows is not None
        found += list(rows)
    assert backend.rewind(1, 1024)
    found += backend.verify(1, ids[40:44], never) or []
    backend.close()
    return np.stack(found)


def main() -> None:
    from engine.loop.kernels.elementwise import Fused

    if not torch.cuda.is_available():
        sys.exit("there is no CUDA GPU here: nothing was checked")
    device = torch.device("cuda")
    weights = random_weights(SHAPE, torch.bfloat16, device, Dense)
    ids = torch.randint(0, SHAPE.vocabulary_size - 1, (1200,)).tolist()
    wide = converted(weights, torch.float32)
    truth = run(wide, Eager(), ids, graphs=False)
    size = np.linalg.norm(truth)

    def report(name: str, found: np.ndarray, wanted: np.ndarray, most: float) -> bool:
        error = np.linalg.norm(found - wanted) / size
        agree = (found.argmax(-1) == wanted.argmax(-1)).mean()
        good = bool(error < most) and not np.isnan(found).any()
        print(f"{name:45} error {error:.2e}  same first token {agree:6.1%}  {'ok' if good else 'WRONG'}")
        return good

    plain = run(weights, Eager(), ids, graphs=False)
    results = [
        report("float32: recorded steps", run(wide, Fused(), ids, graphs=True), truth, 1e-4),
        report("bfloat16: flash, plain operations", plain, truth, 3e-2),
        report("bfloat16: flash, fused operations", run(weights, Fused(), ids, graphs=False), truth, 3e-2),
        report("bfloat16: recorded steps", run(weights, Fused(), ids, graphs=True), truth, 3e-2),
    ]
    small = with_matrices(weights, lambda linear: packed(linear).fastest())
    whole = with_matrices(weights, lambda linear: Dense(packed(linear).dequantised()))
    exact = run(converted(whole, torch.float32), Eager(), ids, graphs=False)
    results.append(
        report("int4: kernels, recorded steps", run(small, Fused(), ids, graphs=True), exact, 4e-2)
    )
    sys.exit(0 if all(results) else 1)


if __name__ == "__main__":
    main()
