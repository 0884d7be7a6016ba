"""What is asked while nobody waits, so that the next key finds the answer there.

After an answer: first the answer that more time would have given, where it had to hurry; then what comes once
the suggestion is accepted. All of it gives way to whoever waits, and stops for the next question.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

import psutil

from lsp_server.ask import Ask
from lsp_server.settings import Settings
from lsp_server.trim import Shown

logger = logging.getLogger(__name__)
_ASK_BATTERY_S = 30.0
_NEAR_LINES = 2  # farther away the lines around the cursor are others, and they are what is needed first

Answer = Callable[[Ask], Awaitable[Shown | None]]  # asks in the background; what would be shown


class Ahead:
    """At most one chain of work at a time. Owned by the event loop."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._task: asyncio.Task[None] | None = None
        self._ask: Ask | None = None  # what it is about
        self._power = Power()

    def begin(self, ask: Ask, shown: Shown | None, *, better: bool) -> None:
        """``shown`` is on the screen. ``better``: with more time there might be a better one."""
        self._start(ask, lambda: self._look(ask, shown, better=better))

    @property
    def busy(self) -> bool:
        """Whether something is under way."""
        return self._task is not None and not self._task.done()

    def do(self, ask: Ask, work: Callable[[], Awaitable[None]]) -> None:
        """Other work for the place of ``ask``, unless something is under way for a place near it."""
        if not self.busy or self._ask is None or not _are_near(self._ask, ask):
            self._start(ask, work)

    def stop(self) -> None:
        """Somebody asks: whatever was guessed is not what came."""
        if self._task is not None:
            self._task.cancel()
            self._task = None

    def _start(self, ask: Ask, work: Callable[[], Awaitable[None]]) -> None:
        self.stop()
        if self._power.allows(ask.settings):
            self._ask = ask
            self._task = asyncio.ensure_future(self._guarded(work))

    async def _look(self, ask: Ask, shown: Shown | None, *, better: bool) -> None:
        if better:
            shown = await self._answer(ask) or shown
        if shown is not None:
            await self._answer(ask.accepted(shown))

    async def _guarded(self, work: Callable[[], Awaitable[None]]) -> None:
        from engine.errors import EngineError

        try:
            with suppress(EngineError):  # the model is being closed
                await work()
        except Exception:  # nobody waits for it: a line in the log has to do
            logger.exception("working ahead failed")


def _are_near(one: Ask, other: Ask) -> bool:
    """Whether what is evaluated for one place serves the other."""
    apart = abs(one.query.position.line - other.query.position.line)
    return one.query.uri == other.query.uri and apart <= _NEAR_LINES


class Power:
    """Whether the settings and the battery allow work that nobody asked for."""

    def __init__(self) -> None:
        self._asked, self._on_battery = -_ASK_BATTERY_S, False

    def allows(self, settings: Settings) -> bool:
        """Looks at the battery twice a minute at most."""
        if settings.engine.ahead != "plugged in":
            return settings.engine.ahead == "always"
        if time.monotonic() - self._asked >= _ASK_BATTERY_S:
            read = getattr(psutil, "sensors_battery", None)  # not on every system
            battery = read() if read is not None else None
            self._asked, self._on_battery = (
                time.monotonic(),
                battery is not None and not battery.power_plugged,
            )
        return not self._on_battery
