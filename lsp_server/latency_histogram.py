"""Times to their percentiles without keeping them: a histogram whose buckets grow by a quarter of an octave.

Buckets are the same everywhere and for ever, so that histograms of several servers and sessions can be added.
What is read from one is at most 10 % off. Knows nothing of what took the time.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

_PER_OCTAVE = 4
_FIRST_MS = 1.0  # what is quicker is as good as at once
_LAST = 80  # some 17 minutes; what is slower counts as that


@dataclass(slots=True)
class LatencyHistogram:
    """How many answers took how long."""

    _buckets: Counter[int] = field(default_factory=Counter)

    def note(self, ms: float) -> None:
        """One answer took ``ms`` milliseconds."""
        octaves = math.log2(max(ms, _FIRST_MS) / _FIRST_MS)
        self._buckets[min(_LAST, math.ceil(octaves * _PER_OCTAVE))] += 1

    def add(self, other: LatencyHistogram) -> None:
        """What another one counted, too."""
        self._buckets.update(other._buckets)

    def percentile_ms(self, share: float) -> float | None:
        """The time within which that share of all answers came (0 to 1); None where none was counted."""
        awaited = share * self._buckets.total()
        seen = 0
        for bucket in sorted(self._buckets):
            seen += self._buckets[bucket]
            if seen >= awaited:
                # the middle of the bucket, which ends at a power of the step
                return round(_FIRST_MS * 2 ** ((bucket - (0.5 if bucket else 0)) / _PER_OCTAVE), 1)
        return None

    def stored(self) -> dict[str, int]:
        """For a file: how many in each bucket."""
        return {str(bucket): count for bucket, count in sorted(self._buckets.items())}

    @classmethod
    def from_stored(cls, raw: Any) -> LatencyHistogram:
        """What ``stored`` gave. Raises ValueError."""
        if not isinstance(raw, dict):
            raise ValueError("a histogram is an object")
        buckets = {int(bucket): count for bucket, count in raw.items()}
        if not all(0 <= bucket <= _LAST and type(count) is int for bucket, count in buckets.items()):
            raise ValueError("a bucket of a histogram is out of range")
        return cls(Counter(buckets))
