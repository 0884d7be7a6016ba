"""Whether a process that reads files has grown too large, and should make room for a fresh one.

Grammars and their bindings leak a little of what they read, and a heap that was large once stays so. What was
read is in the store by then, so a fresh process goes on where this one ends.
"""

from __future__ import annotations

import time

MOST_BYTES = 130 << 20  # two of them and the server's part stay below 300 MB; one that is new has some 45 MB

_LOOK_EVERY_S = 1.0


class Resident:
    """Asked often, measures seldom."""

    def __init__(self) -> None:
        import psutil

        self._process = psutil.Process()
        self._look_at = 0.0
        self._exceeded = False

    def exceeded(self) -> bool:
        """Whether this process holds more than ``MOST_BYTES``."""
        now = time.monotonic()
        if now >= self._look_at:
            self._look_at = now + _LOOK_EVERY_S
            self._exceeded = self._process.memory_info().rss > MOST_BYTES
        return self._exceeded
