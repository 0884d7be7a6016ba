"""A shared engine as one of its clients sees it: nobody else's requests get in the way of its own.

Lanes are the client's own, so the same document in two editors is two lanes; what the client asked ends when
it leaves. Owners stay as they are: they name whose prompt is saved for the next start, which is the
document's, whichever editor asks.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from engine.errors import ContextFull, EngineClosed

if TYPE_CHECKING:
    from engine.engine import Engine, Handle
    from engine.request import Generation, GenerationRequest, Token


class ClientEngine:
    """Keeps the promises of `engine.engine.Engine`; ``close`` gives the shared one back."""

    def __init__(
        self,
        engine: Engine[Any] | ClientEngine,
        client: str,
        *,
        on_close: Callable[[], object],
        on_failure: Callable[[], object],
    ) -> None:
        """``on_failure``: a request failed in a way that the next one may fail in, too."""
        self._engine, self._client = engine, client
        self._on_close, self._on_failure = on_close, on_failure
        self._lock = threading.Lock()
        self._handles: set[Handle] = set()
        self._closed = False

    @property
    def opened(self) -> Future[Any]:
        """As the engine's."""
        return self._engine.opened

    @property
    def step_s(self) -> float:
        """As the engine's."""
        return self._engine.step_s

    @property
    def idle(self) -> bool:
        """Whether nothing runs or waits, whoever asked it."""
        return self._engine.idle

    def submit(self, request: GenerationRequest, on_token: Callable[[Token], None] | None = None) -> Handle:
        """As the engine's, in a lane of this client. Raises EngineClosed after close."""
        own = replace(request, lane=self._own(request.lane), keep=self._own(request.keep))
        with self._lock:
            if self._closed:
                raise EngineClosed("the engine is shut down; restart the language server")
            handle = self._engine.submit(own, on_token)
            self._handles.add(handle)
        handle.result.add_done_callback(lambda result: self._done(handle, result))
        return handle

    def expected_s(self, tokens: Sequence[int], adapter: str = "") -> float:
        """As the engine's."""
        return self._engine.expected_s(tokens, adapter)

    def saved(self, owner: str) -> tuple[int, ...]:
        """As the engine's."""
        return self._engine.saved(owner)

    def close(self, timeout_s: float = 5.0) -> None:
        """Stop what this client asked; the engine goes on for the others. Idempotent, and waits for nothing
        but a model that nobody wants."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            handles = tuple(self._handles)
        for handle in handles:
            handle.cancel()
        self._on_close()

    def _own(self, name: str) -> str:
        return f"{self._client} {name}" if name else ""

    def _done(self, handle: Handle, result: Future[Generation]) -> None:
        with self._lock:
            self._handles.discard(handle)
        error = result.exception()
        if error is not None and not isinstance(error, ContextFull | EngineClosed):
            self._on_failure()
