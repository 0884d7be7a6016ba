"""Which tokens may come next while an answer has to keep to a form: from a form of bytes to token ids.

A form is an automaton over bytes (``answer_format`` has those in use); it knows no tokens, and this module
knows no forms. Every backend gives its logits to the same sampler, so one constraint holds for all of them,
and no backend's own grammar is needed. Where any text goes, nothing is looked up: such tokens cost nothing.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Hashable
from functools import lru_cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from engine.demanded_text import DemandedText, after
from engine.errors import BackendError

_REMEMBERED = 64  # states; one that forbids a few tokens of 150,000 takes 1.2 MB


class Constraint(Protocol):
    """A form that answers keep to. Immutable and hashable, as its states are."""

    @property
    def start(self) -> Hashable:
        """The state before the first byte."""
        ...

    def advance(self, state: Hashable, data: bytes) -> tuple[Hashable | None, int]:
        """The state after ``data``, None where that breaks the form; how many of the bytes belong to the
        answer: what stands behind its end does not."""
        ...

    def following(self, state: Hashable) -> bytes | None:
        """The bytes that may come next; None where any text goes, up to a mark."""
        ...

    def marks(self, state: Hashable) -> tuple[bytes, ...]:
        """Where any text goes: the mark that ends it, and what would complete what is there of it."""
        ...

    def is_done(self, state: Hashable) -> bool:
        """Whether the answer is whole, and nothing may follow."""
        ...

    def ending(self, state: Hashable) -> bytes | None:
        """What makes the answer whole if the model ends it here; None where it may not."""
        ...


class ConstrainedTokens:
    """A vocabulary, asked which of its tokens a form allows. ``stop_tokens`` end an answer."""

    def __init__(self, vocabulary: DemandedText, stop_tokens: frozenset[int], size: int) -> None:
        self._sorted, self._order = vocabulary.sorted_pieces, vocabulary.order
        self._stop_tokens, self._size = sorted(stop_tokens), size

    @lru_cache(maxsize=_REMEMBERED)  # noqa: B019  (one instance for each model, which lives as long)
    def allowed(self, constraint: Constraint, state: Hashable) -> NDArray[np.intp] | None:
        """Ids of the tokens that may come next; None for all.

        Raises BackendError where the vocabulary has no token for what has to come.
        """
        ends = constraint.ending(state) is not None
        if constraint.following(state) is None:
            broken = [] if ends else [*self._stop_tokens]
            broken += [
                self._order[i]
                for i in self._passing(*constraint.marks(state))
                if self._breaks(constraint, state, i)
            ]
            return np.delete(np.arange(self._size, dtype=np.intp), broken) if broken else None
        found = [*self._stop_tokens] if ends else []
        self._collect(constraint, state, b"", 0, len(self._sorted), found)
        if not found:
            raise BackendError("The model's vocabulary has no token for what its answer has to go on with.")
        return np.asarray(found, dtype=np.intp)

    def _breaks(self, constraint: Constraint, state: Hashable, index: int, given: int = 0) -> bool:
        return constraint.advance(state, self._sorted[index][given:])[0] is None

    def _passing(self, mark: bytes, *rests: bytes) -> set[int]:
        """Places of tokens that complete a mark: only they can break what comes behind it."""
        found = set(self._holding(mark))
        for rest in rests:
            low = bisect_left(self._sorted, rest)
            found.update(range(low, bisect_left(self._sorted, after(rest), lo=low)))
        return found

    @lru_cache(maxsize=_REMEMBERED)  # noqa: B019
    def _holding(self, mark: bytes) -> tuple[int, ...]:
        return tuple(i for i, piece in enumerate(self._sorted) if mark in piece)

    def _collect(
        self, constraint: Constraint, state: Hashable, begun: bytes, low: int, high: int, found: list[int]
    ) -> None:
        """Add the tokens between ``low`` and ``high``, which all begin with ``begun``, that keep to the form
        from ``state``, in which ``begun`` leaves it. What they share is looked at once."""
        for byte in constraint.following(state) or b"":
            piece = begun + bytes((byte,))
            start = bisect_left(self._sorted, piece, low, high)
            end = bisect_left(self._sorted, after(piece), start, high)
            if start == end:
                continue
            reached = constraint.advance(state, bytes((byte,)))[0]
            assert reached is not None  # noqa: S101  (it was said to be among those that may follow)
            if constraint.is_done(reached):
                found += self._order[start:end]
            elif constraint.following(reached) is None:
                given = len(piece)
                kept = (i for i in range(start, end) if not self._breaks(constraint, reached, i, given))
                found += [self._order[i] for i in kept]
            else:
                while start < end and self._sorted[start] == piece:
                    found.append(self._order[start])
                    start += 1
                self._collect(constraint, reached, piece, start, end, found)
