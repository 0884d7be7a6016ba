"""One candidate in the making: what is demanded of it, what is generated, why it ended."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field

from engine.constraint import Constraint
from engine.request import Candidate, FinishReason


@dataclass(slots=True)
class CandidateBranch:
    """A candidate, and the backend's sequence in which it grows; ``state`` is that of ``constraint``."""

    sequence: int
    demanded: bytes
    indented: bool  # blanks were demanded: they are the indentation, and it gets no deeper
    constraint: Constraint | None = None
    state: Hashable = None
    data: bytearray = field(default_factory=bytearray)
    logprob: float = 0.0
    tokens: int = 0
    last: int = -1
    finish: FinishReason | None = None
    fit: float | None = None

    def grow(self, data: bytes) -> None:
        """Add what was generated; what stands behind the end that the constraint sets is left out."""
        if self.constraint is not None:
            self.state, used = self.constraint.advance(self.state, data)
            data = data[:used]
        self.data += data

    def end(self) -> None:
        """The model ends it here: what its constraint still wants is added."""
        self.finish = FinishReason.END_OF_TEXT
        if self.constraint is not None:
            self.data += self.constraint.ending(self.state) or b""

    @property
    def text(self) -> str:
        """What is generated so far; an unfinished UTF-8 character at the end is left out."""
        return self.data.decode("utf-8", "ignore")

    @property
    def candidate(self) -> Candidate:
        """What is told of it in the end."""
        mean = self.logprob / self.tokens if self.tokens else 0.0
        return Candidate(self.text, self.finish or FinishReason.CANCELLED, mean, self.tokens, self.fit)
