"""llama.vim with llama-server as a system to type into: one server throughout, an editor for each commit."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from engine.llama.threads import FreeCores
from tests.benchmarks.cases import At
from tests.benchmarks.llama_vim.plugin import RING_EVERY_S, Plugin
from tests.benchmarks.llama_vim.server import Server
from tests.benchmarks.replay.buffer import Buffer, Change
from tests.benchmarks.replay.pausing import resume, suspend
from tests.benchmarks.replay.system import MODEL, TYPED_ALONG, Cost, Offer

_FINISHED_WITHIN_S = 60.0


class LlamaVim:
    """The plugin, driven by the typist's keys."""

    name = "llama.vim"

    def __init__(self, model: Path, program: str = "") -> None:
        self._model, self._program = model, program
        self._server: Server | None = None
        self._awake = True
        self._buffer = Buffer()
        self._lines: list[str] | None = None
        self._cost = Cost("nothing")
        self._ahead = 0  # prompt tokens of speculative requests and of the ring, since the last cost
        self._plugin = self._new()

    @asynccontextmanager
    async def session(self, root: Path) -> AsyncIterator[None]:
        """A new editor: nothing remembered, nothing picked. The server is started where there is none."""
        del root
        if self._server is None or not self._server.is_running():
            self.close()
            cores = FreeCores().cores
            self._server = await asyncio.to_thread(Server, self._model, cores, self._program)
        plugin = self._plugin = self._new()
        self._ahead = 0
        every_second = asyncio.create_task(self._update_ring())
        try:
            yield
        finally:
            every_second.cancel()
            self.resume()
            try:
                async with asyncio.timeout(_FINISHED_WITHIN_S):
                    await plugin.finished()
            except TimeoutError:
                self.close()  # the next session begins with another

    async def open(self, path: str, buffer: Buffer) -> None:
        """Enter a file; the cursor is at its top."""
        self._buffer, self._lines = buffer, None
        self._plugin.name, self._plugin.at = path, (0, 0)
        self._plugin.pick_here()

    def come(self, at: At) -> None:
        """The plugin looks at the cursor only while something is inserted."""
        del at

    def change(self, change: Change) -> None:
        """The plugin reads the buffer when it wants to."""
        del change
        self._lines = None

    async def suggest(self, at: At) -> Offer | None:
        """Move the cursor, and wait until something is shown or nothing is to come."""
        plugin = self._plugin
        self._cost = Cost("nothing")
        plugin.moved(at)
        while not (plugin.hint is not None and plugin.hint.can_accept):
            if plugin.failure is not None:
                raise plugin.failure
            if plugin.answered() or not plugin.pending:
                return None
            plugin.event.clear()
            await plugin.event.wait()
        if self._cost.source != MODEL:
            self._cost = Cost(TYPED_ALONG)
        head, tail = self._buffer.line(at[0])[: at[1]], self._buffer.line(at[0])[at[1] :]
        return Offer(plugin.hint.head + "\n".join(plugin.hint.lines), len(head), len(tail))

    async def cost(self) -> Cost:
        """Of the responses that came while the answer was awaited."""
        cost, ahead = self._cost, self._ahead
        self._ahead = 0
        return Cost(cost.source, cost.prompt_tokens, cost.evaluated_tokens, cost.generated_tokens, ahead)

    async def save(self) -> None:
        """Write and leave the file: a chunk is picked at each."""
        self._plugin.left()
        self._plugin.pick_here()
        self._plugin.pick_here()

    async def rest(self, seconds: float) -> None:
        """Normal mode: the ring takes in what was queued."""
        self._plugin.left()
        await asyncio.sleep(seconds)

    def suspend(self) -> None:
        """Stop the server, and the plugin's clock."""
        self._awake = False
        if self._server is not None:
            suspend(self._server.process)

    def resume(self) -> None:
        """Let them go on."""
        self._awake = True
        if self._server is not None:
            resume(self._server.process)

    def close(self) -> None:
        """End the server."""
        self.resume()
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _update_ring(self) -> None:
        while True:
            await asyncio.sleep(RING_EVERY_S)
            if self._awake:
                self._plugin.update_ring()

    def _new(self) -> Plugin:
        return Plugin(self._text, self._ask, self._responded)

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        assert self._server is not None
        return self._server.infill(request)

    def _text(self) -> Sequence[str]:
        if self._lines is None:
            self._lines = [line.removesuffix("\n") for line in self._buffer.lines]
        return self._lines

    def _responded(self, response: dict[str, Any], ahead: bool) -> None:
        evaluated, cached = int(response.get("timings/prompt_n", 0)), int(response.get("timings/cache_n", 0))
        asked_for = 0 if ahead else evaluated
        self._ahead += evaluated - asked_for
        generated = int(response.get("timings/predicted_n", 0))
        # of several responses for which one had to wait, the last is what was waited for
        self._cost = Cost(MODEL, evaluated + cached, self._cost.evaluated_tokens + asked_for, generated)
