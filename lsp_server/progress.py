"""Model loading and downloading as ``$/progress`` that can be cancelled, for clients that show it; as status
for all."""

from __future__ import annotations

import asyncio
import threading
import time
import uuid
from typing import TYPE_CHECKING

from lsprotocol import types

from lsp_server.model_session import DOWNLOADING

if TYPE_CHECKING:
    from lsp_server.server import CodeFlowServer

_EVERY_S = 0.2  # reports in between would only make the client redraw
_STATUS_STEP = 5  # percent of a download after which the status says how far it is


class ModelProgress:
    """One piece of work done progress; ``report`` may be called from any thread."""

    def __init__(self, server: CodeFlowServer, stop: threading.Event) -> None:
        """``stop`` is set where the user cancels."""
        self._server, self._stop = server, stop
        self.is_cancelled = False  # by the user
        self._told = ""
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
            progress = self._server.work_done_progress
            progress.end(self._token, types.WorkDoneProgressEnd(message=message))
            progress.tokens.pop(self._token, None)

    def _cancelled(self, _: object) -> None:
        if not self._ended:
            self.is_cancelled = True
            self._stop.set()

    def _show(self, what: str, share: float | None) -> None:
        if self._ended or self._stop.is_set():  # given up: what is said of it is no longer the server's state
            return
        percentage = None if share is None else min(100, int(share * 100))
        self._tell_status(what, percentage)
        if not self._wanted:
            self._begun = True
            return
        progress = self._server.work_done_progress
        if not self._begun:
            self._begun = True
            progress.create(self._token, self._created)  # a client that refuses ignores what follows
            begin = types.WorkDoneProgressBegin(
                "CodeFlow", cancellable=True, message=what, percentage=percentage or 0
            )
            progress.begin(self._token, begin)
        progress.report(self._token, types.WorkDoneProgressReport(message=what, percentage=percentage))

    def _tell_status(self, what: str, percentage: int | None) -> None:
        """At the beginning, where the state changes, and now and then in a download."""
        model, state, told = self._server.model, "starting", what
        if what.startswith(DOWNLOADING):
            state = "downloading"
            if percentage is not None:
                told = f"{what}, {percentage - percentage % _STATUS_STEP} %"
        if state != model.state or not self._begun or (state == "downloading" and told != self._told):
            self._told = told
            model.set_status(state, told)

    def _created(self, _: object) -> None:
        """The client has the token: now it can cancel."""
        if (token := self._server.work_done_progress.tokens.get(self._token)) is not None:
            token.add_done_callback(self._cancelled)
