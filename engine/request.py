"""What may be asked of the engine, and what comes back: plain frozen values.

The engine knows token ids, limits and a stop flag. It does not know files, editors or why it is asked;
``lane`` is an opaque name under which the newest request replaces the older ones.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.constraint import Constraint


class Priority(IntEnum):
    """Lower runs first."""

    INTERACTIVE = 0  # somebody waits
    BACKGROUND = 10  # nobody waits yet; stopped by whatever comes before it, and taken up again


class FinishReason(Enum):
    """Why a generation ended."""

    END_OF_TEXT = "end of text"  # the model emitted an end or FIM marker
    STOPPED = "stop rule"  # the caller's stop rule was satisfied
    LENGTH = "length"
    DEADLINE = "deadline"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Sampling:
    """How the next token is drawn; temperature 0 is greedy and deterministic."""

    temperature: float = 0.0
    top_k: int = 40
    top_p: float = 0.95
    seed: int = 0


@dataclass(frozen=True, slots=True)
class SecondLook:
    """How to tell which candidate fits what follows it, where the model is not sure of its first word.

    A model that fills in may well ignore the suffix; read from left to right, the suffix is likelier after
    the candidate that belongs there. ``before`` is the prompt as far as the text before the cursor's line;
    then come ``head``, what ``shown`` makes of a candidate, a line break, and ``following``, which is scored.
    Further candidates are opened only where the first word's probability is below ``unsure_below``.
    """

    before: tuple[int, ...]
    head: str
    following: str
    shown: Callable[[str], str]
    unsure_below: float


@dataclass(frozen=True, slots=True)
class GenerationRequest:
    """All that the engine may know about one generation.

    ``begin_with`` is text (UTF-8) that the generation must reproduce before anything else. It is how a
    prompt that ends inside a word is healed: the prompt is cut at a token boundary and the rest is
    demanded back; it is not part of the answer. ``candidates`` > 1 opens that many branches, each with a
    different first token, which share one prefill; ``second_look`` compares them. ``stop_when`` sees the
    text so far of one candidate, on the engine's thread, after each token.

    ``deadline`` and ``answer_by`` are in ``time.monotonic`` seconds: after the first nothing is done any
    more; after the second the answer ends with what there is, but is not empty, and no second look begins
    that would last longer. ``owner`` is an opaque name of what the prompt belongs to: one prompt of each is
    saved across restarts. ``guesses``: whether tokens may be guessed from the prompt, and from ``lookup``,
    further text that the answer may repeat. ``max_tokens`` 0 only evaluates the prompt. ``adapter`` names
    low-rank changes of the model (LoRA) to be used, "" for none. ``keep`` is a name under which the evaluated
    prompt stays until another takes the name: every prompt that begins with it is spared it.
    ``constraint`` is a form that the answer keeps to, behind ``begin_with``: it ends where that is whole, and
    where the model ends it, what the form still wants is added. A server's logits are not to be had, so its
    answers are not held to it: whoever reads an answer looks whether it has its form.
    """

    tokens: tuple[int, ...]
    max_tokens: int = 64
    begin_with: bytes = b""
    candidates: int = 1
    stop_when: Callable[[str], bool] | None = None
    sampling: Sampling = field(default_factory=Sampling)
    priority: Priority = Priority.INTERACTIVE
    deadline: float | None = None
    answer_by: float | None = None
    lane: str = ""
    adapter: str = ""
    keep: str = ""
    owner: str = ""
    guesses: bool = True
    lookup: tuple[int, ...] = ()
    second_look: SecondLook | None = None
    constraint: Constraint | None = None


@dataclass(frozen=True, slots=True)
class Token:
    """One generated token of one candidate. ``logprob`` is its natural log probability."""

    candidate: int
    id: int
    piece: bytes
    logprob: float


@dataclass(frozen=True, slots=True)
class Candidate:
    """One finished branch. ``mean_logprob`` is per generated token; 0.0 where nothing was generated.

    ``fit`` is the mean log probability per token of what follows; None where no second look was taken.
    """

    text: str
    finish: FinishReason
    mean_logprob: float
    tokens: int
    fit: float | None = None


@dataclass(frozen=True, slots=True)
class Timings:
    """What a request cost. ``evaluated_tokens`` = ``prompt_tokens`` - ``cached_tokens``."""

    prompt_tokens: int = 0
    cached_tokens: int = 0
    generated_tokens: int = 0
    queue_ms: float = 0.0
    prefill_ms: float = 0.0
    decode_ms: float = 0.0

    @property
    def evaluated_tokens(self) -> int:
        """Prompt tokens that had to be evaluated because no cache held them."""
        return self.prompt_tokens - self.cached_tokens


@dataclass(frozen=True, slots=True)
class Generation:
    """The answer to a request; ``candidates`` is empty where it was cancelled before its first token.

    ``hurried``: with more time than ``answer_by`` left it might have been another.
    """

    candidates: tuple[Candidate, ...]
    timings: Timings
    finish: FinishReason
    hurried: bool = False
