"""One candidate's next logits, one token at a time or, where they can be guessed, several in one batch.

A guess (``speculation``) is checked by evaluating it: as long as the model's own choice is the guessed token,
its logits are there already. Where a batch's logits leave two tokens close together, the last token is
evaluated again by itself, so that the choice is the one that plain decoding makes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from engine.backend import Backend, Logits, StopCheck
from engine.speculation import PromptLookup

_SURE = 1.0  # logits between the two likeliest tokens: batches and single steps differ by 0.4 at most
_AGREED = 6  # tokens that agreed before a guess is worth a batch on a CPU, where a batch of 16 costs 5 steps
_AGREED_LATER = 3  # the same once a guess came true in this answer, or where batches cost nothing
_GUESSED = (31, 15, 7)  # tokens guessed, so that with the one before them they are whole blocks
_CAME_TRUE = 5  # accepted tokens from which on a guess has paid for itself


@dataclass(slots=True)
class Stepper:
    """Feeds the chosen tokens of one candidate to ``sequence``. ``lookup`` None: no guesses."""

    backend: Backend
    sequence: int
    with_room: Callable[[int, Callable[[], Any]], Any]  # evaluates; has room made in the backend if it must
    lookup: PromptLookup | None = None
    accepted: int = 0  # tokens that needed no step of their own
    _batch: list[int] = field(default_factory=list)  # the evaluated token and the guesses after it
    _rows: list[Logits] = field(default_factory=list)
    _at: int = 0  # of _batch: the token last confirmed
    _start: int = 0  # length of the sequence before _batch
    _trust: int = 0  # above 0: guesses came true lately; below: they did not

    @property
    def is_plain(self) -> bool:
        """Whether the last token was evaluated by itself."""
        return not self._batch

    def after(self, token: int, stop: StopCheck) -> Logits | None:
        """Append ``token``; the logits that follow it (valid until the next call). None where stopped."""
        if self.lookup is not None:
            self.lookup.append(token)
        if self._at + 1 < len(self._batch) and self._batch[self._at + 1] == token:
            self._at += 1
            self.accepted += 1
            return self._confirmed(stop)
        self.settle()
        guesses = self._guesses()
        if not guesses:
            return self._alone(token, stop)
        self._start = self.backend.length(self.sequence)
        batch = [token, *guesses]
        rows = self.with_room(self.sequence, lambda: self.backend.verify(self.sequence, batch, stop))
        if rows is None:
            return None
        self._batch, self._rows, self._at = batch, rows, 0
        return self._confirmed(stop)

    def settle(self) -> None:
        """Forget guesses that did not come true: the sequence holds the chosen tokens and no more."""
        if self._batch:
            self._trust = 1 if self._at >= _CAME_TRUE else min(self._trust, 0) - 1
            self.backend.rewind(self.sequence, self._start + self._at + 1)
            self._batch, self._rows = [], []

    def _confirmed(self, stop: StopCheck) -> Logits | None:
        row, token = self._rows[self._at], self._batch[self._at]
        if _lead(row) >= _SURE:
            return row
        self.settle()
        self.backend.rewind(self.sequence, self.backend.length(self.sequence) - 1)
        return self._alone(token, stop)

    def _alone(self, token: int, stop: StopCheck) -> Logits | None:
        steps = [(self.sequence, token)]
        rows = self.with_room(self.sequence, lambda: self.backend.decode(steps, stop))
        return None if rows is None else rows[0]

    def _guesses(self) -> list[int]:
        if self.lookup is None:
            return []
        most = _GUESSED[0] if self._trust > 0 else _GUESSED[1]
        guesses, agreed = self.lookup.draft(most)
        cheap = self.backend.block_tokens == 1 or self._trust > 0
        if agreed < (_AGREED_LATER if cheap else _AGREED - 2 * min(0, self._trust)):
            return []
        room = self.backend.context_tokens - self.backend.length(self.sequence) - 1
        return guesses[: next((size for size in _GUESSED if size <= min(len(guesses), room)), 0)]


def _lead(row: Logits) -> float:
    """How far the likeliest token is before the next."""
    top = int(row.argmax())
    others = [part.max() for part in (row[:top], row[top + 1 :]) if len(part)]
    return float(row[top] - max(others))
