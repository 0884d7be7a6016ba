"""One client of the shared process: its own language server over a connection, from greeting to goodbye.

The client may go at any time, in the middle of a message or by sending none that can be read: what it had is
closed, and nobody else notices.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lsprotocol import types
from pygls.io_ import run_async

from context.environment import serve_with
from lsp_server import server as language_server
from lsp_server.shared.client_log import ClientLog
from lsp_server.shared.rendezvous import END

if TYPE_CHECKING:
    from lsp_server.server import CodeFlowServer
    from lsp_server.shared.models import SharedModels

logger = logging.getLogger(__name__)
_MOST_UNREAD = 64 << 20  # bytes that a client leaves unread before it is taken for dead


@dataclass(frozen=True)
class Greeting:
    """What a proxy says of its editor before the editor says anything."""

    pid: int
    backend: str
    log_level: str
    environment: Mapping[str, str]

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Greeting:
        """Raises KeyError, TypeError or ValueError where it is none."""
        variables = {str(name): str(value) for name, value in dict(raw["environment"]).items()}
        return cls(int(raw["pid"]), str(raw["backend"]), str(raw["logLevel"]), variables)


@dataclass(eq=False)
class Client:
    """A connected editor."""

    greeting: Greeting
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    since: float = field(default_factory=time.time)
    server: CodeFlowServer | None = None

    async def serve(self, models: SharedModels) -> None:
        """Until it leaves. Raises nothing that a client can cause."""
        loop = asyncio.get_running_loop()
        serve_with(self.greeting.environment)
        log = ClientLog(lambda line: loop.call_soon_threadsafe(self._tell, line), self.greeting.log_level)
        log.enter()
        self.server = server = await asyncio.to_thread(
            language_server.create_server,
            self.greeting.backend,
            open_model=models.open,
            set_log_level=log.set_level,
        )
        server.protocol.set_writer(_Writer(self.writer))
        try:
            with contextlib.suppress(SystemExit):  # `exit`
                await run_async(
                    stop_event=threading.Event(),
                    reader=self.reader,
                    protocol=server.protocol,
                    error_handler=server.report_server_error,
                )
            self.writer.write(END)
        except (OSError, EOFError, ValueError) as error:
            logger.info("the editor of process %d went without a word: %r", self.greeting.pid, error)
        finally:
            self.writer.close()
            await _close(server)

    def as_json(self) -> dict[str, Any]:
        """Who it is."""
        folders = self.server.folders if self.server is not None else []
        return {"pid": self.greeting.pid, "folders": folders, "seconds": round(time.time() - self.since)}

    def _tell(self, line: types.LogMessageParams) -> None:
        if self.server is not None and self.server.protocol.writer is not None:
            self.server.window_log_message(line)


class _Writer:
    """A stream as pygls writes to it; closing it is left to `Client`, which has one more byte to say."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer

    def write(self, data: bytes) -> None:
        """Never waits. What a client that has gone would have been told is dropped."""
        transport = self._writer.transport
        if transport.is_closing():
            return
        self._writer.write(data)
        if transport.get_write_buffer_size() > _MOST_UNREAD:
            transport.abort()

    def close(self) -> None:
        """`exit` was received."""


async def _close(server: CodeFlowServer) -> None:
    """Free what a server has; what its handlers still wait for is given up."""
    for future in tuple(server.protocol._request_futures.values()):
        future.cancel()
    try:
        await asyncio.to_thread(server.close_librarian)
        await asyncio.to_thread(server.close)
    except Exception:
        logger.exception("what a client had could not be closed")
