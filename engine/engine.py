"""One thread owns the model; everyone else hands it requests and gets a handle back.

Requests run one at a time, by priority and then by age. The newest request of a lane stops the older ones
of that lane, queued or running; one of higher priority interrupts one of lower, which is taken up again after
it. The engine does not know what a lane stands for.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from itertools import count
from typing import Any, Generic, TypeVar

from engine.decoding import Decoder
from engine.errors import EngineClosed, RemoteError
from engine.request import FinishReason, Generation, GenerationRequest, Timings, Token
from engine.request_runner import Closable, RequestRunner

logger = logging.getLogger(__name__)
BRANCHES = 3  # sequences that hold prompts: what is typed, what would come next, what is being warmed
MAX_CANDIDATES = 3  # of which all but the first need a sequence of their own
SEQUENCES = BRANCHES + MAX_CANDIDATES - 1
# Where a processor's sequences are long, each is 200 MB that a start has to set to zero: what would come next
# and what is being warmed share one then, and there are two candidates (docs/log.md).
LONG_TOKENS = 8_192
BRANCHES_IF_LONG = 2
SEQUENCES_IF_LONG = BRANCHES_IF_LONG + 1
_REST_S = 15.0  # without a request, after which what was evaluated is saved: tens of MB each time
Opened = TypeVar("Opened", bound=Closable)


class Handle:
    """A submitted request: ``result`` will hold its Generation; ``cancel`` may be called from any thread."""

    def __init__(self, request: GenerationRequest, on_token: Callable[[Token], None] | None) -> None:
        self.request = request
        self.result: Future[Generation] = Future()
        self.submitted = time.monotonic()
        self._on_token = on_token
        self._stop = threading.Event()
        self._interrupted = threading.Event()

    def cancel(self) -> None:
        """Stop within one token, or inside a chunk; the result then says CANCELLED."""
        self._stop.set()

    @property
    def cancelled(self) -> bool:
        """Whether ``cancel`` was called."""
        return self._stop.is_set()

    def interrupt(self) -> None:
        """Stop for now: something more urgent has come."""
        self._interrupted.set()

    def resume(self) -> None:
        """What was more urgent is done."""
        self._interrupted.clear()

    def run(self, runner: RequestRunner) -> bool:
        """Run on the calling thread and set ``result``; False where it was interrupted before its end.

        Never raises.
        """
        waited = (time.monotonic() - self.submitted) * 1e3
        if self.cancelled:
            self.result.set_result(Generation((), Timings(queue_ms=waited), FinishReason.CANCELLED))
            return True
        try:
            tokens = runner.run(self.request, self._is_stopped, waited)
            while True:
                try:
                    token = next(tokens)
                except StopIteration as end:
                    generation: Generation = end.value
                    if generation.finish is FinishReason.CANCELLED and not self.cancelled:
                        return False
                    self.result.set_result(generation)
                    return True
                if self._on_token is not None:
                    self._on_token(token)
        except RemoteError as error:  # said to the user; where it came from says nothing more
            self.result.set_exception(error)
        except Exception as error:  # whatever a request does, the thread lives on for the next one
            logger.exception("a generation failed")
            self.result.set_exception(error)
        return True

    def _is_stopped(self) -> bool:
        return self._stop.is_set() or self._interrupted.is_set()


def _decoder(backend: Any) -> RequestRunner:
    return Decoder(backend, BRANCHES)


class Engine(Generic[Opened]):
    """Owns one backend, or a connection to a server, opened and used on a thread of its own.

    ``opened`` is a future of it: it carries the error where opening failed. What runs requests on it is
    made by ``open_decoder``.
    """

    def __init__(
        self,
        open_backend: Callable[[], Opened],
        *,
        open_decoder: Callable[[Opened], RequestRunner] = _decoder,
    ) -> None:
        self.opened: Future[Opened] = Future()
        self._queue: queue.PriorityQueue[tuple[int, int, Handle | None]] = queue.PriorityQueue()
        self._order = count()
        self._lanes: dict[str, Handle] = {}
        self._lock = threading.Lock()
        self._closed = False
        self._running: Handle | None = None
        self._decoder: RequestRunner | None = None
        self._thread = threading.Thread(
            target=self._serve, args=(open_backend, open_decoder), name="engine", daemon=True
        )
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
            running = self._running
            if running is not None and running.request.priority > request.priority:
                running.interrupt()
        return handle

    def expected_s(self, tokens: Sequence[int], adapter: str = "") -> float:
        """About how many seconds until the first token of an answer to ``tokens``, if it began now."""
        return self._decoder.expected_s(tokens, adapter) if self._decoder is not None else 0.0

    def saved(self, owner: str) -> tuple[int, ...]:
        """The body of the prompt of ``owner`` that was saved last, maybe by an earlier session."""
        return self._decoder.saved(owner) if self._decoder is not None else ()

    @property
    def step_s(self) -> float:
        """About how many seconds each token of an answer takes."""
        return self._decoder.step_s if self._decoder is not None else 0.0

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

    def _serve(
        self, open_backend: Callable[[], Opened], open_decoder: Callable[[Opened], RequestRunner]
    ) -> None:
        try:
            backend = open_backend()
            self._decoder = decoder = open_decoder(backend)
        except Exception as error:
            self.opened.set_exception(error)
            self._drain(error)
            return
        self.opened.set_result(backend)
        while (entry := self._next(decoder)) is not None:
            priority, order, handle = entry
            with self._lock:
                handle.resume()
                self._running = handle
                # what came between taking it out and here has found nothing running to interrupt
                urgent = not self._queue.empty() and self._queue.queue[0][0] < priority
            is_done = not urgent and handle.run(decoder)
            with self._lock:
                self._running = None
                if not is_done and not self._closed:
                    self._queue.put((priority, order, handle))
                elif self._lanes.get(handle.request.lane) is handle:
                    del self._lanes[handle.request.lane]
            if not is_done and self._closed:
                handle.result.set_exception(EngineClosed("the engine was shut down"))
        self._drain(EngineClosed("the engine was shut down"))
        decoder.save(everything=True)
        backend.close()

    def _next(self, decoder: RequestRunner) -> tuple[int, int, Handle] | None:
        """The next request; while there is none for a while, prompts are saved. None at the end."""
        saving = True
        while True:
            try:
                priority, order, handle = self._queue.get(timeout=_REST_S if saving else None)
            except queue.Empty:
                saving = decoder.save()
                continue
            return None if handle is None else (priority, order, handle)

    def _drain(self, error: Exception) -> None:
        """Answer whatever still waits, so that nobody waits for ever."""
        with self._lock:
            self._closed = True
            while not self._queue.empty():
                handle = self._queue.get_nowait()[2]
                if handle is not None:
                    handle.result.set_exception(error)
