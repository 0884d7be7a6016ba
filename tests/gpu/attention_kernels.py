"""On a GPU: how near attention over pages comes to the memory's speed, for the 40B's heads.

python -m tests.gpu.attention_kernels
"""

from __future__ import annotations

import torch

from engine.loop.kernels.paged_attention import PagedRows, paged_attention
from engine.loop.pages import PAGE
from engine.loop.shapes import Gates
from tests.gpu.matrix_kernels import copy_rate, seconds

HEADS, KV_HEADS, D = 40, 8, 128
LAYERS = 8  # different ones, so that none is read from the cache


def main() -> None:
    rate = copy_rate()
    for context, rows in ((6000, 1), (130_000, 1), (6000, 4), (6000, 16), (130_000, 16)):
        pages = -(-(context + rows) // PAGE)
        cells = [
            torch.randn(2, (pages + 1) * PAGE, KV_HEADS, D, dtype=torch.bfloat16, device="cuda")
            for _ in range(LAYERS)
        ]
        near = torch.randn(2, 8 * PAGE, KV_HEADS, D, dtype=torch.bfloat16, device="cuda")
        gates = Gates(
            torch.randn(HEADS, D, dtype=torch.bfloat16, device="cuda"),
            torch.randn(HEADS, dtype=torch.bfloat16, device="cuda"),
        )
        order = torch.randperm(pages, device="cuda").to(torch.int32)[None]
        paged = PagedRows(
            torch.arange(context, context + rows, dtype=torch.int32, device="cuda"),
            order,
            torch.arange(4, dtype=torch.int32, device="cuda")[None],
            1,
            rows,
            64,
        )
        queries = torch.randn(rows, HEADS, D, dtype=torch.bfloat16, device="cuda")
        nbytes = 2 * context * KV_HEADS * D * 2
        for splits, warps, stages in (
            (128, 0, 2),
            (64, 0, 2),
            (256, 0, 2),
        ):
            try:
                s = seconds(
                    lambda i, c=cells, p=splits, w=warps, g=stages, q=queries, n=near, x=gates, r=paged: (
                        paged_attention(
                            q, (c[i][0], c[i][1]), (n[0], n[1]), x, r, splits=p, warps=w, stages=g
                        )
                    ),
                    LAYERS,
                )
            except Exception as error:
                print(f"{context} {rows} {splits} {warps} {stages}: {str(error)[:90]}")
                continue
            print(
                f"{context:7} keys, {rows:2} rows, {splits:3} splits, {warps} warps, {stages} stages: "
                f"{s * 1e6:6.1f} us, {nbytes / s / rate:.0%} of the copy's rate"
            )
        del cells
        torch.cuda.empty_cache()


if __name__ == "__main__":
    main()
