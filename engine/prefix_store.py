"""Which sequence of the backend holds what, and which shares the longest prefix with a new prompt.

A token that some sequence holds at the right place is never evaluated again. Owned by the engine's thread.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count

from engine.backend import Backend

_WORTH_KEEPING = 256  # tokens: a tail longer than this is another document, not an earlier keystroke


@dataclass(slots=True)
class _Branch:
    tokens: list[int] = field(default_factory=list)
    used: int = 0


class PrefixStore:
    """Keeps the first ``branches`` sequences of ``backend`` as a cache of evaluated prompts."""

    def __init__(self, backend: Backend, branches: int) -> None:
        self._backend = backend
        self._branches = [_Branch() for _ in range(branches)]
        self._clock = count(1)

    def tokens(self, sequence: int) -> list[int]:
        """What a sequence holds; the caller appends what it evaluates, through ``extend``."""
        return self._branches[sequence].tokens

    def acquire(self, prompt: Sequence[int]) -> tuple[int, int]:
        """A sequence rewound to the longest cached prefix of ``prompt``, and that prefix's length.

        The last prompt token is never counted as cached: its logits are needed.
        """
        shared = [common_prefix(branch.tokens, prompt) for branch in self._branches]
        source = max(range(len(shared)), key=lambda i: (shared[i], self._branches[i].used))
        length = min(shared[source], len(prompt) - 1)
        sequence = source
        if len(self._branches[source].tokens) - length > _WORTH_KEEPING:
            others = [i for i in range(len(self._branches)) if i != source] or [source]
            sequence = min(others, key=lambda i: self._branches[i].used)
        if sequence != source:
            self._backend.fork(source, sequence, length)
            self._branches[sequence].tokens = list(self._branches[source].tokens[:length])
        elif not self._backend.rewind(sequence, length):
            self._backend.rewind(sequence, 0)
            length = 0
        del self._branches[sequence].tokens[length:]
        self._branches[sequence].used = next(self._clock)
        return sequence, length

    def extend(self, sequence: int, tokens: Sequence[int]) -> None:
        """Note that ``tokens`` were evaluated at the end of ``sequence``."""
        self._branches[sequence].tokens.extend(tokens)

    def make_room(self, keep: int) -> bool:
        """Forget the branch that was used longest ago, ``keep`` excepted; False where nothing is left."""
        held = [i for i, branch in enumerate(self._branches) if branch.tokens and i != keep]
        if not held:
            return False
        oldest = min(held, key=lambda i: self._branches[i].used)
        self._backend.rewind(oldest, 0)
        self._branches[oldest].tokens.clear()
        return True


def common_prefix(a: Sequence[int], b: Sequence[int]) -> int:
    """How many leading tokens are equal; halves slices, which C compares far faster than a loop."""
    low, high = 0, min(len(a), len(b))
    while low < high:
        middle = (low + high + 1) // 2
        if list(a[low:middle]) == list(b[low:middle]):
            low = middle
        else:
            high = middle - 1
    return low
