"""The server object: what one editor's connection owns, and which handlers it has.

State here: the workspace, the settings, the model session, what was shown. Handlers are short; the ones that
change the workspace are synchronous, the ones that ask the model are async and read one snapshot.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import threading
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from lsprotocol import types
from pygls.lsp.server import LanguageServer

from context import Position, Query, Snapshot
from context.dossier import Dossier
from context.librarian import Librarian
from context.workspace import Workspace
from lsp_server import __version__
from lsp_server.ask import Ask
from lsp_server.from_lsp import file_of
from lsp_server.ghost_text import GhostText
from lsp_server.model_session import ModelSession, is_remote, open_session
from lsp_server.next_edit import NextEdits
from lsp_server.progress import ModelProgress
from lsp_server.protocol import DocumentlessProtocol
from lsp_server.settings import Settings
from lsp_server.shown_texts import ShownTexts
from lsp_server.stats import Stats

if TYPE_CHECKING:
    from context.refactor.source_tree import SourceTree

logger = logging.getLogger(__name__)
_BUDGET_UNKNOWN = 2048  # tokens to gather for while no model is open
_RESTS_S = 0.05  # without a request after a change: editors ask a moment after a key, or not at all
_RETRY_S = 30.0  # after which a server that could not be reached is tried again, once somebody asks
_READY_WITHIN_S = 20.0  # how long a request waits for a model that is being loaded


class CodeFlowServer(LanguageServer):
    """One connection's state."""

    def __init__(self, backend: str = "") -> None:
        super().__init__(
            "codeflow-lsp",
            __version__,
            text_document_sync_kind=types.TextDocumentSyncKind.Incremental,
            protocol_cls=DocumentlessProtocol,
        )
        self.files = Workspace()
        self.folders: list[str] = []
        self._backend = backend  # the command line's, which has the last word
        self.settings = self.with_overrides(Settings())
        self.session: ModelSession | None = None
        self.librarian: Librarian | None = None
        self.ghost_text = GhostText()
        self.stats = Stats()
        self.shown_texts = ShownTexts()
        self.next_edits = NextEdits()
        self.latest_source: SourceTree | None = None  # that code actions were offered for
        self.state, self.message = "starting", "the model is not loaded yet"
        self.declined: set[str] = set()  # servers that the user does not want prompts sent to
        self._retry_at: float | None = None  # monotonic
        self._thinking: asyncio.Future[ModelSession] | None = None  # the other role's model, once asked for
        self._cursors: dict[str, Position] = {}  # where the cursor was last seen, by document
        self._untold: set[str] = set()  # documents whose dossiers this model has not tokenised yet
        self._preparing: set[str] = set()  # those of them that are being tokenised
        self._resting: asyncio.TimerHandle | None = None
        self._opening: asyncio.Task[None] | None = None
        self._background: set[asyncio.Task[None]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._cancel_opening = threading.Event()

    @property
    def encoding(self) -> types.PositionEncodingKind | str:
        """The position encoding agreed on with the client."""
        return self.workspace.position_encoding or types.PositionEncodingKind.Utf16

    @property
    def repository(self) -> str:
        """What a prompt calls the workspace: its first folder's name."""
        return PurePosixPath(self.folders[0]).name if self.folders else "workspace"

    def open_librarian(self) -> None:
        """Start reading the workspace's folders in the background; what was read before is given up."""
        from engine.catalog import cache_dir

        self._loop = asyncio.get_running_loop()
        if self.librarian is None:
            self.librarian = Librarian(
                cache_dir() / "workspaces",
                path_of=file_of,
                budget_tokens=lambda: self.session.budget_tokens if self.session else _BUDGET_UNKNOWN,
                disabled=lambda: self.settings.context.disabled_sources,
                on_dossier=self._tokenise,
                watching=self.settings.context.watch,
            )
        self.librarian.set_folders(root for uri in self.folders if (root := file_of(uri)) is not None)

    def notice(self, uri: str, line: int) -> None:
        """The cursor is at ``line``: what is known about that place should be gathered."""
        document = self.files.document(uri)
        if self.librarian is not None and document is not None:
            self.librarian.notice(self.files.snapshot(), document, line)

    def ask(self, snapshot: Snapshot, query: Query) -> Ask | None:
        """What is asked at a place, with all that is known now; None where no model is ready."""
        if self.session is None:
            return None
        dossier = self.librarian.dossier(query.uri) if self.librarian else None
        if query.uri in self._untold:  # a prompt made now would keep what little of it is at hand
            self._prepare(query.uri)
            dossier = None
        return Ask(snapshot, query, self.session, self.settings, self.repository, dossier)

    def forget(self, uri: str) -> None:
        """A document was closed."""
        self.ghost_text.forget(uri)
        self.next_edits.forget(uri)
        if self.latest_source is not None and self.latest_source.document.uri == uri:
            self.latest_source = None
        self._cursors.pop(uri, None)
        self._untold.discard(uri)
        if self.librarian is not None:
            self.librarian.forget(uri)

    def rests(self, uri: str, position: Position | None = None) -> None:
        """The cursor is at a position of a document (None: where it was): a request there is likely."""
        position = position or self._cursors.get(uri)
        if self._resting is not None:
            self._resting.cancel()
            self._resting = None
        if position is not None:
            self._cursors[uri] = position
            self._resting = asyncio.get_running_loop().call_later(_RESTS_S, self._evaluate_ahead, uri)

    def asked(self, uri: str, position: Position) -> None:
        """A request has come for a position."""
        self._cursors[uri] = position
        if self._resting is not None:
            self._resting.cancel()
            self._resting = None

    def changed_on_disk(self, uris: list[str]) -> None:
        """Files were written, by the editor or by others."""
        if self.librarian is None:
            return
        changed: dict[Path, list[str]] = {}
        for uri in uris:
            if (place := self.librarian.place_of(uri)) is not None:
                changed.setdefault(place[0], []).append(place[1])
        for root, paths in changed.items():
            self.librarian.changed_on_disk(root, paths)

    def open_model(self) -> None:
        """Start opening the model in the background; what was open is closed first."""
        self._cancel_opening.set()
        self._cancel_opening = threading.Event()
        self._retry_at = None
        self._close_thinking()
        previous, self.session = self.session, None
        self._untold.update(self.files.snapshot().documents)
        self._opening = asyncio.ensure_future(self._open_model(previous, self._cancel_opening))

    async def ready_session(self) -> ModelSession | None:
        """The model session, waited for while it loads; None where it failed or is still being downloaded."""
        if self.session is None and self._retry_at is not None and time.monotonic() >= self._retry_at:
            self.open_model()
        if self.session is None and self._opening is not None and self.state != "downloading":
            await asyncio.wait([self._opening], timeout=_READY_WITHIN_S)
        return self.session

    def answered(self, problem: str = "") -> None:
        """The model has answered, or could not, for a reason that the user is told once."""
        if problem and self.state != "error":
            self._tell_problem(problem)
        elif problem and problem != self.message:
            self.set_status("error", problem)
        elif not problem and self.state == "error" and self.session is not None:
            self.set_status("ready", self.session.summary)

    def with_overrides(self, settings: Settings) -> Settings:
        """Settings as the command line will have them."""
        if not self._backend:
            return settings
        return replace(settings, engine=replace(settings.engine, backend=self._backend))

    async def session_for(self, role: str) -> ModelSession | None:
        """The session of the model that a role is bound to; None where there is none.

        "thinking" may have a model of its own, opened when it is first asked for. Raises EngineError where
        that cannot be opened.
        """
        own = self.settings.model.thinking
        if role != "thinking" or own in ("", self.settings.model.name) or is_remote(self.settings):
            return await self.ready_session()
        if self._thinking is None:
            self._thinking = asyncio.ensure_future(self._open_thinking(own, self._cancel_opening))
        opening = self._thinking
        try:
            return await asyncio.shield(opening)
        except Exception:
            self._thinking = None  # the next question tries again
            raise

    def set_status(self, state: str, message: str) -> None:
        """Tell the client: starting, downloading, ready, off or error, with a sentence."""
        self.state, self.message = state, message
        self.protocol.notify("codeflow/status", self.status())

    def tell(self, sentence: str) -> None:
        """A sentence for the user, about what they have just asked for."""
        self.window_show_message(types.ShowMessageParams(types.MessageType.Warning, f"CodeFlow: {sentence}"))

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
            "index": self.librarian.state() if self.librarian else None,
        }

    def close(self) -> None:
        """Stop what runs and free the model. Idempotent."""
        self._cancel_opening.set()
        self._close_thinking()
        self.shown_texts.close()
        if self.session is not None:
            self.session.engine.close()
            self.session = None

    def close_librarian(self) -> None:
        """Stop reading the workspace. Idempotent; may wait for the piece of work under way."""
        if self.librarian is not None:
            self.librarian.close()

    def _tokenise(self, dossier: Dossier) -> None:
        """On the librarian's thread: redact and tokenise a dossier's texts before they are asked for."""
        from engine import EngineError

        if (session := self.session) is None:
            self._untold.add(dossier.uri)
            return
        with suppress(EngineError):  # the model is being closed
            session.prepare(dossier)
            self._untold.discard(dossier.uri)
            if self._loop is not None:
                self._loop.call_soon_threadsafe(self._evaluate_ahead, dossier.uri, dossier.line)

    def _prepare(self, uri: str) -> None:
        """A model has come after the dossier: have it tokenised, then warmed."""
        if self.librarian is None or uri in self._preparing:
            return
        if (dossier := self.librarian.dossier(uri)) is None:
            self._untold.discard(uri)
            return

        def done(task: asyncio.Task[None]) -> None:
            self._background.discard(task)
            self._preparing.discard(uri)

        self._preparing.add(uri)
        self._background.add(task := asyncio.ensure_future(asyncio.to_thread(self._tokenise, dossier)))
        task.add_done_callback(done)

    def _evaluate_ahead(self, uri: str, line: int = 0) -> None:
        """Evaluate what the next request for a document needs; only other files' pieces where the cursor is
        not known."""
        snapshot, position = self.files.snapshot(), self._cursors.get(uri)
        if uri not in snapshot.documents or not self.settings.completion.enabled:
            return
        if (ask := self.ask(snapshot, Query(uri, position or Position(line, 0)))) is not None:
            self.ghost_text.evaluate_ahead(ask, pieces_only=position is None)

    async def _open_model(self, previous: ModelSession | None, cancelled: threading.Event) -> None:
        settings, asks_remote = self.settings, False  # what is consented to is what is opened
        progress, told = ModelProgress(self), self.message if self.state == "error" else ""
        try:
            if previous is not None:
                await asyncio.to_thread(previous.engine.close)
            if asks_remote := is_remote(settings):
                await self._ask_consent(settings.remote.url)
            if cancelled.is_set():
                return
            session = await asyncio.to_thread(open_session, settings, progress.report, cancelled)
        except Exception as error:
            if not cancelled.is_set():
                if str(error) != told:
                    self._tell_problem(str(error))
                else:
                    self.set_status("error", told)
                if asks_remote:
                    self._retry_at = time.monotonic() + _RETRY_S
            progress.end("failed")
            return
        if cancelled.is_set():
            await asyncio.to_thread(session.engine.close)
            return
        self.session = session
        gc.freeze()  # what is there now stays: no collection need look at it
        for uri in self.files.snapshot().last_viewed[:1]:
            self._prepare(uri)
        progress.end(f"{session.name} is ready")
        self.set_status("ready", session.summary)
        if session.notice:
            notice = types.ShowMessageParams(types.MessageType.Warning, f"CodeFlow: {session.notice}")
            self.window_show_message(notice)

    async def _open_thinking(self, name: str, cancelled: threading.Event) -> ModelSession:
        settings, progress = self.settings, ModelProgress(self)
        settings = replace(settings, model=replace(settings.model, name=name))
        try:
            return await asyncio.to_thread(open_session, settings, progress.report, cancelled)
        finally:
            progress.end("")

    def _close_thinking(self) -> None:
        opening, self._thinking = self._thinking, None
        if opening is not None:
            opening.add_done_callback(
                lambda done: None if done.cancelled() or done.exception() else done.result().engine.close()
            )

    async def _ask_consent(self, url: str) -> None:
        from engine.remote.address import parse_address
        from lsp_server.remote_consent import ask_consent

        await ask_consent(self, parse_address(url))

    def _tell_problem(self, problem: str) -> None:
        logger.warning("the model does not answer: %s", problem)
        self.set_status("error", problem)
        self.window_show_message(types.ShowMessageParams(types.MessageType.Error, f"CodeFlow: {problem}"))


def create_server(backend: str = "") -> CodeFlowServer:
    """A server with every handler registered; ``backend`` takes the place of the setting engine.backend."""
    from lsp_server import (
        code_action,
        commands,
        completion,
        explain,
        explain_code,
        inline_completion,
        lifecycle,
        next_edit,
        question,
        show_text,
        text_sync,
    )

    server = CodeFlowServer(backend)
    rooms = lifecycle, text_sync, inline_completion, completion, commands, explain, question
    for room in (*rooms, code_action, explain_code, next_edit, show_text):
        room.register(server)
    return server
