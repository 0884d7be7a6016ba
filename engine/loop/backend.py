"""Evaluates token ids with a LoopAttention model in torch; keeps ``engine.backend.Backend``'s promises.

Sequences share what they have in common, page by page. On a CUDA GPU steps of a few tokens are recorded
graphs; everything else, and everything on a CPU, is plain torch. One thread owns an instance.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from engine.backend import Logits, MarkedTokenizer, StopCheck
from engine.errors import BackendError
from engine.loop.cache import LoopCache
from engine.loop.graphs import StepGraph
from engine.loop.model import Adapter, LoopModel, Operations
from engine.loop.rotary import rotary_table
from engine.loop.shapes import Gates
from engine.loop.spans import Span, SpanAttention
from engine.loop.state import State, load_state, save_state, state_bytes

CHUNK_ON_CPU = 128  # tokens; a stopped request loses no more
CHUNK_ON_GPU = 512  # enough to be bound by arithmetic; 0.2 s of the 40B on an H200
_MOST_GROUPS = (
    3  # sequences whose next tokens are evaluated in one recorded step: the candidates of a request
)
_GRAPH_ROWS = (1, 4, 16)  # tokens of one sequence that are verified in one step, filled up to these


class _Stopped(Exception):
    """The stop check came true between two layers."""


class LoopBackend:
    """``sequences`` sequences that share a cache of ``context_tokens`` tokens.

    ``dtype`` and ``device`` are those of the model's weights. ``graphs``: whether steps are recorded; only
    on CUDA.
    """

    def __init__(
        self,
        model: LoopModel,
        tokenizer: MarkedTokenizer,
        operations: Operations,
        *,
        context_tokens: int,
        sequences: int,
        adapters: Mapping[str, Adapter] | None = None,
        graphs: bool = False,
        chunk_tokens: int = 0,
    ) -> None:
        weights = model.weights
        self._model, self._operations, self.tokenizer = model, operations, tokenizer
        self._device, dtype = weights.embedding.device, weights.embedding.dtype
        self.sequences, self.context_tokens, self.block_tokens = sequences, context_tokens, 1
        on_gpu = self._device.type == "cuda"
        self.chunk_tokens = chunk_tokens or (CHUNK_ON_GPU if on_gpu else CHUNK_ON_CPU)
        self._cache = LoopCache(
            model.config,
            tokens=context_tokens,
            sequences=sequences,
            chunk=self.chunk_tokens,
            dtype=dtype,
            device=self._device,
        )
        self._rotary = rotary_table(model.config, context_tokens, dtype=dtype, device=self._device)
        self._records = graphs and on_gpu
        self._graphs: dict[tuple[str, int, int], StepGraph] = {}
        self._graph_pool = torch.cuda.graph_pool_handle() if self._records else None
        self._adapters = dict(adapters or {})
        self._adapter, self._adapter_name = None, ""

    @torch.inference_mode()
    def record(self) -> None:
        """Record every step that can be, some seconds of compiling included, before anybody waits."""
        if self._records:
            for rows in self._rows_recorded:
                self._graph((1, rows))
            for groups in range(2, min(self.sequences, _MOST_GROUPS) + 1):
                self._graph((groups, 1))

    def adapt(self, adapter: str) -> None:
        """See ``Backend.adapt``."""
        if adapter and adapter not in self._adapters:
            known = ", ".join(self._adapters) or "none is loaded"
            raise BackendError(
                f"there is no adapter named {adapter} ({known}); see the setting engine.adapters"
            )
        self._adapter, self._adapter_name = self._adapters.get(adapter), adapter

    @torch.inference_mode()
    def prefill(self, sequence: int, tokens: Sequence[int], stop: StopCheck) -> Logits | None:
        """See ``Backend.prefill``."""
        hidden = self._evaluate([self._span(sequence, len(tokens))], tokens, stop)
        return None if hidden is None else _on_host(self._model.logits(hidden[-1:]))[0]

    @torch.inference_mode()
    def decode(self, steps: Sequence[tuple[int, int]], stop: StopCheck) -> Logits | None:
        """See ``Backend.decode``."""
        spans = [self._span(sequence, 1) for sequence, _ in steps]
        logits = self._logits(spans, [token for _, token in steps], stop)
        return None if logits is None else _on_host(logits)

    @torch.inference_mode()
    def verify(self, sequence: int, tokens: Sequence[int], stop: StopCheck) -> list[Logits] | None:
        """See ``Backend.verify``."""
        logits = self._logits([self._span(sequence, len(tokens))], tokens, stop)
        return None if logits is None else list(_on_host(logits))

    @torch.inference_mode()
    def score(self, sequence: int, tokens: Sequence[int], count: int, stop: StopCheck) -> list[float] | None:
        """See ``Backend.score``."""
        hidden = self._evaluate([self._span(sequence, len(tokens))], tokens, stop)
        if hidden is None:
            return None
        scores = self._model.logits(hidden[-count - 1 : -1]).log_softmax(-1)
        wanted = torch.tensor(list(tokens[-count:]), device=self._device)
        return scores.gather(1, wanted[:, None])[:, 0].tolist()

    def length(self, sequence: int) -> int:
        """See ``Backend.length``."""
        return self._cache.sequences[sequence].length

    def restorable(self, sequence: int, length: int) -> int:
        """See ``Backend.restorable``."""
        return self._cache.restorable(sequence, length)

    def rewind(self, sequence: int, length: int) -> bool:
        """See ``Backend.rewind``."""
        return self._cache.rewind(sequence, length)

    def fork(self, source: int, target: int, length: int) -> None:
        """See ``Backend.fork``; nothing is copied but a page that both go on writing to."""
        self._cache.fork(source, target, length)

    def state_bytes(self, sequence: int) -> int:
        """See ``Backend.state_bytes``."""
        return state_bytes(self._cache, sequence)

    def save(self, sequence: int) -> bytes:
        """See ``Backend.save``."""
        return save_state(self._cache, sequence)

    def load(self, sequence: int, state: State, length: int) -> bool:
        """See ``Backend.load``."""
        return load_state(self._cache, sequence, state) and self._cache.rewind(sequence, length)

    def close(self) -> None:
        """Free the model's memory. Idempotent."""
        self._graphs.clear()
        self.__dict__.pop("_cache", None)
        self.__dict__.pop("_model", None)
        if self._device.type == "cuda":
            torch.cuda.empty_cache()

    def _span(self, sequence: int, count: int) -> Span:
        return Span(sequence, self._cache.sequences[sequence].length, count)

    def _logits(self, spans: Sequence[Span], tokens: Sequence[int], stop: StopCheck) -> Tensor | None:
        """(N, vocabulary): by a recorded step where one fits."""
        shape = self._graph_shape(spans)
        if shape is None:
            hidden = self._evaluate(spans, tokens, stop)
            return None if hidden is None else self._model.logits(hidden)
        if stop():
            return None
        self._reserve(spans)
        logits = self._graph(shape)(spans, tokens)
        self._commit(spans)
        return logits

    def _evaluate(self, spans: Sequence[Span], tokens: Sequence[int], stop: StopCheck) -> Tensor | None:
        """Hidden states (N, hidden); None where stopped. Raises ContextFull. Either way nothing has changed
        then."""
        self._reserve(spans)
        try:
            ids = torch.tensor(list(tokens), device=self._device)
            attention = SpanAttention(self._cache, self._operations, self._rotary, spans)
            hidden = self._model(ids, _Stoppable(attention, stop), self._adapter)
        except BaseException as error:
            for span in spans:
                self._cache.rewind(span.sequence, span.start)
            if isinstance(error, _Stopped):
                return None
            raise
        self._commit(spans)
        return hidden

    def _reserve(self, spans: Sequence[Span]) -> None:
        """Raises ContextFull, and then no room is reserved."""
        try:
            for span in spans:
                self._cache.reserve(span.sequence, span.count)
        except BaseException:
            for span in spans:
                self._cache.rewind(span.sequence, span.start)
            raise

    def _commit(self, spans: Sequence[Span]) -> None:
        for span in spans:
            self._cache.commit(span.sequence, span.count)

    def _graph_shape(self, spans: Sequence[Span]) -> tuple[int, int] | None:
        """Groups and rows of the recorded step that ``spans`` fit in; None where there is none."""
        if not self._records:
            return None
        longest = max(span.count for span in spans)
        if len(spans) > 1:
            return (len(spans), 1) if longest == 1 and len(spans) <= _MOST_GROUPS else None
        return next(((1, rows) for rows in self._rows_recorded if rows >= longest), None)

    @property
    def _rows_recorded(self) -> tuple[int, ...]:
        """For float32 one row alone: the tiles of more do not fit in a processor's shared memory."""
        return _GRAPH_ROWS if self._rotary[0].element_size() == 2 else _GRAPH_ROWS[:1]

    def _graph(self, shape: tuple[int, int]) -> StepGraph:
        key = (self._adapter_name, *shape)
        if key not in self._graphs:
            from engine.loop.paged import PagedAttention  # needs Triton

            attention = PagedAttention(
                self._cache,
                self._operations,
                self._rotary,
                groups=shape[0],
                rows=shape[1],
                tokens=self.context_tokens,
            )
            self._graphs[key] = StepGraph(self._model, attention, self._adapter, self._graph_pool)
        return self._graphs[key]


class _Stoppable:
    """Attention that ends a step between two layers."""

    def __init__(self, attention: SpanAttention, stop: StopCheck) -> None:
        self._attention, self._stop = attention, stop

    def __call__(self, loop: int, layer: int, qkv: Tensor, gates: Gates | None) -> Tensor:
        if self._stop():
            raise _Stopped
        return self._attention(loop, layer, qkv, gates)


def _on_host(logits: Tensor) -> Logits:
    return np.asarray(logits.float().cpu().numpy())
