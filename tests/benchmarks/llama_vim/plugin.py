"""The plugin's events, in the order of its source: what a moved cursor, a response and a timer set off.

One job runs at a time, and none is cancelled: whoever finds one running tries again 100 ms later, with one
timer for all, so that the last to try is the one that waits. After what is shown, the text that would
follow its acceptance is asked for (speculatively, and for longer). The server's samplers draw: an answer is
not always the same.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.benchmarks.cases import At
from tests.benchmarks.llama_vim.answers import Answers
from tests.benchmarks.llama_vim.context import LINES_AFTER, LINES_BEFORE, Local, as_if_accepted, local
from tests.benchmarks.llama_vim.hint import Hint, hint_of
from tests.benchmarks.llama_vim.ring import CHUNK, SCOPE, Ring

BUSY_RETRY_S = 0.1
RING_EVERY_S = 1.0
STILL_S = 3.0  # without a moved cursor, after which the ring is updated while inserting
LONGEST_TAIL = 8  # characters behind the cursor with which nothing is asked for
MOVED_FAR = 32  # lines, after which chunks are picked
FIRST_PREDICT_MS, SPECULATIVE_PREDICT_MS = 250, 1000
REQUEST = {
    "id_slot": 0,
    "n_predict": 128,
    "stop": [],
    "top_k": 40,
    "top_p": 0.90,
    "samplers": ["top_k", "top_p", "infill"],
    "stream": False,
    "cache_prompt": True,
    "t_max_prompt_ms": 500,
    # the plugin asks for more fields, which it displays, and not for cache_n
    "response_fields": ["content", "timings/prompt_n", "timings/cache_n", "timings/predicted_n"],
}
WARMING = {
    **REQUEST,
    "n_predict": 0,
    "temperature": 0.0,
    "samplers": [],
    "t_max_prompt_ms": 1,
    "t_max_predict_ms": 1,
}


@dataclass(slots=True)
class Plugin:
    """One editor. ``lines`` gives the current file's lines, ``ask`` posts a request and blocks; ``responded``
    is told of every response and whether it was ahead of what is asked for. ``failure`` is what went wrong,
    where the plugin would go on without a word."""

    lines: Callable[[], Sequence[str]]
    ask: Callable[[dict[str, Any]], dict[str, Any]]
    responded: Callable[[dict[str, Any], bool], None]
    ring: Ring = field(default_factory=Ring)
    answers: Answers = field(default_factory=Answers)
    name: str = ""  # of the current file
    at: At = (0, 0)
    inserting: bool = False
    hint: Hint | None = None
    event: asyncio.Event = field(default_factory=asyncio.Event)  # set whenever something has happened
    failure: Exception | None = None
    _warming: set[asyncio.Task[None]] = field(default_factory=set)
    _job: asyncio.Task[None] | None = None
    _timer: asyncio.TimerHandle | None = None
    _indent: int = -1
    _picked_at: int = -9999
    _moved_s: float = 0.0

    @property
    def pending(self) -> bool:
        """Whether something is still to come without another key."""
        return self._job is not None or self._timer is not None

    def moved(self, at: At) -> None:
        """The cursor moved while inserting."""
        self.at, self.inserting, self._moved_s = at, True, time.monotonic()
        self.hint = None
        self._try_hint()
        self._fim()

    def left(self) -> None:
        """Insert mode was left. A timer already running still fires, as the plugin's does."""
        self.inserting, self.hint = False, None

    def answered(self) -> bool:
        """Whether the server's answer for the cursor is known."""
        return self.answers.has_any(local(self.lines(), self.at).keys()[:1])

    def pick_here(self) -> None:
        """A file was entered, left or saved."""
        self.ring.pick(self._around(), self.name, evict=True)

    def update_ring(self) -> None:
        """What the plugin does every second: where nobody types, one more chunk for the server's cache."""
        if self.inserting and time.monotonic() - self._moved_s < STILL_S:
            return
        if self.ring.advance():
            task = asyncio.create_task(self._warm(self.ring.extra()))
            self._warming.add(task)
            task.add_done_callback(self._warming.discard)

    async def finished(self) -> None:
        """Wait until nothing runs that was begun; begin nothing more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.left()
        await asyncio.gather(*self._warming, *([self._job] if self._job is not None else []))

    async def _warm(self, extra: list[dict[str, Any]]) -> None:
        request = WARMING | {"input_prefix": "", "input_suffix": "", "prompt": "", "input_extra": extra}
        try:
            self.responded(await asyncio.to_thread(self.ask, request), True)
        except Exception as error:
            self.failure = error

    def _fim(self, at: At | None = None, shown: Sequence[str] = ()) -> None:
        """Ask for the text at the cursor, or for what follows once ``shown`` is accepted at ``at``."""
        if self._job is not None:
            if self._timer is not None:
                self._timer.cancel()
            self._timer = asyncio.get_running_loop().call_later(BUSY_RETRY_S, self._again, at, shown)
            return
        lines, place = self.lines(), at or self.at
        here = as_if_accepted(lines, place, shown, self._indent) if shown else local(lines, place)
        if len(here.tail) > LONGEST_TAIL or self.answers.has_any(here.keys()):
            return
        self._indent = here.indent
        self.ring.leave_out(self._around())
        request = REQUEST | {
            "input_prefix": here.prefix,
            "input_suffix": here.suffix,
            "input_extra": self.ring.extra(),
            "prompt": here.middle,
            "n_indent": here.indent,
            "t_max_predict_ms": SPECULATIVE_PREDICT_MS if shown else FIRST_PREDICT_MS,
        }
        self._job = asyncio.create_task(self._run(request, here, speculative=bool(shown)))
        if abs(place[0] - self._picked_at) > MOVED_FAR:
            self._pick_far(place[0])

    def _again(self, at: At | None, shown: Sequence[str]) -> None:
        self._timer = None
        self._fim(at, shown)
        self.event.set()

    async def _run(self, request: dict[str, Any], here: Local, *, speculative: bool) -> None:
        try:
            response = await asyncio.to_thread(self.ask, request)
            self.responded(response, speculative)
            self.answers.keep(here.keys(), str(response["content"]))
            if self.hint is None or not self.hint.can_accept:
                self._try_hint()  # while the job still counts as running: its exit is reported later
        except Exception as error:
            self.failure = error
        finally:
            self._job = None
            self.event.set()

    def _try_hint(self) -> None:
        if not self.inserting:
            return
        lines = self.lines()
        content = self.answers.find(local(lines, self.at))
        if content is not None:
            self.hint = hint_of(content, lines, self.at)
            self._fim(self.at, self.hint.lines)

    def _around(self) -> Sequence[str]:
        line = self.at[0]
        return self.lines()[max(0, line - CHUNK // 2) : line + CHUNK // 2 + 1]

    def _pick_far(self, line: int) -> None:
        lines = self.lines()
        last = len(lines) - 1
        before = lines[max(0, line - SCOPE) : max(0, line - LINES_BEFORE) + 1]
        after = lines[min(last, line + LINES_AFTER) : min(last, line + LINES_AFTER + CHUNK) + 1]
        for text in (before, after):
            self.ring.pick(text, self.name, evict=False)
        self._picked_at = line
