"""The server object: what one editor's connection owns, and which handlers it has.

State here: the workspace, the settings, the model session, what was shown. Handlers are short; the ones that
change the workspace are synchronous, the ones that ask the model are async and read one snapshot.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from pathlib import PurePosixPath
from typing import Any

from lsprotocol import types
from pygls.lsp.server import LanguageServer

from context.workspace import Workspace
from lsp_server import __version__
from lsp_server.ghost_text import GhostText
from lsp_server.model_session import ModelSession, open_session
from lsp_server.progress import ModelProgress
from lsp_server.protocol import DocumentlessProtocol
from lsp_server.settings import Settings
from lsp_server.stats import Stats

logger = logging.getLogger(__name__)
_READY_WITHIN_S = 20.0  # how long a request waits for a model that is being loaded


class CodeFlowServer(LanguageServer):
    """One connection's state."""

    def __init__(self) -> None:
        super().__init__(
            "codeflow-lsp",
            __version__,
            text_document_sync_kind=types.TextDocumentSyncKind.Incremental,
            protocol_cls=DocumentlessProtocol,
        )
        self.files = Workspace()
        self.folders: list[str] = []
        self.settings = Settings()
        self.session: ModelSession | None = None
        self.ghost_text = GhostText()
        self.stats = Stats()
        self.state, self.message = "starting", "the model is not loaded yet"
        self._opening: asyncio.Task[None] | None = None
        self._cancel_opening = threading.Event()

    @property
    def encoding(self) -> types.PositionEncodingKind | str:
        """The position encoding agreed on with the client."""
        return self.workspace.position_encoding or types.PositionEncodingKind.Utf16

    @property
    def repository(self) -> str:
        """What a prompt calls the workspace: its first folder's name."""
        return PurePosixPath(self.folders[0]).name if self.folders else "workspace"

    def open_model(self) -> None:
        """Start opening the model in the background; what was open is closed first."""
        self._cancel_opening.set()
        self._cancel_opening = threading.Event()
        previous, self.session = self.session, None
        self._opening = asyncio.ensure_future(self._open_model(previous, self._cancel_opening))

    async def ready_session(self) -> ModelSession | None:
        """The model session, waited for while it loads; None where it failed or is still being downloaded."""
        if self.session is None and self._opening is not None and self.state != "downloading":
            await asyncio.wait([self._opening], timeout=_READY_WITHIN_S)
        return self.session

    def set_status(self, state: str, message: str) -> None:
        """Tell the client: starting, downloading, ready, off or error, with a sentence."""
        self.state, self.message = state, message
        self.protocol.notify("codeflow/status", self.status())

    def status(self) -> dict[str, Any]:
        """What the client may show about the server."""
        session = self.session
        return {
            "state": self.state,
            "message": self.message,
            "model": session.name if session else None,
            "fillsIn": session.form.fills_in if session else None,
            "budgetTokens": session.budget_tokens if session else None,
            "reason": session.reason if session else None,
        }

    def close(self) -> None:
        """Stop what runs and free the model. Idempotent."""
        self._cancel_opening.set()
        if self.session is not None:
            self.session.engine.close()
            self.session = None

    async def _open_model(self, previous: ModelSession | None, cancelled: threading.Event) -> None:
        progress = ModelProgress(self)
        try:
            if previous is not None:
                await asyncio.to_thread(previous.engine.close)
            session = await asyncio.to_thread(open_session, self.settings, progress.report, cancelled)
        except Exception as error:
            if not cancelled.is_set():
                logger.warning("the model could not be opened: %s", error)
                self.set_status("error", str(error))
                self.window_show_message(
                    types.ShowMessageParams(types.MessageType.Error, f"CodeFlow: {error}")
                )
            progress.end("failed")
            return
        if cancelled.is_set():
            await asyncio.to_thread(session.engine.close)
            return
        self.session = session
        progress.end(f"{session.name} is ready")
        self.set_status("ready", session.summary)
        if session.notice:
            notice = types.ShowMessageParams(types.MessageType.Warning, f"CodeFlow: {session.notice}")
            self.window_show_message(notice)


def create_server() -> CodeFlowServer:
    """A server with every handler registered."""
    from lsp_server import commands, completion, inline_completion, lifecycle, text_sync

    server = CodeFlowServer()
    for room in (lifecycle, text_sync, inline_completion, completion, commands):
        room.register(server)
    return server
