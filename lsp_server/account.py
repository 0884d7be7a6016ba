"""What an answer cost and was made of."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from context import Prompt
from context.prompt import Piece

if TYPE_CHECKING:
    from engine.request import Generation


@dataclass(frozen=True, slots=True)
class Account:
    """What one answer cost and was made of; times in milliseconds, the rest in tokens."""

    key: str
    source: str  # "model", "typed along" where no call was needed, "foreseen" where it had been made ahead
    total_ms: float = 0.0
    assemble_ms: float = 0.0
    queue_ms: float = 0.0
    prefill_ms: float = 0.0
    decode_ms: float = 0.0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    generated_tokens: int = 0
    finish: str = ""
    mean_logprob: float = 0.0
    whole: bool = True  # False: a shorter prompt was asked, because there was no time for the whole one
    pieces: tuple[Piece, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """For a client; a piece is its source, path and tokens (``codeflow/explain`` has more)."""
        return {**asdict(self), "pieces": [(one.source, one.path, one.tokens) for one in self.pieces]}


def account_of(key: str, source: str, prompt: Prompt, generation: Generation, *, whole: bool) -> Account:
    """The account of an answer of the model; ``total_ms`` and ``assemble_ms`` are the caller's to add."""
    timings = generation.timings
    return Account(
        key,
        source,
        queue_ms=timings.queue_ms,
        prefill_ms=timings.prefill_ms,
        decode_ms=timings.decode_ms,
        prompt_tokens=timings.prompt_tokens,
        cached_tokens=timings.cached_tokens,
        generated_tokens=timings.generated_tokens,
        finish=generation.finish.value,
        whole=whole,
        pieces=prompt.pieces,
    )
