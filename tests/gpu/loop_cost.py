"""What the loop model of the 40B's shape costs on this GPU, beside what it must cost at least.

    python -m tests.gpu.loop_cost [--layers N] [--contexts N ...] [--only bf16|int4] [--profile]

Random weights: costs do not depend on what they say. Prints a table; without a GPU it says so.
"""

from __future__ import annotations

import argparse
import dataclasses
import gc
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from engine.loop.backend import LoopBackend
from engine.loop.cache import pages_for
from engine.loop.config import LoopConfig
from engine.loop.int4 import quantised
from engine.loop.model import LoopModel
from engine.loop.shapes import Dense, Linear, Weights
from tests.gpu.matrix_kernels import copy_rate, matmul_rate
from tests.gpu.random_weights import SHAPE_40B, random_weights

GIB = 1 << 30
NOTHING: Any = None  # for a tokenizer: there is no text here


def never() -> bool:
    return False


def small(weight: Tensor) -> Linear:
    found = quantised(weight)
    assert found is not None
    return found.fastest()


def decode_bytes(config: LoopConfig, weights: Weights, context: int) -> int:
    """Bytes that one token of one sequence has to read (loopcoder, section 8)."""
    layers = sum(
        one.qkv.nbytes + one.o.nbytes + one.gate_up.nbytes + one.down.nbytes for one in weights.layers
    )
    cell = 2 * config.kv_heads * config.head_dim * 2 * config.layers
    near = (config.loops - 1) * min(context, config.window) * cell
    return config.loops * (layers + context * cell) + near + weights.head.nbytes


def prefill_flops(config: LoopConfig, weights: Weights, start: int, count: int) -> float:
    """Operations of ``count`` tokens behind ``start`` others, causal attention counted as it is needed."""
    one = weights.layers[0]
    linear = sum(m.rows * m.columns for m in (one.qkv, one.o, one.gate_up, one.down))
    pairs = count * start + count * (count + 1) / 2
    attended = config.heads * config.head_dim
    far = config.loops * 4 * pairs * attended
    near = (config.loops - 1) * 4 * count * config.window * attended
    return config.layers * (2 * count * config.loops * linear + far + near)


def median_s(run: Callable[[], object], times: int) -> float:
    run()
    found = []
    for _ in range(times):
        torch.cuda.synchronize()
        began = time.perf_counter()
        run()
        torch.cuda.synchronize()
        found.append(time.perf_counter() - began)
    return statistics.median(found)


