"""Prompt-lookup speculation: what followed the last few tokens the last time is guessed to follow again.

Source: A. Saxena, "Prompt Lookup Decoding" (2023). The guess costs next to nothing; the model checks all of
it in one batch. Good where an answer repeats its prompt: refactorings, and code like the code above. Where it
put another token in place of one, as a rename does, it is guessed to go on behind that one.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence

_LONGEST, _SHORTEST = 12, 3  # tokens of the n-gram that is looked up, the longest first
_REPLACED = 4  # how many agreeing tokens going on behind a replaced one is worth
_WIDTH = array("i").itemsize


class PromptLookup:
    """Guesses from ``tokens``: a prompt, what was just deleted, and the answer as it grows."""

    def __init__(self, tokens: Sequence[int]) -> None:
        self._data = bytearray(array("i", tokens).tobytes())
        self._guessed = -1  # where in _data the last guess stands
        self._behind = -1  # where what follows a replaced token stands

    def append(self, token: int) -> None:
        """The answer goes on with ``token``."""
        self._data += array("i", (token,)).tobytes()
        if self._behind >= 0:
            self._behind += _WIDTH

    def replaced(self, came_true: int) -> None:
        """Of the last guess so many tokens came true; then came another one, which is appended already."""
        self._behind = self._guessed + (came_true + 1) * _WIDTH if self._guessed >= 0 else -1

    def draft(self, most: int) -> tuple[list[int], int]:
        """Up to ``most`` tokens that may come next, and how many tokens before them agreed (0: no guess)."""
        data = self._data
        for size in range(min(_LONGEST, len(data) // _WIDTH - 1), _SHORTEST - 1, -1):
            at = self._last(bytes(data[-size * _WIDTH :]), len(data) - _WIDTH)
            if at >= 0:
                return self._from(at + size * _WIDTH, most), size
        if 0 <= self._behind < len(data):
            return self._from(self._behind, most), _REPLACED
        return [], 0

    def _from(self, start: int, most: int) -> list[int]:
        self._guessed, self._behind = start, -1
        return list(array("i", bytes(self._data[start : start + most * _WIDTH])))

    def _last(self, wanted: bytes, end: int) -> int:
        """Where ``wanted`` last begins, whole tokens only, before ``end``; -1 where nowhere."""
        at = self._data.rfind(wanted, 0, end)
        while at > 0 and at % _WIDTH:
            at = self._data.rfind(wanted, 0, at + len(wanted) - 1)
        return at
