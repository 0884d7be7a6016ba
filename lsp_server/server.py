"""The server object: what one editor's connection owns, and which handlers it has.

State here: the workspace, the settings, what was shown; `model_opening` has the model. Handlers are short:
those which change the workspace are synchronous, those which ask the model are async and read one snapshot.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
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
from lsp_server.counts_file import CountsFile
from lsp_server.from_lsp import file_of
from lsp_server.ghost_text import GhostText
from lsp_server.model_opening import ModelOpening
from lsp_server.next_edit import NextEdits
from lsp_server.protocol import DocumentlessProtocol
from lsp_server.settings import Settings
from lsp_server.shown_texts import ShownTexts
from lsp_server.stats import Stats

if TYPE_CHECKING:
    from context.refactor.source_tree import SourceTree
    from lsp_server.model_session import ModelSession, OpenSession

_BUDGET_UNKNOWN = 2048  # tokens to gather for while no model is open
_RESTS_S = 0.05  # without a request after a change: editors ask a moment after a key, or not at all


class CodeFlowServer(LanguageServer):
    """One connection's state."""

    def __init__(
        self,
        backend: str = "",
        *,
        open_model: OpenSession | None = None,
        set_log_level: Callable[[str], object] | None = None,
    ) -> None:
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
        self.set_log_level = set_log_level or _set_log_level
        self.model = ModelOpening(
            self, on_closed=self._model_closed, on_opened=self._model_opened, open_model=open_model
        )
        self.librarian: Librarian | None = None
        self.ghost_text = GhostText()
        self.stats = Stats(
            CountsFile(),
            later=self._later,
            document_of=self.files.document,
            keeps=lambda: self.settings.keep_statistics,
        )
        self.shown_texts = ShownTexts()
        self.next_edits = NextEdits()
        self.latest_source: SourceTree | None = None  # that code actions were offered for
        self.declined: set[str] = set()  # servers that the user does not want prompts sent to
        self._cursors: dict[str, Position] = {}  # where the cursor was last seen, by document
        self._untold: set[str] = set()  # documents whose dossiers this model has not tokenised yet
        self._preparing: set[str] = set()  # those of them that are being tokenised
        self._resting: asyncio.TimerHandle | None = None
        self._background: set[asyncio.Task[None]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def session(self) -> ModelSession | None:
        """The open model; None while there is none."""
        return self.model.session

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

    def with_overrides(self, settings: Settings) -> Settings:
        """Settings as the command line will have them."""
        if not self._backend:
            return settings
        return replace(settings, engine=replace(settings.engine, backend=self._backend))

    def tell(self, sentence: str) -> None:
        """A sentence for the user, about what they have just asked for."""
        self.window_show_message(types.ShowMessageParams(types.MessageType.Warning, f"CodeFlow: {sentence}"))

    def status(self) -> dict[str, Any]:
        """What the client may show about the server."""
        return {**self.model.status(), "index": self.librarian.state() if self.librarian else None}

    def close(self) -> None:
        """Stop what runs and free the model; what was counted is kept. Idempotent."""
        self.stats.save()
        self.shown_texts.close()
        self.model.close()

    def close_librarian(self) -> None:
        """Stop reading the workspace. Idempotent; may wait for the piece of work under way."""
        if self.librarian is not None:
            self.librarian.close()

    def _later(self, seconds: float, function: Callable[[], object]) -> None:
        """Call ``function`` on a worker thread, so many seconds later; may be called on one itself."""
        loop = self._loop = self._loop or asyncio.get_running_loop()
        loop.call_soon_threadsafe(lambda: loop.call_later(seconds, loop.run_in_executor, None, function))

    def _model_closed(self) -> None:
        self._untold.update(self.files.snapshot().documents)

    def _model_opened(self) -> None:
        for uri in self.files.snapshot().last_viewed[:1]:
            self._prepare(uri)

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


def _set_log_level(level: str) -> None:
    logging.getLogger().setLevel(level.upper())


def create_server(
    backend: str = "",
    *,
    open_model: OpenSession | None = None,
    set_log_level: Callable[[str], object] | None = None,
) -> CodeFlowServer:
    """A server with every handler registered; ``backend`` takes the place of the setting engine.backend.

    Where a process has several servers, ``open_model`` is what they share models by, and ``set_log_level``
    is told the setting logLevel in place of Python's root logger.
    """
    from lsp_server import (
        code_action,
        commands,
        completion,
        explain,
        explain_code,
        inline_completion,
        instruction,
        lifecycle,
        next_edit,
        question,
        show_text,
        text_sync,
    )

    server = CodeFlowServer(backend, open_model=open_model, set_log_level=set_log_level)
    rooms = lifecycle, text_sync, inline_completion, completion, commands, explain, question
    for room in (*rooms, code_action, instruction, explain_code, next_edit, show_text):
        room.register(server)
    return server
