"""The child process: JSON lines in, JSON lines out, and the only writer of the store.

Started by ``context.index.child`` with an import path that holds nothing of the workspace. It runs at low
priority, within bounded memory, ends when nothing was asked for a while or when its input ends (the server is
gone), and says on its output:

    {"progress": [done, total]}                             at most ten times a second
    {"done": number, "changed": files, "paths": whether the set of paths may have changed}
    {"derived": seconds}                                    ranks and edges are new
    {"anew": true}                                          the store was made anew
    {"failed": number, "why": sentence}

Requests: {"number": 1, "do": "scan"} and {"number": 2, "do": "update", "paths": [...]}.
"""

from __future__ import annotations

import contextlib
import faulthandler
import json
import logging
import os
import queue
import signal
import sqlite3
import sys
import threading
import time
from pathlib import Path
from typing import Any

REPORTS_PER_S = 10
QUIET_S = 2.0  # after the last change before ranks are derived anew: a burst of saves is one
DERIVING_SHARE = 0.05  # of one core at most, however fast files change
ONE_FILE_S = 60.0  # a parser that takes longer hangs; the process ends and the next one skips the file
MOST_ADDRESS_BYTES = 2 << 30  # a bound against runaway parsers (Linux); half of it is grammars and maps
AGAIN = 75  # exit status: not done, start me again (EX_TEMPFAIL of sysexits.h)

_LOCK_NAME = "writer.lock"
_PARSING_NAME = "parsing"
_NICENESS = 10
_REARM_S = 5.0  # the guard against hanging files is set again at most this often
_LOOK_AGAIN_S = 0.5  # while waiting: whether ranks are due, whether the server is still there

_log = logging.getLogger(__name__)


