"""How soon a server answers, learned from every answer: the way there and back, and the prompt's new part.

Servers keep the beginnings of prompts that they evaluated; what a prompt shares with one of the last is taken
to cost nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine.radix_tree import common_prefix

_WEIGHT = 0.2  # of the newest observation
_FEW = 64  # pieces: evaluating so few takes no longer than the way there and back
_REMEMBERED = 8  # prompts
_LEAST_S = 1e-6


@dataclass(slots=True)
class ServerPace:
    """Expected seconds. Values are replaced whole, so any thread may ask."""

    answer_s: float  # to the first token of an answer to a prompt that the server knows
    piece_s: float  # for each piece of a prompt that it does not know
    step_s: float  # from one token to the next
    _prompts: tuple[tuple[int, ...], ...] = ()

    def new_pieces(self, prompt: Sequence[int]) -> int:
        """How many pieces of a prompt the server has yet to evaluate."""
        return len(prompt) - max((common_prefix(prompt, known) for known in self._prompts), default=0)

    def expected_s(self, prompt: Sequence[int]) -> float:
        """Seconds to the first token of an answer."""
        return self.answer_s + self.piece_s * self.new_pieces(prompt)

    def note_first(self, prompt: tuple[int, ...], seconds: float) -> None:
        """The first token of an answer to ``prompt`` took so long."""
        if (new := self.new_pieces(prompt)) <= _FEW:
            self.answer_s += _WEIGHT * (seconds - self.answer_s)
        else:
            each = max(_LEAST_S, (seconds - self.answer_s) / new)
            self.piece_s += _WEIGHT * (each - self.piece_s)
        self._prompts = (prompt, *self._prompts[: _REMEMBERED - 1])

    def note_step(self, seconds: float) -> None:
        """A token took so long after the one before it."""
        self.step_s += _WEIGHT * (max(_LEAST_S, seconds) - self.step_s)
