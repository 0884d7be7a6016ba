"""This server as a system to type into: a process of its own for each commit."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psutil
from lsprotocol import types

from tests.benchmarks.cases import At
from tests.benchmarks.hunks import LANGUAGES
from tests.benchmarks.replay.buffer import Buffer, Change
from tests.benchmarks.replay.pausing import resume, suspend
from tests.benchmarks.replay.system import MODEL, Cost, Offer
from tests.benchmarks.waiting import CODE_POINTS, indexed, last_account
from tests.lsp_client import Editor, editor


class Ours:
    """Talks to the server as an editor does, and no more; its settings are the defaults."""

    name = "codeflow"

    def __init__(self, model: str) -> None:
        self._model = model
        self._root, self._file, self._version = Path(), Path(), 1
        self._buffer = Buffer()
        self._wire: Editor | None = None
        self._server: psutil.Process | None = None
        self._account: dict[str, Any] = {}

    @asynccontextmanager
    async def session(self, root: Path) -> AsyncIterator[None]:
        """Start the server, wait for its model and its index: an editor is open for longer than that."""
        before = set(psutil.Process().children())
        self._root, self._account = root, {}
        async with editor(model=self._model, folders=[root.as_uri()], encodings=CODE_POINTS) as wire:
            self._wire = wire
            (self._server,) = set(psutil.Process().children()) - before
            try:
                status = await wire.ready()
                if status.state != "ready":
                    raise RuntimeError(f"the server is {status.state}: {status.message}")
                await indexed(wire)
                yield
            finally:
                self.resume()  # it has to answer to the shutdown
                self._server = None

    async def open(self, path: str, buffer: Buffer) -> None:
        """Open a document."""
        self._buffer, self._file, self._version = buffer, self._root / path, 1
        language = LANGUAGES.get(self._file.suffix, "plaintext")
        self._connected.open(self._file.as_uri(), buffer.text, language)

    def come(self, at: At) -> None:
        """Say so, as the editors that CodeFlow has a table for do."""
        place = {"uri": self._file.as_uri(), "position": {"line": at[0], "character": at[1]}}
        self._connected.client.protocol.notify("codeflow/cursor", place)

    def change(self, change: Change) -> None:
        """Tell of a change."""
        self._version += 1
        self._connected.change(self._file.as_uri(), self._version, change.text, change.start, change.end)

    async def suggest(self, at: At) -> Offer | None:
        """Ask as after a key."""
        items = await self._connected.complete(self._file.as_uri(), *at)
        if not items or not items[0].insert_text:
            return None
        where, text = items[0].range, str(items[0].insert_text)
        return (
            Offer(text, at[1] - where.start.character, where.end.character - at[1]) if where else Offer(text)
        )

    async def cost(self) -> Cost:
        """From the server's account. An answer that left none was none, of a request that came to nothing."""
        account = await last_account(self._connected)
        if account == self._account:
            return Cost("nothing")
        self._account = account
        if account["source"] != MODEL:
            return Cost(str(account["source"]))
        prompt, cached, generated = (
            int(account[f"{kind}_tokens"]) for kind in ("prompt", "cached", "generated")
        )
        return Cost(MODEL, prompt, prompt - cached, generated)

    async def save(self) -> None:
        """Write the file where the server reads it. The document stays open."""
        self._file.parent.mkdir(parents=True, exist_ok=True)  # a commit may begin a folder
        await asyncio.to_thread(self._file.write_bytes, self._buffer.text.encode())
        document = types.TextDocumentIdentifier(self._file.as_uri())
        self._connected.client.text_document_did_save(types.DidSaveTextDocumentParams(document))

    async def rest(self, seconds: float) -> None:
        """Send nothing."""
        await asyncio.sleep(seconds)

    def suspend(self) -> None:
        """Stop the server's processes."""
        if self._server is not None:
            suspend(self._server)

    def resume(self) -> None:
        """Let them go on."""
        if self._server is not None:
            resume(self._server)

    @property
    def _connected(self) -> Editor:
        assert self._wire is not None
        return self._wire
