"""Chunks of the texts an editor came by, as further context of requests: a queue, and a ring that is sent."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

CHUNK = 64  # lines; of a longer text a random half of so many is taken
IN_RING = 16
IN_QUEUE = 16
SCOPE = 1024  # lines before the cursor that chunks are picked from
ALIKE = 0.9  # from where on two chunks are one
REPEATS_HERE = 0.5  # a chunk as like the text at the cursor as this would only be repeated
_WORDS = re.compile(r"\W+", re.ASCII)

Chunk = tuple[str, ...]


@dataclass(slots=True)
class Ring:
    """``queued`` chunks wait until nobody types to become part of the ``chunks`` that are sent."""

    chunks: list[tuple[str, Chunk]] = field(default_factory=list)  # file name and lines
    queued: list[tuple[str, Chunk]] = field(default_factory=list)
    drawn: random.Random = field(default_factory=lambda: random.Random(0))

    def pick(self, text: Sequence[str], name: str, *, evict: bool) -> None:
        """Queue a chunk of a text, unless it is there. One much like it goes if ``evict``, else it stays."""
        if len(text) < 3:
            return
        chunk = tuple(text) if len(text) + 1 < CHUNK else self._part_of(text)
        if any(chunk == known for _, known in (*self.chunks, *self.queued)):
            return
        for known in (self.queued, self.chunks):
            for number in range(len(known) - 1, -1, -1):
                if alike(known[number][1], chunk) > ALIKE:
                    if not evict:
                        return
                    del known[number]
        if len(self.queued) == IN_QUEUE:
            del self.queued[0]
        self.queued.append((name, chunk))

    def leave_out(self, text: Sequence[str]) -> None:
        """Drop chunks that resemble the text around the cursor."""
        here = self._part_of(text)
        self.chunks = [one for one in self.chunks if alike(one[1], here) <= REPEATS_HERE]

    def advance(self) -> bool:
        """Move a queued chunk into the ring; whether there was one."""
        if not self.queued:
            return False
        if len(self.chunks) == IN_RING:
            del self.chunks[0]
        self.chunks.append(self.queued.pop(0))
        return True

    def extra(self) -> list[dict[str, Any]]:
        """The ring as a request has it."""
        return [{"text": "\n".join(lines) + "\n", "filename": name} for name, lines in self.chunks]

    def _part_of(self, text: Sequence[str]) -> Chunk:
        start = self.drawn.randint(0, max(0, len(text) - CHUNK // 2))
        return tuple(text[start : start + CHUNK // 2 + 1])


def alike(one: Sequence[str], other: Sequence[str]) -> float:
    """From 0 to 1: how many words of one stand in the other."""
    words, others = _words(one), _words(other)
    known = set(words)
    total = len(words) + len(others)
    return 2 * sum(word in known for word in others) / total if total else 1.0


def _words(lines: Sequence[str]) -> list[str]:
    return [word for word in _WORDS.split("\n".join(lines)) if word]
