"""What the shared process does: gives every client a server, and ends when it has been idle for a while.

Connections come in, from proxies and from `codeflow-lsp shared`; what comes out is their sessions. Who is
connected and since when nobody is, is known here; how one client is served, `connection` knows.
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import os
import signal
import socket
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from engine.catalog import cache_dir
from lsp_server import __version__
from lsp_server.shared.connection import Client, Greeting
from lsp_server.shared.models import SharedModels
from lsp_server.shared.rendezvous import IDLE_VARIABLE, MOST_GREETING, Place, is_ours, leave, stay

logger = logging.getLogger(__name__)
_IDLE_S = 120.0  # a window that is loaded anew finds its model; the last one that is closed frees the memory
_LOOK_S = 15.0  # at most, between two looks at what is idle
_GREETING_S = 10.0
_ENDING_S = 10.0  # for clients' servers to close
_WORKERS = 32  # threads: a client that waits for a download holds one, and nobody else is to wait for that
_MOST_LOG = 1 << 20  # bytes; the older half goes
_FORGETTING_S = 1.0  # after a client has gone: what it held is a few MB, and looking for it takes 0.1 s


def log_path() -> Path:
    """The log of all such processes that have this cache folder."""
    return cache_dir() / "shared-process.log"


class Service:
    """Who is connected, and the models they share."""

    def __init__(self, place: Place, lock: int, models: SharedModels) -> None:
        """``lock``: the file descriptor by which ``place`` is held; it is closed in the end."""
        self._place, self._lock, self._models = place, lock, models
        self._idle_s = float(os.environ.get(IDLE_VARIABLE) or _IDLE_S)
        self._idle_since = time.monotonic()
        self._clients: dict[asyncio.Task[Any], Client] = {}
        self._end = asyncio.Event()

    async def run(self, listener: socket.socket) -> None:
        """Serve until nobody has been here for a while, or a signal or a command ends it."""
        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(_WORKERS, "worker"))
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._end.set)
        server = await asyncio.start_unix_server(self._arrived, sock=listener, limit=MOST_GREETING)
        logger.info("process %d listens at %s", os.getpid(), self._place.socket)
        looking = asyncio.create_task(self._look())
        await self._end.wait()
        looking.cancel()
        server.close()
        leave(self._place, self._lock)  # whoever comes now starts another
        logger.info("process %d ends; %d editors are connected", os.getpid(), len(self._clients))
        for client in self._clients.values():
            client.writer.transport.abort()
        if self._clients:
            await asyncio.wait(self._clients, timeout=_ENDING_S)
        await asyncio.to_thread(self._models.close)

    async def _arrived(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if is_ours(writer.get_extra_info("socket")):
                line = await asyncio.wait_for(reader.readline(), _GREETING_S)
                await self._greeted(json.loads(line), reader, writer)
            else:
                logger.warning("another user's process was turned away")
        except (OSError, ValueError, TypeError, LookupError, TimeoutError) as error:
            logger.warning("what connected is no client: %r", error)
        except Exception:
            logger.exception("a client was not served to its end")
        finally:
            writer.close()

    async def _greeted(
        self, raw: dict[str, Any], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        wants = raw["wants"]
        if wants == "editor":
            client, task = Client(Greeting.from_json(raw), reader, writer), asyncio.current_task()
            assert task is not None  # noqa: S101 - this is one
            self._clients[task] = client
            writer.write(json.dumps({"pid": os.getpid(), "log": str(log_path())}).encode() + b"\n")
            try:
                await client.serve(self._models)
            finally:
                del self._clients[task]
                self._idle_since = time.monotonic()
                asyncio.get_running_loop().call_later(_FORGETTING_S, _forget_garbage)
            return
        if wants not in ("status", "end"):
            raise ValueError(f"nothing is known of {wants!r}")
        writer.write(json.dumps(self.as_json()).encode() + b"\n")
        await writer.drain()
        if wants == "end":
            self._end.set()

    def as_json(self) -> dict[str, Any]:
        """Who is here, and what that takes."""
        memory = psutil.Process().memory_info()
        return {
            "pid": os.getpid(),
            "version": __version__,
            "python": sys.executable,
            "memory_bytes": memory.rss,
            "idle_s": self._idle_s,
            "log": str(log_path()),
            "models": self._models.as_json(),
            "clients": [client.as_json() for client in self._clients.values()],
        }

    async def _look(self) -> None:
        """Now and then: is anything here that nobody uses?"""
        while True:
            await asyncio.sleep(min(self._idle_s / 4, _LOOK_S))
            await asyncio.to_thread(self._models.close_unused, self._idle_s)
            _bound_log()
            stay(self._place)
            if not self._clients and time.monotonic() - self._idle_since >= self._idle_s:
                self._end.set()


def _forget_garbage() -> None:
    """A server is full of cycles, and what was frozen when a model came (`ModelOpening`) is not looked at."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()


def _bound_log() -> None:
    with suppress(OSError):
        if (size := os.fstat(2).st_size) > _MOST_LOG:
            kept = os.pread(2, _MOST_LOG // 2, size - _MOST_LOG // 2)
            os.ftruncate(2, 0)
            os.write(2, kept)
