"""One candidate in the making: what is demanded of it, what is generated, why it ended."""

from __future__ import annotations

from dataclasses import dataclass, field

from engine.request import Candidate, FinishReason


@dataclass(slots=True)
class CandidateBranch:
    """A candidate, and the backend's sequence in which it grows."""

    sequence: int
    demanded: bytes
    indented: bool  # blanks were demanded: they are the indentation, and it gets no deeper
    data: bytearray = field(default_factory=bytearray)
    logprob: float = 0.0
    tokens: int = 0
    last: int = -1
    finish: FinishReason | None = None
    fit: float | None = None

    @property
    def text(self) -> str:
        """What is generated so far; an unfinished UTF-8 character at the end is left out."""
        return self.data.decode("utf-8", "ignore")

    @property
    def candidate(self) -> Candidate:
        """What is told of it in the end."""
        mean = self.logprob / self.tokens if self.tokens else 0.0
        return Candidate(self.text, self.finish or FinishReason.CANCELLED, mean, self.tokens, self.fit)
