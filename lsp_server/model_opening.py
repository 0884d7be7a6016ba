"""The models of one connection: opened, replaced, tried again, closed; what the client is told of it.

State here: the session, the thinking role's session, the state and its sentence, the event that gives up an
opening. Everything is called on the event loop; what blocks runs on worker threads. What a session is made
of, `model_session` knows.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lsprotocol import types

from lsp_server.model_problem import Fix, Problem, problem_of
from lsp_server.model_session import ModelSession, OpenSession, is_remote, open_session
from lsp_server.progress import ModelProgress

if TYPE_CHECKING:
    from lsp_server.server import CodeFlowServer
    from lsp_server.settings import Settings

logger = logging.getLogger(__name__)
_RETRY_S = 30.0  # after which a server that could not be reached is tried again, once somebody asks
_READY_WITHIN_S = 20.0  # how long a request waits for a model that is being loaded


class ModelOpening:
    """The model that answers, or why none does."""

    def __init__(
        self,
        server: CodeFlowServer,
        *,
        on_closed: Callable[[], None],
        on_opened: Callable[[], None],
        open_model: OpenSession | None = None,
    ) -> None:
        """``on_closed``: the session that was there is none any more; ``on_opened``: a new one is there.
        ``open_model``: in place of a model of this server's own."""
        self._server, self._on_closed, self._on_opened = server, on_closed, on_opened
        self._open_model = open_model or open_session
        self.session: ModelSession | None = None
        self.state, self.message = "starting", "the model is not loaded yet"
        self._fix: Fix | None = None  # of an error
        self._retry_at: float | None = None  # monotonic
        self._thinking: asyncio.Future[ModelSession] | None = None  # the other role's model, once asked for
        self._opening: asyncio.Task[None] | None = None
        self._cancel = threading.Event()  # of the opening under way: set once it is given up
        self._cancel_thinking = threading.Event()

    def open(self) -> None:
        """Start opening the model in the background; what was open is closed first."""
        self._start(self._settings)

    async def obtain(self) -> bool:
        """Open the model, having downloaded what is missing or damaged, whatever ``model.download`` says.

        Files that were proven are proven again. Joins a download under way. Whether a model is open then.
        """
        from engine.catalog import forget_proofs

        if self._opening is None or self._opening.done() or self.state != "downloading":
            self._give_up()
            self.set_status("starting", "the model is being checked")
            await asyncio.to_thread(forget_proofs)
            settings = self._settings
            self._start(replace(settings, model=replace(settings.model, download=True)))
        while self._opening is not None and not self._opening.done():  # it may be replaced meanwhile
            await asyncio.wait([self._opening])
        return self.session is not None

    async def ready(self) -> ModelSession | None:
        """The model session, waited for while it loads; None where it failed or is still being downloaded."""
        if self.session is None and self._retry_at is not None and time.monotonic() >= self._retry_at:
            self.open()
        if self.session is None and self._opening is not None and self.state != "downloading":
            await asyncio.wait([self._opening], timeout=_READY_WITHIN_S)
        return self.session

    async def session_for(self, role: str) -> ModelSession | None:
        """The session of the model that a role is bound to; None where there is none.

        "thinking" may have a model of its own, opened when it is first asked for. Raises EngineError where
        that cannot be opened.
        """
        settings = self._settings
        own = settings.model.thinking
        if role != "thinking" or own in ("", settings.model.name) or is_remote(settings):
            return await self.ready()
        if self._thinking is None:
            self._cancel_thinking = threading.Event()
            self._thinking = asyncio.ensure_future(self._open_thinking(own, self._cancel_thinking))
        opening = self._thinking
        try:
            return await asyncio.shield(opening)
        except Exception:
            self._thinking = None  # the next question tries again
            raise

    def answered(self, problem: str = "") -> None:
        """The model has answered, or could not, for a reason that the user is told once."""
        if problem and self.state != "error":
            self._tell(Problem(problem))
        elif problem and problem != self.message:
            self.set_status("error", problem)
        elif not problem and self.state == "error" and self.session is not None:
            self.set_status("ready", self.session.summary)

    def set_status(self, state: str, message: str, fix: Fix | None = None) -> None:
        """Tell the client: starting, downloading, ready, off or error, with a sentence and what mends it."""
        self.state, self.message, self._fix = state, message, fix
        self._server.protocol.notify("codeflow/status", self._server.status())

    def status(self) -> dict[str, Any]:
        """What the client may show about the model."""
        session = self.session
        return {
            "state": self.state,
            "message": self.message,
            "fix": self._fix.as_json() if self._fix else None,
            "model": session.name if session else None,
            "fillsIn": session.form.fills_in if session else None,
            "budgetTokens": session.budget_tokens if session else None,
            "reason": session.reason if session else None,
        }

    def close(self) -> None:
        """Stop what runs and free the models. Idempotent; waits for the engine."""
        self._give_up()
        self._close_thinking()
        if self.session is not None:
            self.session.engine.close()
            self.session = None

    @property
    def _settings(self) -> Settings:
        return self._server.settings

    def _start(self, settings: Settings) -> None:
        self._give_up()
        self._retry_at = None
        self._close_thinking()
        previous, self.session = self.session, None
        self._on_closed()
        self._opening = asyncio.ensure_future(self._open(settings, previous, self._cancel))

    def _give_up(self) -> None:
        """Stop an opening under way: nothing that comes of it counts."""
        self._cancel.set()
        self._cancel = threading.Event()

    async def _open(self, settings: Settings, previous: ModelSession | None, cancel: threading.Event) -> None:
        """``settings``: what is consented to is what is opened."""
        progress, asks_remote = ModelProgress(self._server, cancel), False
        told = self.message if self.state == "error" else ""
        try:
            if previous is not None:
                await asyncio.to_thread(previous.engine.close)
            if asks_remote := is_remote(settings):
                await self._ask_consent(settings.remote.url)
            if self._cancel is not cancel:
                return
            session = await asyncio.to_thread(self._open_model, settings, progress.report, cancel)
        except Exception as error:
            if self._cancel is cancel:
                problem = problem_of(self._cancelled(error) if progress.is_cancelled else error, settings)
                self._tell(problem, aloud=problem.sentence != told and not progress.is_cancelled)
                if asks_remote:
                    self._retry_at = time.monotonic() + _RETRY_S
            progress.end("failed")
            return
        if self._cancel is not cancel:
            await asyncio.to_thread(session.engine.close)
            progress.end("replaced")
            return
        self.session = session
        gc.freeze()  # what is there now stays: no collection need look at it
        self._on_opened()
        progress.end(f"{session.name} is ready")
        self.set_status("ready", session.summary)
        if session.notice:
            self._server.tell(session.notice)

    async def _open_thinking(self, name: str, cancel: threading.Event) -> ModelSession:
        settings, progress = self._settings, ModelProgress(self._server, cancel)
        settings = replace(settings, model=replace(settings.model, name=name))
        try:
            return await asyncio.to_thread(self._open_model, settings, progress.report, cancel)
        finally:
            progress.end("")

    def _close_thinking(self) -> None:
        opening, self._thinking = self._thinking, None
        self._cancel_thinking.set()
        if opening is not None:
            opening.add_done_callback(
                lambda done: None if done.cancelled() or done.exception() else done.result().engine.close()
            )

    async def _ask_consent(self, url: str) -> None:
        from engine.remote.address import parse_address
        from lsp_server.remote_consent import ask_consent

        await ask_consent(self._server, parse_address(url))

    def _cancelled(self, error: Exception) -> Exception:
        """What the user reads once they have cancelled: a load that is cut short looks like a broken file."""
        from engine.catalog import PullCancelled

        return (
            error if isinstance(error, PullCancelled) else PullCancelled("Opening the model was cancelled.")
        )

    def _tell(self, problem: Problem, *, aloud: bool = True) -> None:
        """As the status, and ``aloud`` as a message."""
        logger.warning("the model does not answer: %s", problem.sentence)
        self.set_status("error", problem.sentence, problem.fix)
        if aloud:
            message = f"CodeFlow: {problem.sentence}"
            self._server.window_show_message(types.ShowMessageParams(types.MessageType.Error, message))
