"""The models of a process that serves several clients: each opened once, for all that want the same.

Settings go in, a session comes out whose engine is the client's own to use and to close. What was opened is
counted, and closed when nobody has used it for a while, or when there is need of its memory for another.
A server's model is nobody's memory here, so each client keeps a connection of its own.
"""

from __future__ import annotations

import logging
import threading
import time
from concurrent.futures import Future, wait
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import count
from typing import Any

from lsp_server.model_session import ModelSession, OpenSession, Report, is_remote, open_session
from lsp_server.settings import Settings
from lsp_server.shared.client_engine import ClientEngine

logger = logging.getLogger(__name__)
_LOOK_S = 0.1  # how often a client that waits for a model looks whether it still wants it


@dataclass(eq=False)
class _Model:
    """A model that is open, or being opened, and who waits for it."""

    settings: Settings  # of the client that came first
    session: Future[ModelSession] = field(default_factory=Future)
    unwanted: threading.Event = field(default_factory=threading.Event)  # nobody waits for it any more
    reports: list[Report] = field(default_factory=list)
    users: int = 0
    unused_since: float = 0.0  # monotonic

    @property
    def open_session(self) -> ModelSession | None:
        """None while it is being opened, and where that failed."""
        opened = self.session.done() and self.session.exception() is None
        return self.session.result() if opened else None

    def report(self, what: str, share: float | None) -> None:
        """Tell all that wait."""
        for report in tuple(self.reports):
            report(what, share)


class SharedModels:
    """All of one process. Any thread may call; ``open`` and what closes models block."""

    def __init__(self, open_model: OpenSession = open_session) -> None:
        self._open_model = open_model
        self._lock = threading.Lock()
        self._models: dict[tuple[Any, ...], _Model] = {}
        self._clients = count(1)

    def open(
        self, settings: Settings, report: Report, cancelled: threading.Event | None = None
    ) -> ModelSession:
        """As `model_session.open_session`; closing the session's engine gives it back."""
        if is_remote(settings):
            return self._open_model(settings, report, cancelled)
        model, is_first = self._join(settings, report)
        try:
            session = _wait(model, cancelled)
        except BaseException:
            self._leave(model, report)
            given_up = cancelled is not None and cancelled.is_set()
            if is_first or given_up or model.settings.model.download == settings.model.download:
                raise
            return self.open(settings, report, cancelled)  # this client allows what the first did not
        engine = ClientEngine(
            session.engine,
            f"client {next(self._clients)}",
            on_close=partial(self._leave, model, report),
            on_failure=partial(self._broken, model),
        )
        return replace(session, engine=engine)

    def close_unused(self, after_s: float = 0.0) -> None:
        """Free what nobody has used for so long."""
        before = time.monotonic() - after_s
        with self._lock:
            unused = [one for one in self._models.values() if not one.users and one.unused_since <= before]
            for model in unused:
                self._drop(model)
        for model in unused:
            _close(model)

    def close(self) -> None:
        """Free all, whoever uses it: the process ends."""
        with self._lock:
            models, self._models = list(self._models.values()), {}
            for model in models:
                model.unwanted.set()
        for model in models:
            _close(model)

    def as_json(self) -> list[dict[str, Any]]:
        """Which there are, and how many clients use each."""
        with self._lock:
            return [
                {
                    "name": model.open_session.name if model.open_session else model.settings.model.name,
                    "state": "ready" if model.open_session else "starting",
                    "clients": model.users,
                }
                for model in self._models.values()
            ]

    def _join(self, settings: Settings, report: Report) -> tuple[_Model, bool]:
        """The model for ``settings`` with one user more; whether it is to be opened for this one."""
        key = _key(settings)
        with self._lock:
            if (model := self._models.get(key)) is not None:
                model.users += 1
                model.reports.append(report)
                return model, False
            model = self._models[key] = _Model(settings, users=1, reports=[report])
        self.close_unused()  # two models may be more than the memory holds
        threading.Thread(target=self._run, args=(model,), name="opening", daemon=True).start()
        return model, True

    def _run(self, model: _Model) -> None:
        try:
            session = self._open_model(model.settings, model.report, model.unwanted)
        except BaseException as error:
            with self._lock:
                self._drop(model)
            model.session.set_exception(error)
            return
        with self._lock:
            model.session.set_result(session)
            unwanted = model.unwanted.is_set()
        logger.info("%s is open", session.name)
        if unwanted:
            _close(model)

    def _leave(self, model: _Model, report: Report) -> None:
        with self._lock:
            model.users -= 1
            model.reports.remove(report)
            if model.users:
                return
            model.unused_since = time.monotonic()
            if not model.session.done():
                model.unwanted.set()
                self._drop(model)
            is_kept = model in self._models.values()
        if not is_kept:
            _close(model)

    def _broken(self, model: _Model) -> None:
        """Whoever comes next had better have another."""
        with self._lock:
            self._drop(model)

    def _drop(self, model: _Model) -> None:
        """Nobody joins it any more. The lock is held."""
        self._models = {key: one for key, one in self._models.items() if one is not model}


def _key(settings: Settings) -> tuple[Any, ...]:
    """What a session is made by; whether it may be downloaded, and when it is asked, is each client's."""
    return (
        settings.model.name,
        replace(settings.engine, ahead=""),
        settings.context.budget_tokens,
        settings.completion.max_tokens,
    )


def _wait(model: _Model, cancelled: threading.Event | None) -> ModelSession:
    """The session once it is there. Raises what opening raised, and PullCancelled once nobody waits."""
    from engine.catalog import PullCancelled

    while not wait([model.session], _LOOK_S).done:
        if cancelled is not None and cancelled.is_set():
            raise PullCancelled("Opening the model was cancelled.")
    return model.session.result()


def _close(model: _Model) -> None:
    if (session := model.open_session) is not None:
        session.engine.close()
        logger.info("%s is closed", session.name)
