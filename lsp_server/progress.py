"""Model loading and downloading as ``$/progress``, for clients that show it; as status for all."""

from __future__ import annotations

import asyncio
import time
import uuid
from typing import TYPE_CHECKING

from lsprotocol import types

if TYPE_CHECKING:
    from lsp_server.server import CodeFlowServer

_EVERY_S = 0.2  # reports in between would only make the client redraw


class ModelProgress:
    """One piece of work done progress; ``report`` may be called from any thread."""

    def __init__(self, server: CodeFlowServer) -> None:
        self._server = server
        self._loop = asyncio.get_running_loop()
        self._last = 0.0
        self._begun = self._ended = False
        window = server.client_capabilities.window
        self._wanted = bool(window and window.work_done_progress)
        self._token = f"codeflow-{uuid.uuid4()}"

    def report(self, what: str, share: float | None) -> None:
        """Say what is being done, and the share done where it is known."""
        now = time.monotonic()
        if self._begun and now - self._last < _EVERY_S and share not in (0.0, 1.0):
            return
        self._last = now
        self._loop.call_soon_threadsafe(self._show, what, share)

    def end(self, message: str) -> None:
        """The work is over; on the event loop."""
        self._ended = True
        if self._begun and self._wanted:
            self._server.work_done_progress.end(self._token, types.WorkDoneProgressEnd(message=message))

    def _show(self, what: str, share: float | None) -> None:
        if self._ended:
            return
        downloading = "download" in what.lower()
        state = "downloading" if downloading else "starting"
        percentage = None if share is None else min(100, int(share * 100))
        if state != self._server.model.state or not self._begun:
            self._server.model.set_status(state, what)
        if not self._wanted:
            self._begun = True
            return
        progress = self._server.work_done_progress
        if not self._begun:
            self._begun = True
            progress.create(self._token)  # a client that refuses simply ignores what follows
            progress.begin(
                self._token, types.WorkDoneProgressBegin("CodeFlow", message=what, percentage=percentage or 0)
            )
        progress.report(self._token, types.WorkDoneProgressReport(message=what, percentage=percentage))
