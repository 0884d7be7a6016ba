"""What became of the suggestions: offered, shown, accepted. Counts and lengths only, never text.

Stays in this process and goes to the client when it asks; nothing is sent anywhere.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import asdict, dataclass, field
from typing import Any

_FOLLOWED = 500  # suggestions whose fate is still awaited


@dataclass(slots=True)
class Stats:
    """Counts since the server started."""

    suggestions: int = 0
    shown: int = 0
    accepted: int = 0
    partly_accepted: int = 0
    accepted_characters: int = 0
    _lengths: OrderedDict[str, int] = field(default_factory=OrderedDict)

    def offered(self, key: str, length: int) -> None:
        """A suggestion of ``length`` characters was given to the client."""
        if key not in self._lengths:
            self.suggestions += 1
        self._lengths[key] = length
        while len(self._lengths) > _FOLLOWED:
            self._lengths.popitem(last=False)

    def was_shown(self) -> None:
        """The client says that it showed a suggestion."""
        self.shown += 1

    def was_accepted(self, key: str) -> None:
        """A suggestion was accepted; an unknown or repeated key counts as nothing."""
        length = self._lengths.pop(key, None)
        if length is not None:
            self.accepted += 1
            self.accepted_characters += length

    def was_partly_accepted(self) -> None:
        """Part of a suggestion was accepted."""
        self.partly_accepted += 1

    def as_json(self) -> dict[str, Any]:
        """For a client."""
        return {key: value for key, value in asdict(self).items() if not key.startswith("_")}
