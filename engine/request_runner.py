"""What the engine's thread asks of whatever answers requests: a model on this machine, or a server elsewhere.

Queue, lanes, priorities and cancelling are the engine's; how a request becomes tokens is the runner's.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Protocol

from engine.backend import StopCheck
from engine.request import Generation, GenerationRequest, Token


class Closable(Protocol):
    """What was opened, and has to be closed on the engine's thread."""

    def close(self) -> None:
        """Free all that is held. Idempotent."""
        ...


class RequestRunner(Protocol):
    """Runs one request at a time. ``run`` and ``save`` are called on the engine's thread, the rest on any."""

    def run(
        self, request: GenerationRequest, stop: StopCheck, queue_ms: float = 0.0
    ) -> Generator[Token, None, Generation]:
        """Yield tokens as they come; the generator's return value is the finished ``Generation``.

        Ends as CANCELLED within 50 ms of ``stop`` coming true. Raises EngineError.
        """
        ...

    def expected_s(self, tokens: Sequence[int], adapter: str = "") -> float:
        """About how many seconds until the first token of an answer to ``tokens``, if it began now."""
        ...

    @property
    def step_s(self) -> float:
        """About how many seconds each token of an answer takes."""
        ...

    def saved(self, owner: str) -> tuple[int, ...]:
        """The body of the prompt of ``owner`` that was saved last; empty where none is."""
        ...

    def save(self, *, everything: bool = False) -> bool:
        """Keep evaluated prompts for the next start; False where there is no more to be kept."""
        ...