def filled(model: LoopModel, context: int, sequences: int = 1) -> LoopBackend:
    """A backend whose sequences hold random keys and values up to near ``context`` each."""
    from engine.loop.kernels.elementwise import Fused

    tokens = context * sequences
    backend = LoopBackend(
        model,
        NOTHING,
        Fused(),
        context_tokens=tokens,
        sequences=sequences,
        graphs=True,
        chunk_tokens=2048,
    )
    for pool in (backend._cache.pool, backend._cache.near):
        for cells in (pool.keys, pool.values):
            for layer in cells:
                layer.normal_()
    length = context - 2300
    for sequence in range(sequences):
        backend._cache.restore(sequence, length, range((length - 64) // 64, pages_for(length)))
    return backend


def rows(
    config: LoopConfig, weights: Weights, contexts: list[int], rate: float, flops: float
) -> Iterator[str]:
    from engine.loop.kernels.elementwise import Fused

    model = LoopModel(config, weights, Fused())
    own = torch.cuda.memory_allocated() / GIB
    yield f"weights {own:.2f} GiB ({torch.cuda.memory_allocated() / 1e9:.2f} GB)"
    for context in contexts:
        torch.cuda.reset_peak_memory_stats()
        backend = filled(model, context)
        length = backend.length(0)
        step = median_s(lambda b=backend: b.decode([(0, 5)], never), 24)
        floor = decode_bytes(config, weights, length) / rate
        verify = {}
        for count in (4, 16):
            verify[count] = median_s(lambda b=backend, n=count: b.verify(0, [5] * n, never), 8)
        text = (
            f"context {length:7}: decode {1 / step:6.1f} tokens/s ({step * 1e3:.2f} ms, {floor / step:.0%} "
            f"of the floor), verify 4 in {verify[4] * 1e3:.2f} ms, 16 in {verify[16] * 1e3:.2f} ms"
        )
        backend.prefill(0, [5] * 64, never)
        for count in (512, 1024):
            at = backend.length(0)
            began = time.perf_counter()
            backend.prefill(0, [5] * count, never)
            s = time.perf_counter() - began
            rate_now = prefill_flops(config, weights, at, count) / s
            text += f"; prefill {count}: {count / s:.0f} tokens/s, {rate_now / 1e12:.0f} TFLOP/s"
            text += f" ({rate_now / flops:.0%})"
        yield f"{text}; peak {torch.cuda.max_memory_allocated() / GIB:.1f} GiB"
        backend.close()
        del backend
        gc.collect()
        torch.cuda.empty_cache()
    backend = filled(model, 8192, 3)
    backend.prefill(0, [5] * 2048, never)
    backend.rewind(0, 8192 - 2300)
    began = time.perf_counter()
    backend.prefill(0, [5] * 2048, never)
    s = time.perf_counter() - began
    now = prefill_flops(config, weights, 8192 - 2300, 2048) / s
    yield f"prefill 2048 behind 6000: {2048 / s:.0f} tokens/s, {now / 1e12:.0f} TFLOP/s ({now / flops:.0%})"
    for count in (1, 2, 3):
        steps = [(i, 5) for i in range(count)]
        s = median_s(lambda n=steps: backend.decode(n, never), 16)
        yield f"{count} sequences of 6000 tokens at once: {count / s:.1f} tokens/s in all ({s * 1e3:.2f} ms)"
    backend.close()


def profile(config: LoopConfig, weights: Weights) -> Iterator[str]:
    """The kernels of one decoded token, longest first."""
    from torch.profiler import ProfilerActivity

    from engine.loop.kernels.elementwise import Fused

    backend = filled(LoopModel(config, weights, Fused()), 8192)
    backend.decode([(0, 5)], never)
    with torch.profiler.profile(activities=[ProfilerActivity.CUDA]) as found:
        backend.decode([(0, 5)], never)
    for event in sorted(found.key_averages(), key=lambda e: -e.device_time_total)[:9]:
        yield f"  {event.device_time_total / 1e3:8.2f} ms  {event.count:5} x  {event.key[:70]}"
    backend.close()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.gpu.loop_cost", description=__doc__)
    parser.add_argument("--layers", type=int, default=SHAPE_40B.layers)
    parser.add_argument("--contexts", type=int, nargs="+", default=[4096, 8192, 32768, 131072])
    parser.add_argument("--only", choices=("bf16", "int4"))
    parser.add_argument("--profile", action="store_true")
    options = parser.parse_args()
    if not torch.cuda.is_available():
        sys.exit("there is no CUDA GPU here: nothing was measured")
    config = dataclasses.replace(SHAPE_40B, layers=options.layers)
    rate, flops = copy_rate(), matmul_rate()
    print(f"{torch.cuda.get_device_name()}: copy {rate / 1e12:.2f} TB/s, matmul {flops / 1e12:.0f} TFLOP/s")
    for name, linear in (("bf16", Dense), ("int4", small)):
        if options.only not in (None, name):
            continue
        began = time.perf_counter()
        weights = random_weights(config, torch.bfloat16, torch.device("cuda"), linear)
        torch.cuda.empty_cache()
        print(f"--- {name}, {config.layers} layers (made in {time.perf_counter() - began:.0f} s)")
        try:
            for row in rows(config, weights, options.contexts, rate, flops):
                print(row, flush=True)
            if options.profile:
                print(*profile(config, weights), sep="\n")
        except torch.OutOfMemoryError as error:
            print(f"out of memory: {str(error)[:150]}")
        del weights
        gc.collect()
        torch.cuda.empty_cache()


if __name__ == "__main__":
    main()
