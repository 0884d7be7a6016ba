"""How long evaluating takes on this machine just now, learned from every batch.

A batch of n tokens takes about as long as n + 10 tokens at the speed of large batches (docs/log.md); what
changes, with the load, the depth and the heat, is the scale.
"""

from __future__ import annotations

from dataclasses import dataclass

from engine.speed import Speed

_OVERHEAD_TOKENS = 10
_WEIGHT = 0.2  # of the newest observation
_BELIEVED = 5.0  # times slower or faster than expected: more says nothing about the next batch
_LIKE_BATCHES = 8  # tokens from which on a batch is evaluated as large ones are


@dataclass(slots=True)
class Pace:
    """Expected seconds; ``note`` corrects them. Floats only, so any thread may read."""

    speed: Speed
    _batch: float = 1.0
    _step: float = 1.0
    _verify: float = 1.2  # logits of every token are wanted

    def batch_s(self, tokens: int) -> float:
        """Seconds to evaluate ``tokens`` in one batch."""
        if tokens < _LIKE_BATCHES:
            return self.step_s * tokens
        return self._batch * (tokens + _OVERHEAD_TOKENS) / self.speed.prefill

    def verify_s(self, tokens: int) -> float:
        """Seconds to evaluate ``tokens`` in one batch and have the logits after each."""
        return self._verify * (tokens + _OVERHEAD_TOKENS) / self.speed.prefill

    @property
    def step_s(self) -> float:
        """Seconds to evaluate one token by itself, as generating does."""
        return self._step / self.speed.decode

    def note(self, tokens: int, seconds: float) -> None:
        """Learn from a batch that took ``seconds``."""
        if tokens >= _LIKE_BATCHES:
            self._batch = _corrected(self._batch, seconds / self.batch_s(tokens))
        elif tokens == 1:
            self._step = _corrected(self._step, seconds / self.step_s)

    def note_verified(self, tokens: int, seconds: float) -> None:
        """The same of a batch with the logits of each token."""
        self._verify = _corrected(self._verify, seconds / self.verify_s(tokens))


def _corrected(scale: float, wrong_by: float) -> float:
    return scale * max(1 / _BELIEVED, min(_BELIEVED, wrong_by)) ** _WEIGHT
