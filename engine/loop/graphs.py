"""One step of a few tokens as a CUDA graph: a thousand kernels launched by one call.

A graph is recorded for each shape that comes up, and serves all lengths (see ``paged``).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from engine.loop.model import Adapter, LoopModel
from engine.loop.paged import PagedAttention
from engine.loop.spans import Span


class StepGraph:
    """``model`` over ``attention``'s buffers; the first use records it.

    ``pool`` (``torch.cuda.graph_pool_handle``) is memory that graphs share: only the one that ran last has
    valid results.
    """

    def __init__(
        self, model: LoopModel, attention: PagedAttention, adapter: Adapter | None, pool: Any
    ) -> None:
        self._attention = attention
        self._graph = torch.cuda.CUDAGraph()
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):  # kernels are compiled and workspaces made outside of the recording
            for _ in range(2):
                model.logits(model(attention.tokens, attention, adapter))
        torch.cuda.current_stream().wait_stream(side)
        with torch.cuda.graph(self._graph, pool=pool):
            self._logits = model.logits(model(attention.tokens, attention, adapter))

    def __call__(self, spans: Sequence[Span], tokens: Sequence[int]) -> Tensor:
        """The logits (len(tokens), vocabulary); the next step of any graph overwrites them."""
        self._attention.fill(spans, tokens)
        self._graph.replay()
        rows = self._attention.rows
        if len(tokens) == len(self._logits):
            return self._logits
        return torch.cat([self._logits[i * rows : i * rows + span.count] for i, span in enumerate(spans)])
