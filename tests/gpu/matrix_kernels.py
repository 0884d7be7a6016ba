"""On a GPU: how near the products of a few rows come to the memory's speed, kernel by kernel.

    python -m tests.gpu.matrix_kernels

The 40B's matrices, several of each, so that none is read from the cache.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from engine.loop.int4 import quantised
from engine.loop.kernels import gemv
from engine.loop.kernels.int4 import TiledInt4
from engine.loop.shapes import Linear

SHAPES = {"qkv": (7168, 5120), "o": (5120, 5120), "gate_up": (55296, 5120), "down": (5120, 27648)}
_INT4_WAYS = ((1, 4), (1, 8), (2, 4), (2, 8))  # tiles and warps of a program
_CYCLED = 1 << 30  # bytes of different matrices: many times the cache


def seconds(run: Callable[[int], object], count: int) -> float:
    """Median seconds of one call, ``run(i)`` taking matrix i of ``count``, recorded as one graph."""
    for i in range(count):
        run(i)
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        for i in range(count):
            run(i)
    times = []
    for _ in range(7):
        begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        begin.record()
        graph.replay()
        end.record()
        end.synchronize()
        times.append(begin.elapsed_time(end) / 1e3 / count)
    return statistics.median(times)


def copy_rate() -> float:
    """Bytes a second, read and written, of a copy of 4 GiB."""
    a = torch.empty(1 << 32, dtype=torch.uint8, device="cuda")
    b = torch.empty_like(a)
    times = []
    for _ in range(6):
        begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        begin.record()
        b.copy_(a)
        end.record()
        end.synchronize()
        times.append(begin.elapsed_time(end) / 1e3)
    return 2 * a.numel() / statistics.median(times)


def matmul_rate(size: int = 8192) -> float:
    """Floating-point operations a second of a bfloat16 product of random matrices."""
    a, b = (torch.randn(size, size, dtype=torch.bfloat16, device="cuda") for _ in range(2))
    return 2 * size**3 / seconds(lambda _: a @ b, 10)


def main() -> None:
    rate = copy_rate()
    flops = matmul_rate()
    print(f"{torch.cuda.get_device_name()}: copy {rate / 1e12:.2f} TB/s, matmul {flops / 1e12:.0f} TFLOP/s")
    for name, (rows, columns) in SHAPES.items():
        measure(name, rows, columns, rate)
        torch.cuda.empty_cache()


def measure(name: str, rows: int, columns: int, rate: float) -> None:
    """Print the quickest ways for one matrix."""
    count = max(2, _CYCLED // (rows * columns * 2))
    dense = [
        torch.randn(rows, columns, dtype=torch.bfloat16, device="cuda") / columns**0.5 for _ in range(count)
    ]
    small = [fast for w in dense if isinstance(fast := _int4(w), TiledInt4)]
    tiled = [_tinygemm(w) for w in dense]
    for n in (1, 4, 16):
        x = torch.randn(n, columns, dtype=torch.bfloat16, device="cuda")
        size = dense[0].nbytes
        ways: dict[str, tuple[Callable[[int], Tensor], int, int]] = {
            "bf16 torch": (lambda i, x=x: F.linear(x, dense[i]), size, count)
        }
        if n <= gemv.MOST_ROWS:
            for block, width, warps in ((4, 512, 4), (8, 512, 4), (8, 256, 2)):
                ways[f"bf16 block {block} width {width} warps {warps}"] = (
                    lambda i, x=x, b=block, w=width, p=warps: gemv.product(
                        x, dense[i], block=b, width=w, warps=p
                    ),
                    size,
                    count,
                )
        for tiles, warps in _INT4_WAYS:
            ways[f"int4 tiles {tiles} warps {warps}"] = (
                lambda i, x=x, t=tiles, w=warps: small[i].product(x, tiles=t, warps=w),
                small[0].nbytes,
                count,
            )
        ways["int4 torch"] = (
            lambda i, x=x: torch.ops.aten._weight_int4pack_mm(x, tiled[i][0], 128, tiled[i][1]),
            small[0].nbytes,
            count,
        )
        found = []
        for way, (run, nbytes, many) in ways.items():
            try:
                s = seconds(run, many)
            except Exception as error:
                print(f"{name} {n} rows, {way}: {type(error).__name__} {str(error)[:80]}")
                continue
            found.append((way.split()[0], s, nbytes / s / rate, way))
        for kind in ("bf16", "int4"):
            of_kind = [one for one in found if one[0] == kind]
            best = sorted(of_kind, key=lambda one: one[1])[:3]
            ours = [one for one in of_kind if one[3].endswith("torch")]
            for _, s, share, way in [*best, *(o for o in ours if o not in best)]:
                print(f"{name:8} {n:2} rows  {s * 1e6:7.1f} us  {share:5.1%} of the copy's rate  {way}")


def _int4(weight: Tensor) -> Linear | None:
    found = quantised(weight)
    return found and found.fastest()


def _tinygemm(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Random codes in the layout of torch's own kernel: for its speed only."""
    rows, columns = weight.shape
    codes = torch.randint(0, 256, (rows, columns // 2), dtype=torch.uint8, device="cuda")
    packed = torch.ops.aten._convert_weight_to_int4pack(codes, 8)
    return packed, torch.randn(columns // 128, rows, 2, dtype=torch.bfloat16, device="cuda")


if __name__ == "__main__":
    main()
