"""Responses that were had, and which of them still serves a cursor: the plugin's own typing along."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

from tests.benchmarks.llama_vim.context import Local

MOST = 250
LOOKED_BACK = 128  # characters typed since

Key = tuple[str, str]  # the text before the cursor and the text after it


@dataclass(slots=True)
class Answers:
    """What the server said, by place; the least recently used goes first."""

    _kept: OrderedDict[Key, str] = field(default_factory=OrderedDict)

    def keep(self, keys: list[Key], content: str) -> None:
        """Remember a response under every key."""
        for key in keys:
            if len(self._kept) > MOST - 1:
                self._kept.popitem(last=False)
            self._kept[key] = content
            self._kept.move_to_end(key)

    def get(self, key: Key) -> str | None:
        """The response for exactly this place."""
        if key in self._kept:
            self._kept.move_to_end(key)
        return self._kept.get(key)

    def has_any(self, keys: list[Key]) -> bool:
        """Whether one of the keys needs no request."""
        return any(self.get(key) is not None for key in keys)

    def find(self, here: Local) -> str | None:
        """What to show at a place: its response, or the rest of one for a place before it, if the text typed
        since begins that. Of several a longer one is preferred, but the second to the first in any case."""
        before = here.prefix + here.middle
        if (exact := self.get((before, here.suffix))) is not None:
            return exact
        found, longest = None, 0
        for typed in range(1, min(LOOKED_BACK, len(before)) + 1):
            content = self.get((before[:-typed], here.suffix))
            if not content or not content.startswith(before[-typed:]) or len(content) == typed:
                continue
            if found is None:
                found = content[typed:]
            elif len(content) - typed > longest:
                found, longest = content[typed:], len(content) - typed
        return found
