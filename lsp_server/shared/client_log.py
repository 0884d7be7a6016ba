"""Log lines to the client whose work they come from, when several are served in one process.

A line is a client's where it was written in the client's context (a handler's, or a thread's that was handed
one); others are in the process's own log only. Clients want different levels: Python's root logger has the
lowest of them, and each gets its own.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextvars import ContextVar
from weakref import WeakSet

from lsprotocol import types

_MOST_CHARACTERS = 10_000
_TYPES = {
    logging.DEBUG: types.MessageType.Log,
    logging.INFO: types.MessageType.Info,
    logging.WARNING: types.MessageType.Warning,
    logging.ERROR: types.MessageType.Error,
}
_current: ContextVar[ClientLog | None] = ContextVar("client_log", default=None)
_all: WeakSet[ClientLog] = WeakSet()


class ClientLog:
    """What one client is told. ``tell`` is called on any thread."""

    def __init__(self, tell: Callable[[types.LogMessageParams], object], level: str) -> None:
        self.tell = tell
        self.level = logging.WARNING
        _all.add(self)
        self.set_level(level)

    def enter(self) -> None:
        """What is logged in this context, and in those that are copied from it, is this client's."""
        _current.set(self)

    def set_level(self, level: str) -> None:
        """``level`` as settings have it: debug, info, warning, error."""
        self.level = logging.getLevelNamesMapping()[level.upper()]
        logging.getLogger().setLevel(min(logging.WARNING, *(one.level for one in _all)))


class ToClients(logging.Handler):
    """Hands every line to the client that it is of."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(logging.Formatter("%(name)s: %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        """Never raises."""
        client = _current.get()
        if client is None or record.levelno < client.level:
            return
        level = max(one for one in _TYPES if one <= max(record.levelno, logging.DEBUG))
        try:
            text = self.format(record)[:_MOST_CHARACTERS]
            client.tell(types.LogMessageParams(_TYPES[level], text))
        except Exception:
            self.handleError(record)
