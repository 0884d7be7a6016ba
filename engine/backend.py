"""The promises every backend keeps, so that the engine cannot tell one from another.

A backend holds a fixed number of *sequences*, each a list of evaluated token ids, and turns token ids into
logits. It does not know requests, priorities or text. All methods are called from the one thread that owns
the model, except ``Tokenizer``'s, which are safe anywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Logits = NDArray[np.float32]
StopCheck = Callable[[], bool]


@dataclass(frozen=True, slots=True)
class FimMarkers:
    """The marker strings of a model family's fill-in-the-middle format; empty where it has none.

    ``file_separator`` and ``repository`` are for families trained on whole repositories.
    """

    prefix: str = ""
    suffix: str = ""
    middle: str = ""
    file_separator: str = ""
    repository: str = ""
    suffix_first: bool = False  # Codestral and CodeLlama were trained suffix before prefix

    def __bool__(self) -> bool:
        """Whether fill-in-the-middle is possible at all."""
        return bool(self.prefix and self.suffix)


class Tokenizer(Protocol):
    """Text to token ids and back; safe to call from any thread."""

    def encode(self, text: str, *, special: bool = False) -> tuple[int, ...]:
        """Token ids of ``text``. Marker strings are read as markers only where ``special`` is set."""
        ...

    def piece(self, token: int) -> bytes:
        """The bytes a token stands for; empty for markers."""
        ...

    @cached_property
    def pieces(self) -> Sequence[bytes]:
        """``piece`` of every token id, in order."""
        ...

    @cached_property
    def stop_tokens(self) -> frozenset[int]:
        """Tokens at which a generation ends: end-of-text and every FIM marker."""
        ...


class MarkedTokenizer(Tokenizer, Protocol):
    """A tokenizer that knows its markers: what a prompt's format is made of (see ``fim``)."""

    @property
    def bos_tokens(self) -> tuple[int, ...]:
        """What the model wants before every prompt; empty for most code models."""
        ...

    def fim_token_texts(self) -> dict[str, str]:
        """Marker strings that the model's own metadata names, by role: pre, suf, mid, pad, rep, sep."""
        ...

    def marker_token(self, text: str) -> int | None:
        """The single token that ``text`` stands for as a marker, or None where the vocabulary has none."""
        ...


class Backend(Protocol):
    """A model with room for several sequences."""

    @property
    def context_tokens(self) -> int:
        """The longest sequence, in tokens."""
        ...

    @property
    def sequences(self) -> int:
        """How many sequences there are; they are numbered from 0."""
        ...

    @property
    def chunk_tokens(self) -> int:
        """The most tokens one ``prefill`` call takes: the price, at worst, of a request that is stopped."""
        ...

    @property
    def block_tokens(self) -> int:
        """What batches must be multiples of for a token's values not to depend on its batch (``batches``);
        1 where nothing of the kind is known."""
        ...

    @property
    def tokenizer(self) -> MarkedTokenizer:
        """The model's tokenizer."""
        ...

    def adapt(self, adapter: str) -> None:
        """Compute with the low-rank changes (LoRA) of that name from now on, "" for none.

        Raises BackendError where the model has none of that name.
        """
        ...

    def prefill(self, sequence: int, tokens: Sequence[int], stop: StopCheck) -> Logits | None:
        """Append ``tokens`` to ``sequence``; the logits (V,) after the last one.

        None where ``stop`` came true on the way: the sequence is then as long as before.
        Raises ContextFull where no room is left.
        """
        ...

    def decode(self, steps: Sequence[tuple[int, int]], stop: StopCheck) -> Logits | None:
        """Append one token each to several sequences, ``(sequence, token)``; the logits (N, V)."""
        ...

    def verify(self, sequence: int, tokens: Sequence[int], stop: StopCheck) -> list[Logits] | None:
        """Append ``tokens`` (at most ``chunk_tokens``) in one batch; the logits after each of them.

        They are views that the next evaluation overwrites. None where ``stop`` came true.
        """
        ...

    def score(self, sequence: int, tokens: Sequence[int], count: int, stop: StopCheck) -> list[float] | None:
        """Append ``tokens`` (at most ``chunk_tokens``) and return the natural log probabilities of the last
        ``count`` of them, each given all before it. None where ``stop`` came true."""
        ...

    def length(self, sequence: int) -> int:
        """How many tokens ``sequence`` holds."""
        ...

    def restorable(self, sequence: int, length: int) -> int:
        """The longest beginning, of at most ``length`` tokens, that ``rewind`` and ``fork`` can keep exactly.

        Any thread may ask.
        """
        ...

    def rewind(self, sequence: int, length: int) -> bool:
        """Forget all but the first ``length`` tokens; False where that is not possible exactly."""
        ...

    def fork(self, source: int, target: int, length: int) -> None:
        """Make ``target`` hold the first ``length`` tokens of ``source``, without evaluating them.

        ``length`` has to be ``restorable``.
        """
        ...

    def state_bytes(self, sequence: int) -> int:
        """About how long ``save`` would be: it may be too long to be worth it."""
        ...

    def save(self, sequence: int) -> bytes:
        """All that ``sequence`` holds, to be loaded again by a backend of the same model and settings."""
        ...

    def load(self, sequence: int, state: bytes | memoryview, length: int) -> bool:
        """Make ``sequence`` hold the first ``length`` tokens of a saved state; False where that fails, and
        the sequence is then empty."""
        ...

    def close(self) -> None:
        """Free the model's memory. Idempotent."""
        ...