class _Output:
    """Lines to the server; progress is thinned out."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._reported = 0.0

    def say(self, **message: Any) -> None:
        with contextlib.suppress(BrokenPipeError):  # the server is gone; the end of the input says so too
            os.write(self._descriptor, json.dumps(message).encode() + b"\n")

    def progress(self, done: int, total: int) -> None:
        now = time.monotonic()
        if total and (done == total or now - self._reported >= 1 / REPORTS_PER_S):
            self._reported = now
            self.say(progress=[done, total])


class _Parsing:
    """Which file is being parsed, on disk: what is left there by a crash is skipped by the next process."""

    def __init__(self, path: Path) -> None:
        self.crashed = ""
        with contextlib.suppress(OSError):
            self.crashed = path.read_text("utf-8", "surrogatepass").rstrip("\0")
        self._file = path.open("wb", buffering=0)
        self._armed = 0.0

    def __call__(self, path: str) -> None:
        if not path:
            self._file.truncate(0)
            faulthandler.cancel_dump_traceback_later()
            self._armed = 0.0
            return
        self._file.truncate(0)
        self._file.seek(0)
        self._file.write(path.encode("utf-8", "surrogatepass"))
        now = time.monotonic()
        if now - self._armed > _REARM_S:
            faulthandler.dump_traceback_later(ONE_FILE_S, exit=True)
            self._armed = now


class _Requests:
    """The requests in order; ``ended`` is set when the server closed its side."""

    def __init__(self, descriptor: int) -> None:
        self.ended = threading.Event()
        self._descriptor = descriptor
        self._queue: queue.Queue[dict[str, Any] | None] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def next(self, timeout_s: float) -> dict[str, Any] | None:
        """The next request, None at the end of the input. queue.Empty after ``timeout_s``."""
        return self._queue.get(timeout=timeout_s)

    def _read(self) -> None:
        rest = b""
        while True:
            try:
                # not sys.stdin: a buffered reader's lock, held by this thread, would break the exit
                part = os.read(self._descriptor, 1 << 16)
            except OSError:
                part = b""
            if not part:
                break
            *lines, rest = (rest + part).split(b"\n")
            for line in lines:
                self._queue.put(json.loads(line))
        self.ended.set()
        self._queue.put(None)


def main(root_path: str, directory_path: str, idle_s: str) -> int:
    """Serve requests for a root with the store in a directory; the exit status.

    After ``idle_s`` seconds without a request the process ends by itself.
    """
    root, directory = Path(root_path), Path(directory_path)
    _be_modest()
    logging.basicConfig(level=logging.INFO)  # stderr is a file beside the store
    faulthandler.enable()
    requests, output = _Requests(0), _Output(1)
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        return _serve(root, directory, requests, output, float(idle_s))
    except _InputEnded:
        return 0
    except sqlite3.OperationalError as error:
        _log.warning("The index in %s cannot be opened: %s.", directory, error)
        return 1
    except sqlite3.DatabaseError as error:
        _log.warning("The index in %s is damaged (%s) and is made anew.", directory, error)
        from context.index.store import discard

        discard(directory)
        return AGAIN


def _serve(root: Path, directory: Path, requests: _Requests, output: _Output, idle_s: float) -> int:
    from context.index.helper import helping
    from context.index.indexing import Done, Job, derive, scan, skip, update
    from context.index.resident import Resident
    from context.index.store import Store

    writing = _Lock(directory / _LOCK_NAME, requests.ended)
    with writing:
        store = Store.open(directory)
        parsing = _Parsing(directory / _PARSING_NAME)
    if store.anew:
        output.say(anew=True)
    resident = Resident()
    job = Job(
        root,
        store,
        output.progress,
        lambda: requests.ended.is_set() or resident.exceeded(),
        parsing,
        lambda: helping(root, directory, sys.argv[4:]),
    )
    if parsing.crashed:
        _log.warning("The last process ended while it read %s, which is left out.", parsing.crashed)
        with writing:
            skip(job, parsing.crashed)
    due = False  # the graph no longer fits the files
    changed_at = answered_at = time.monotonic()
    derive_at = 0.0
    try:
        while True:
            try:
                request = requests.next(_LOOK_AGAIN_S)
            except queue.Empty:
                now = time.monotonic()
                if due and now >= max(changed_at + QUIET_S, derive_at):
                    with writing:
                        seconds = derive(job)
                    due, derive_at = False, time.monotonic() + seconds / DERIVING_SHARE
                    output.say(derived=round(seconds, 3))
                elif not due and now - answered_at >= idle_s:
                    return 0
                continue
            if request is None:
                return 0
            if not root.is_dir():  # a drive that is not there now is no reason to forget its files
                output.say(failed=request["number"], why=f"The folder {root} cannot be read.")
                continue
            try:
                with writing:
                    if request["do"] == "scan":
                        done: Done = scan(job)
                        if done.finished and (done.changed or due or not store.meta("graph")):
                            output.say(derived=round(derive(job), 3))
                            due = False
                    else:
                        done = update(job, request["paths"])
                        due = due or done.changed > 0
            except sqlite3.OperationalError as error:
                store.rollback()
                why = f"The index in {directory} cannot be written: {error}."
                output.say(failed=request["number"], why=why)
                continue
            if not done.finished:
                return 0 if requests.ended.is_set() else AGAIN
            changed_at = answered_at = time.monotonic()
            output.say(done=request["number"], changed=done.changed, paths=done.paths_changed)
    finally:
        store.rollback()
        store.close()


class _InputEnded(Exception):
    """The server is gone while the store was waited for."""


class _Lock:
    """The right to write the store. Two editors on one folder: one works, the other then finds all done."""

    def __init__(self, path: Path, ended: threading.Event) -> None:
        from filelock import FileLock

        self._lock = FileLock(str(path))
        self._ended = ended

    def __enter__(self) -> None:
        from filelock import Timeout

        while True:
            try:
                self._lock.acquire(timeout=_LOOK_AGAIN_S)
            except Timeout:
                if self._ended.is_set():
                    raise _InputEnded from None
            else:
                return

    def __exit__(self, *_: object) -> None:
        self._lock.release()


def _be_modest() -> None:
    """Low priority (on Windows the server asks for it), bounded memory, and Ctrl-C is the server's affair."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(os, "nice"):
        os.nice(_NICENESS)
    if sys.platform == "linux":
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MOST_ADDRESS_BYTES, MOST_ADDRESS_BYTES))
