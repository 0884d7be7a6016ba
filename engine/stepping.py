"""One candidate's next logits, one token at a time or, where they can be guessed, several in one batch.

A guess (``speculation``) is checked by evaluating it: as long as the model's own choice is the guessed token,
its logits are there already. Where a batch's logits leave two tokens close together, the last token is
evaluated again by itself, so that the choice is the one that plain decoding makes.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.backend import Backend, Logits, StopCheck
from engine.pace import Pace
from engine.speculation import PromptLookup

_SURE = 1.0  # logits between the two likeliest tokens: batches and single steps differ by 0.4 at most
_GUESSED = (31, 15, 7)  # tokens guessed, so that with the one before them they are whole blocks
_WORTH = 1.15  # times the speed of single steps that a guess has to promise
_COPIED = 4096  # tokens up to which a copy of a sequence costs little beside a step
_REMEMBERED = 3  # guesses that say how far the next one will come


@dataclass(slots=True)
class Stepper:
    """Feeds the chosen tokens of one candidate to ``sequence``. ``lookup`` None: no guesses.

    ``with_room`` evaluates, and has room made in the backend if it must. ``scratch``: a sequence to evaluate
    single tokens in, where there is one.
    """

    backend: Backend
    sequence: int
    scratch: int | None
    with_room: Callable[[int, Callable[[], Any]], Any]
    pace: Pace
    lookup: PromptLookup | None = None
    _batch: list[int] = field(default_factory=list)  # the evaluated token and the guesses after it
    _rows: list[Logits] = field(default_factory=list)
    _at: int = 0  # of _batch: the token last confirmed
    _start: int = 0  # length of the sequence before _batch
    _came_true: deque[int] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))

    @property
    def is_plain(self) -> bool:
        """Whether the last token was evaluated by itself."""
        return not self._batch

    def after(
        self,
        token: int,
        stop: StopCheck,
        wanted: int = _GUESSED[0],
        allowed: NDArray[np.intp] | None = None,
    ) -> Logits | None:
        """Append ``token``; the logits that follow it (valid until the next call). None where stopped.

        ``wanted``: how many tokens may come after it; ``allowed``: between which of them the choice will be.
        """
        if self.lookup is not None:
            self.lookup.append(token)
        if self._at + 1 < len(self._batch) and self._batch[self._at + 1] == token:
            self._at += 1
            return self._confirmed(stop, allowed)
        self.settle()
        guesses = self._guesses(wanted)
        if not guesses:
            began = time.monotonic()
            logits = self._alone(self.sequence, token, stop)
            self.pace.note(1, time.monotonic() - began)
            return logits
        self._start = self.backend.length(self.sequence)
        batch, began = [token, *guesses], time.monotonic()
        rows = self.with_room(self.sequence, lambda: self.backend.verify(self.sequence, batch, stop))
        if rows is None:
            return None
        self.pace.note_verified(len(batch), time.monotonic() - began)
        self._batch, self._rows, self._at = batch, rows, 0
        return self._confirmed(stop, allowed)

    def settle(self) -> None:
        """Forget guesses that did not come true: the sequence holds the chosen tokens and no more."""
        if self._batch:
            all_came_true = self._at + 1 == len(self._batch)  # and more would have, as like as not
            self._came_true.append(2 * self._at if all_came_true else self._at)
            if self.lookup is not None and not all_came_true:
                self.lookup.replaced(self._at)
            self.backend.rewind(self.sequence, self._start + self._at + 1)
            self._batch, self._rows = [], []

    def _confirmed(self, stop: StopCheck, allowed: NDArray[np.intp] | None) -> Logits | None:
        """The last token's logits; where they leave a doubt, those of evaluating it by itself."""
        row, token, length = self._rows[self._at], self._batch[self._at], self._start + self._at
        if _lead(row if allowed is None else row[allowed]) >= _SURE:
            return row
        if self.scratch is None or length > _COPIED:
            self.settle()
            self.backend.rewind(self.sequence, length)
            return self._alone(self.sequence, token, stop)
        self._keep_rows()
        self.backend.fork(self.sequence, self.scratch, length)
        logits = self._alone(self.scratch, token, stop)
        self.backend.rewind(self.scratch, 0)
        return logits

    def _keep_rows(self) -> None:
        """The next evaluation overwrites the backend's rows: keep the ones that may still count."""
        if not self._rows[self._at].flags.owndata:
            self._rows[self._at :] = [row.copy() for row in self._rows[self._at :]]

    def _alone(self, sequence: int, token: int, stop: StopCheck) -> Logits | None:
        steps = [(sequence, token)]
        rows = self.with_room(self.sequence, lambda: self.backend.decode(steps, stop))
        return None if rows is None else rows[0]

    def _guesses(self, wanted: int) -> list[int]:
        """As many tokens as promise most; none where single steps are as quick."""
        if self.lookup is None:
            return []
        guesses, agreed = self.lookup.draft(_GUESSED[0])
        room = self.backend.context_tokens - self.backend.length(self.sequence) - 1
        sizes = [size for size in _GUESSED if size <= min(len(guesses), room)]
        if not sizes:
            return []
        likely = (agreed + sum(self._came_true)) / (1 + len(self._came_true))

        def promise(size: int) -> float:
            return (1 + min(likely, size, wanted)) * self.pace.step_s / self.pace.verify_s(size + 1)

        best = max(sizes, key=promise)
        return guesses[:best] if promise(best) >= _WORTH else []


def _lead(row: Logits) -> float:
    """How far the likeliest token is before the next."""
    top = int(row.argmax())
    others = [part.max() for part in (row[:top], row[top + 1 :]) if len(part)]
    return float(row[top] - max(others, default=-np.inf))
