"""The oracle typist: asks after every key, takes of a suggestion what is right, types the rest.

Knows what will be typed and nothing of the system it asks. Of a suggestion it takes the longest beginning
that agrees with the text to come, where that saves three keys; otherwise it types one. Either is one key.
"""

from __future__ import annotations

import asyncio
import itertools
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.benchmarks.cases import At
from tests.benchmarks.replay.buffer import Buffer, Change
from tests.benchmarks.replay.plan import Commit, File, Hunk, cost, first_keys, keys_of
from tests.benchmarks.replay.system import Offer, System

WORTH_TAKING = 3  # keys that a suggestion has to save
_PATIENCE_S = 600.0  # for one answer; beyond it something is broken
_NEXT_INDENTATION = re.compile(r"\n[ \t\n]*\Z")
_COMING = 80  # characters of what is to come that are noted, for looking at single requests

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Pace:
    """The seconds that every system is given alike."""

    key_s: float = 0.12  # from an answer to the next key: 100 words a minute
    look_s: float = 5.0  # from coming to a place to the first key there
    settle_s: float = 1.0  # from the last key of a hunk until the other system's turn


def taken(offer: Offer | None, coming: str, head: str, tail: str) -> str:
    """What the typist takes of an offer at a cursor between ``head`` and ``tail`` of its line, or ""."""
    if offer is None:
        return ""
    typed, text = head[len(head) - offer.before :], offer.text
    if not text.startswith(typed):
        return ""
    text = text[len(typed) :].removesuffix(tail[: offer.after])
    agree = sum(
        1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], zip(text, coming, strict=False))
    )
    found = _NEXT_INDENTATION.sub("", text[:agree])
    return found if found.strip() and cost(found) >= WORTH_TAKING else ""


@dataclass(slots=True)
class Typist:
    """One pass of a system through a commit; at most ``most_keys`` of each hunk are typed."""

    system: System
    commit: Commit
    most_keys: int
    pace: Pace = field(default_factory=Pace)
    _ahead: Iterator[tuple[int, int, File, Hunk]] = field(init=False)
    _buffer: Buffer = field(default_factory=Buffer)
    _at: At = (0, 0)

    def __post_init__(self) -> None:
        self._ahead = (
            (f, h, file, hunk)
            for f, file in enumerate(self.commit.files)
            for h, hunk in enumerate(file.hunks)
        )

    async def go_on(self, note: Callable[[Row], None]) -> None:
        """Put in what comes before the next hunk to be typed, and type that; ``note`` gets each request."""
        for _, h, file, hunk in self._ahead:
            if h == 0:
                self._buffer = Buffer.of(file.before)
                await self.system.open(file.path, self._buffer)
            if hunk.asked:
                await self._type(hunk, file.path, note)
            else:
                self._do(Change((hunk.line, 0), (hunk.line + hunk.gone, 0), hunk.new))
            if h == len(file.hunks) - 1:
                await self.system.save()
            if hunk.asked:
                await self.system.rest(self.pace.settle_s)
                return

    async def _type(self, hunk: Hunk, path: str, note: Callable[[Row], None]) -> None:
        self.system.come((hunk.line, 0))
        await self.system.rest(self.pace.look_s)
        self._do(Change((hunk.line, 0), (hunk.line + hunk.gone, 0), ""))
        end = "\n" if hunk.new.endswith("\n") else ""
        self._do(Change((hunk.line, 0), (hunk.line, 0), hunk.indentation + end))
        self._at = (hunk.line, len(hunk.indentation))
        coming = first_keys(hunk.keys, self.most_keys)
        rest = hunk.keys[len(coming) :]
        number = 0
        while coming:
            row, piece = await self._press(coming)
            note({"path": path, "key": number, **row})
            number += 1
            coming = coming[len(piece) :]
            await asyncio.sleep(self.pace.key_s)
        self._do(Change(self._at, self._at, rest))

    async def _press(self, coming: str) -> tuple[Row, str]:
        """Ask, then take what is right or type a key: what is to be noted, and the text that came."""
        at, line = self._at, self._buffer.line(self._at[0])
        async with asyncio.timeout(_PATIENCE_S):
            started = time.perf_counter()
            offer = await self.system.suggest(at)
            ms = (time.perf_counter() - started) * 1e3
            spent = await self.system.cost()
        found = taken(offer, coming, line[: at[1]], line[at[1] :])
        self._do(Change(at, at, piece := found or next(keys_of(coming))))
        row = {
            "at": at,
            "ms": round(ms, 1),
            "coming": coming[:_COMING],
            "shown": offer.text if offer else None,
            "taken": len(found),
            "keys": cost(piece),  # that the text which came would have taken without suggestions
            "source": spent.source,
            "prompt_tokens": spent.prompt_tokens,
            "evaluated_tokens": spent.evaluated_tokens,
            "generated_tokens": spent.generated_tokens,
            "ahead_tokens": spent.ahead_tokens,
        }
        return row, piece

    def _do(self, change: Change) -> None:
        if change.text or change.start != change.end:
            self._buffer.apply(change)
            self.system.change(change)
            self._at = change.after
