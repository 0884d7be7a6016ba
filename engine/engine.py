"""One thread owns the model; everyone else hands it requests and gets a handle back.

Requests run one at a time, by priority and then by age. The newest request of a lane stops the older ones
of that lane, queued or running. The engine does not know what a lane stands for.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from itertools import count

from engine.backend import Backend
from engine.decoding import Decoder
from engine.errors import EngineClosed
from engine.request import FinishReason, Generation, GenerationRequest, Timings, Token

logger = logging.getLogger(__name__)
BRANCHES = 3  # cached prompts. They share one pool, and every token looks past all of it: more cost more
MAX_CANDIDATES = 3  # of which all but the first need a sequence of their own
SEQUENCES = BRANCHES + MAX_CANDIDATES - 1


class Handle:
    """A submitted request: ``result`` will hold its Generation; ``cancel`` may be called from any thread."""

    def __init__(self, request: GenerationRequest, on_token: Callable[[Token], None] | None) -> None:
        self.request = request
        self.result: Future[Generation] = Future()
        self.submitted = time.monotonic()
        self._on_token = on_token
        self._stop = threading.Event()

    def cancel(self) -> None:
        """Stop within one token, or inside a chunk; the result then says CANCELLED."""
        self._stop.set()

    @property
    def cancelled(self) -> bool:
        """Whether ``cancel`` was called."""
        return self._stop.is_set()

    def run(self, decoder: Decoder) -> None:
        """Run to the end on the calling thread and set ``result``. Never raises."""
        waited = (time.monotonic() - self.submitted) * 1e3
        if self.cancelled:
            self.result.set_result(Generation((), Timings(queue_ms=waited), FinishReason.CANCELLED))
            return
        try:
            tokens = decoder.run(self.request, self._stop.is_set, waited)
            while True:
                try:
                    token = next(tokens)
                except StopIteration as end:
                    self.result.set_result(end.value)
                    return
                if self._on_token is not None:
                    self._on_token(token)
        except Exception as error:  # whatever a request does, the thread lives on for the next one
            logger.exception("a generation failed")
            self.result.set_exception(error)


class Engine:
    """Owns one backend, opened and used on a thread of its own.

    ``opened`` is a future of the backend: it carries the error where opening failed.
    """

    def __init__(self, open_backend: Callable[[], Backend]) -> None:
        self.opened: Future[Backend] = Future()
        self._queue: queue.PriorityQueue[tuple[int, int, Handle | None]] = queue.PriorityQueue()
        self._order = count()
        self._lanes: dict[str, Handle] = {}
        self._lock = threading.Lock()
        self._closed = False
        self._running: Handle | None = None
        self._thread = threading.Thread(target=self._serve, args=(open_backend,), name="engine", daemon=True)
        self._thread.start()

    def submit(self, request: GenerationRequest, on_token: Callable[[Token], None] | None = None) -> Handle:
        """Queue a request. ``on_token`` is called on the engine's thread. Raises EngineClosed after close."""
        handle = Handle(request, on_token)
        with self._lock:
            if self._closed:
                raise EngineClosed("the engine is shut down; restart the language server")
            if request.lane:
                if (older := self._lanes.get(request.lane)) is not None:
                    older.cancel()
                self._lanes[request.lane] = handle
            self._queue.put((request.priority, next(self._order), handle))
        return handle

    @property
    def idle(self) -> bool:
        """Whether nothing runs or waits."""
        return self._running is None and self._queue.empty()

    def close(self, timeout_s: float = 5.0) -> None:
        """Stop what runs, drop what waits, free the model. Idempotent."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            for handle in self._lanes.values():
                handle.cancel()
            if self._running is not None:
                self._running.cancel()
            self._queue.put((-1, next(self._order), None))
        self._thread.join(timeout_s)

    def _serve(self, open_backend: Callable[[], Backend]) -> None:
        try:
            backend = open_backend()
            decoder = Decoder(backend, BRANCHES)
        except Exception as error:
            self.opened.set_exception(error)
            self._drain(error)
            return
        self.opened.set_result(backend)
        while (handle := self._queue.get()[2]) is not None:
            self._running = handle
            handle.run(decoder)
            self._running = None
            with self._lock:
                if self._lanes.get(handle.request.lane) is handle:
                    del self._lanes[handle.request.lane]
        self._drain(EngineClosed("the engine was shut down"))
        backend.close()

    def _drain(self, error: Exception) -> None:
        """Answer whatever still waits, so that nobody waits for ever."""
        with self._lock:
            self._closed = True
            while not self._queue.empty():
                handle = self._queue.get_nowait()[2]
                if handle is not None:
                    handle.result.set_exception(error)
