"""How many CPU threads to evaluate with: the cores that nobody else is using.

A developer's machine is busy by nature; two threads on two cores of which one compiles are slower than one
(docs/log.md), because every layer waits for the slower thread.
"""

from __future__ import annotations

import time

import psutil

_LOOK_AGAIN_S = 0.5
_STALE_S = 5.0


class FreeCores:
    """Call it for a thread count; it looks at the load at most twice a second (about 0.1 ms a look).

    After a rest of some seconds the load before it is believed for another half second.
    """

    def __init__(self, limit: int = 0) -> None:
        self.cores = limit or psutil.cpu_count(logical=False) or psutil.cpu_count() or 1
        self._own = psutil.Process()
        self._busy, self._mine, self._at = self._read()
        self._threads = self.cores

    def __call__(self) -> int:
        """Threads to use now, from 1 to ``cores``."""
        if time.monotonic() - self._at >= _LOOK_AGAIN_S:
            busy, mine, at = self._read()
            if at - self._at > _STALE_S:  # an average over that time says nothing of now
                self._busy, self._mine, self._at = busy, mine, at
                return self._threads
            others = ((busy - self._busy) - (mine - self._mine)) / (at - self._at)
            self._busy, self._mine, self._at = busy, mine, at
            logical_per_core = max(1.0, (psutil.cpu_count() or 1) / self.cores)
            self._threads = max(1, min(self.cores, round(self.cores - others / logical_per_core)))
        return self._threads

    def _read(self) -> tuple[float, float, float]:
        """CPU seconds that processes which do not give way (this one included), and this one, have used; and
        the time of the look. What was started with `nice` leaves its core as soon as it is wanted."""
        everyone, own = psutil.cpu_times(), self._own.cpu_times()
        return everyone.user + everyone.system, own.user + own.system, time.monotonic()
