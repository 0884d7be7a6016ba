"""From a prompt to the logits after it, evaluating only what no cache holds.

Knows how long that will take before it is done, and has room made where the backend's is used up.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from engine.backend import Backend, Logits, StopCheck
from engine.batches import batches, body_length
from engine.errors import ContextFull
from engine.pace import Pace
from engine.prefix_store import PrefixStore
from engine.request import FinishReason, GenerationRequest, Priority

_ACTIVE_S = 2.0  # after a foreground request the next is near: what is evaluated ahead goes in small batches
_SMALL_BATCH = 16  # tokens: what a typist's next key may find half done, and lost
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Prefilled:
    """How far a prompt was evaluated; ``logits`` is None where that is not its end, for ``reason``."""

    sequence: int
    cached: int
    done: int
    logits: Logits | None
    reason: FinishReason = FinishReason.LENGTH


class Prefill:
    """Evaluates prompts on ``backend`` through ``store``, and learns ``pace`` from it."""

    def __init__(self, backend: Backend, store: PrefixStore, pace: Pace) -> None:
        self._backend = backend
        self._store = store
        self._pace = pace
        self._foreground_at = -math.inf  # when somebody last waited

    def expected_s(self, tokens: Sequence[int], adapter: str = "") -> float:
        """Seconds until the logits after ``tokens`` are there, as the cache is now. Any thread may ask."""
        cached, block = self._store.expected(tokens, adapter), self._backend.block_tokens
        ranges = batches(cached, len(tokens), most=self._backend.chunk_tokens, block=block)
        return sum(self._pace.batch_s(end - start) for start, end in ranges)

    def run(self, request: GenerationRequest, stop: StopCheck) -> Prefilled:
        """Evaluate what the cache lacks. Raises ContextFull."""
        prompt, block = request.tokens, self._backend.block_tokens
        foreground = request.priority is Priority.INTERACTIVE
        if foreground:
            self._foreground_at = time.monotonic()
        sequence, cached = self._store.acquire(
            prompt, request.owner, foreground=foreground, adapter=request.adapter
        )
        if cached == len(prompt) and (logits := self._store.logits(sequence)) is not None:
            return Prefilled(sequence, cached, cached, logits)
        body, logits, end = body_length(len(prompt), block), None, cached
        while logits is None or end < len(prompt):
            most = self._most(foreground)
            at, following = next(batches(end, len(prompt), most=most, block=block))
            cached = min(cached, at)
            if stop():
                return Prefilled(sequence, cached, at, None, FinishReason.CANCELLED)
            if request.deadline is not None and time.monotonic() >= request.deadline:
                return Prefilled(sequence, cached, at, None, FinishReason.DEADLINE)
            if (kept := self._store.rewind(sequence, at)) < at:
                cached, end = min(cached, kept), kept
                continue
            end = following
            batch, began = prompt[at:end], time.monotonic()
            logits = self.with_room(
                sequence, lambda batch=batch: self._backend.prefill(sequence, batch, stop)
            )
            if logits is None:
                return Prefilled(sequence, cached, at, None, FinishReason.CANCELLED)
            self._pace.note(end - at, time.monotonic() - began)
            self._store.extend(sequence, batch, in_blocks=end <= body)
        self._store.remember_logits(sequence, logits)
        return Prefilled(sequence, cached, len(prompt), logits)

    def _most(self, foreground: bool) -> int:
        """Tokens of the next batch at most: few while somebody types, for what is interrupted is lost."""
        if not foreground and time.monotonic() - self._foreground_at < _ACTIVE_S:
            return min(self._backend.chunk_tokens, _SMALL_BATCH)
        return self._backend.chunk_tokens

    def with_room(self, keep: int, evaluate: Callable[[], T]) -> T:
        """Evaluate; where the backend is full, forget the oldest prompts until it fits."""
        while True:
            try:
                return evaluate()
            except ContextFull:
                if not self._store.make_room(keep):
                    raise
