"""Prompt-lookup speculation: what followed the last few tokens the last time is guessed to follow again.

Source: A. Saxena, "Prompt Lookup Decoding" (2023). The guess costs next to nothing; the model checks all of
it in one batch. Good where an answer repeats its prompt: refactorings, and code like the code above.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence

_LONGEST, _SHORTEST = 12, 3  # tokens of the n-gram that is looked up, the longest first
_WIDTH = array("i").itemsize


class PromptLookup:
    """Guesses from ``tokens``: a prompt, what was just deleted, and the answer as it grows."""

    def __init__(self, tokens: Sequence[int]) -> None:
        self._data = bytearray(array("i", tokens).tobytes())

    def append(self, token: int) -> None:
        """The answer goes on with ``token``."""
        self._data += array("i", (token,)).tobytes()

    def draft(self, most: int) -> tuple[list[int], int]:
        """Up to ``most`` tokens that may come next, and how many tokens before them agreed (0: no guess)."""
        data = self._data
        for size in range(min(_LONGEST, len(data) // _WIDTH - 1), _SHORTEST - 1, -1):
            at = self._last(bytes(data[-size * _WIDTH :]), len(data) - _WIDTH)
            if at >= 0:
                start = at + size * _WIDTH
                return list(array("i", bytes(data[start : start + most * _WIDTH]))), size
        return [], 0

    def _last(self, wanted: bytes, end: int) -> int:
        """Where ``wanted`` last begins, whole tokens only, before ``end``; -1 where nowhere."""
        at = self._data.rfind(wanted, 0, end)
        while at > 0 and at % _WIDTH:
            at = self._data.rfind(wanted, 0, at + len(wanted) - 1)
        return at
