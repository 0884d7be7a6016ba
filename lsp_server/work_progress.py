"""Work of seconds as ``$/progress`` that the user can cancel (LSP 3.18, "Server Initiated Progress").

What comes of it meanwhile is shown as the message. A client that shows no progress is told nothing.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING

from lsprotocol import types

if TYPE_CHECKING:
    from lsp_server.server import CodeFlowServer

_EVERY_S = 0.2  # reports in between would only make the client redraw
_SHOWN = 80  # characters of the latest line


class WorkProgress:
    """One piece of work, from now to ``end``. On the event loop; ``tell`` may be called from any thread."""

    def __init__(self, server: CodeFlowServer, title: str, stop: Callable[[], object] | None = None) -> None:
        """``stop`` is called where the user cancels; without it they cannot."""
        self._progress, self._loop = server.work_done_progress, asyncio.get_running_loop()
        self._token, self._title, self._stop = f"codeflow-{uuid.uuid4()}", title, stop
        self._last, self._text = 0.0, ""
        self.is_cancelled = self._begun = self._ended = False
        window = server.client_capabilities.window
        if window and window.work_done_progress:
            self._progress.create(self._token, self._begin)

    def tell(self, piece: str) -> None:
        """A further piece of the text that comes of it."""
        self._text += piece
        now = time.monotonic()
        if self._begun and now - self._last >= _EVERY_S:
            self._last = now
            line = self._text.rstrip().rsplit("\n", 1)[-1].strip()[:_SHOWN]
            self._loop.call_soon_threadsafe(self._show, line)

    def end(self) -> None:
        """It is over, one way or the other."""
        if self._begun and not self._ended:
            self._progress.end(self._token, types.WorkDoneProgressEnd())
            self._progress.tokens.pop(self._token, None)
        self._ended = True

    def _begin(self, *_: object) -> None:
        """The client has the token, or refuses it and ignores what follows."""
        if self._ended:
            return
        self._begun = True
        begin = types.WorkDoneProgressBegin(title=self._title, cancellable=self._stop is not None)
        self._progress.begin(self._token, begin)
        self._progress.tokens[self._token].add_done_callback(self._cancelled)

    def _cancelled(self, _: object) -> None:
        if not self._ended and self._stop is not None:
            self.is_cancelled = True
            self._stop()

    def _show(self, line: str) -> None:
        if not self._ended:
            self._progress.report(self._token, types.WorkDoneProgressReport(message=line))
