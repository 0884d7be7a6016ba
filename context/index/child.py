"""The server's side of the child process: starts it when something is asked, and again where it breaks.

The child may import nothing that lies in a workspace: it runs isolated (``python -I``: no current directory,
no PYTHON* variables, no user's site-packages), in the store's directory, with the import path of what it
needs.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import logging
import subprocess
import sys
import threading
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

IDLE_S = 30.0  # without a request the child ends and gives its memory back; a start costs about 0.3 s
MOST_FAILURES = 10  # before an answer; each may be a file that is left out next time
CLOSING_S = 2.0  # the child leaves off between two files; a parser that takes longer is killed

_AGAIN = 75  # worker.AGAIN, not imported: the server has no use for the rest of it
_BACKOFF_S = 0.2  # times the failures in a row
_START = (
    "import os, sys; sys.path[:0] = sys.argv[4:]; "
    "from context.index.worker import main; os._exit(main(*sys.argv[1:4]))"
)
_COMMAND = (sys.executable, "-I", "-X", "utf8", "-c", _START)
_NEEDED = ("context", "tree_sitter", "pathspec", "detect_secrets", "filelock", "psutil")

_log = logging.getLogger(__name__)


class Child:
    """A child process that is there while there is something to do. Thread-safe.

    ``on_message`` gets each of its lines, on a thread of this object's own; a message ``failed`` comes from
    here, too. Starting a process takes some 10 ms: not for an event loop.
    """

    def __init__(
        self,
        root: Path,
        directory: Path,
        on_message: Callable[[dict[str, Any]], None],
        idle_s: float = IDLE_S,
    ) -> None:
        self._root = root
        self._directory = directory
        self._on_message = on_message
        self._idle_s = idle_s
        self._lock = threading.Lock()
        self._settled = threading.Condition(self._lock)
        self._numbers = itertools.count(1)
        self._pending: dict[int, dict[str, Any]] = {}
        self._process: subprocess.Popen[bytes] | None = None
        self._thread: threading.Thread | None = None
        self._failures = 0
        self._closed = threading.Event()

    @property
    def pid(self) -> int | None:
        """The process's number while there is one."""
        process = self._process
        return process.pid if process else None

    def settle(self, timeout_s: float) -> bool:
        """Wait until all that was asked is answered, and the answers taken in; whether it is so."""
        with self._settled:
            return self._settled.wait_for(lambda: not self._pending, timeout_s)

    def ask(self, **request: Any) -> None:
        """Have the child do something; the answer comes as a message."""
        with self._lock:
            if self._closed.is_set():
                return
            number = next(self._numbers)
            self._pending[number] = request
            if self._process is None:
                self._start()
            else:
                self._write(self._process, number)

    def close(self) -> None:
        """End the child, at once where it does not leave off by itself; nothing is on its way afterwards."""
        self._closed.set()
        with self._settled:
            self._pending.clear()
            self._settled.notify_all()
            process, thread = self._process, self._thread
            if process and process.stdin:
                _close(process.stdin)
        if process:
            try:
                process.wait(CLOSING_S)
            except subprocess.TimeoutExpired:
                process.kill()
        if thread and thread is not threading.current_thread():
            thread.join()

    def _start(self) -> None:
        """Start a process and hand it what is pending. The lock is held."""
        self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (self._directory / "worker.log").open("wb") as log:
            self._process = subprocess.Popen(
                [*_COMMAND, *self._arguments(), *_import_path()],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=self._directory,
                creationflags=_creation_flags(),
            )
        self._thread = threading.Thread(
            target=self._read, args=(self._process,), name="codeflow-index", daemon=True
        )
        self._thread.start()
        for number in self._pending:
            self._write(self._process, number)

    def _arguments(self) -> tuple[str, ...]:
        return str(self._root.absolute()), str(self._directory.absolute()), str(self._idle_s)

    def _write(self, process: subprocess.Popen[bytes], number: int) -> None:
        request = self._pending[number] | {"number": number}
        assert process.stdin is not None  # noqa: S101 - a PIPE was asked for
        try:
            process.stdin.write(json.dumps(request).encode() + b"\n")
            process.stdin.flush()
        except OSError:
            pass  # it ended meanwhile: its reader sees that, and starts another for what is pending

    def _read(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None  # noqa: S101 - a PIPE was asked for
        progress = False
        with process.stdout:
            for line in process.stdout:
                message = json.loads(line)
                progress = progress or "progress" in message
                self._tell(message)
                with self._settled:
                    if "done" in message:
                        self._failures = 0
                    self._pending.pop(message.get("done") or message.get("failed") or 0, None)
                    self._settled.notify_all()
        status = process.wait()
        if process.stdin:
            _close(process.stdin)
        self._after_end(status, progress)

    def _after_end(self, status: int, progress: bool) -> None:
        with self._lock:
            self._process = None
            if not self._pending or self._closed.is_set():
                return
            if status != _AGAIN or not progress:
                self._failures += 1
            failures = self._failures
        if failures > MOST_FAILURES:
            why = f"Indexing {self._root} failed {failures} times; {self._directory / 'worker.log'} says why."
            self._tell({"failed": 0, "why": why})
            with self._settled:
                self._pending.clear()
                self._failures = 0
                self._settled.notify_all()
            return
        if status != _AGAIN:
            _log.info("Indexing %s ended with status %d and begins again.", self._root, status)
        self._closed.wait(_BACKOFF_S * failures)
        with self._lock:
            if self._pending and self._process is None and not self._closed.is_set():
                self._start()

    def _tell(self, message: dict[str, Any]) -> None:
        try:
            self._on_message(message)
        except Exception:
            _log.exception("What the index was told could not be taken in.")


def _import_path() -> list[str]:
    """The directories that hold what the child imports, and nothing else."""
    found: dict[str, None] = {}
    for module in _NEEDED:
        spec = find_spec(module)
        if spec and spec.origin:
            found[str(Path(spec.origin).absolute().parents[1])] = None
    return list(found)


def _creation_flags() -> int:
    """On Windows: no console window, below normal priority."""
    if sys.platform == "win32":
        return subprocess.CREATE_NO_WINDOW | subprocess.BELOW_NORMAL_PRIORITY_CLASS
    return 0


def _close(pipe: Any) -> None:
    with contextlib.suppress(OSError):  # what was still buffered has nobody to read it
        pipe.close()
