"""A second process that reads files while the first does, for the first scan of a large folder.

Parsing is all Python and C that holds Python's lock, so only another process makes use of a second core. It
writes the outlines it makes into the store itself and answers with their keys; the worker enters the files.
JSON lines:
``["a.py", "b.py"]`` in, ``{"files": {"a.py": ["python", "0f..."], "b.py": ["", null]}, "grown": false}`` out;
one that has grown too large is replaced.
"""

from __future__ import annotations

import contextlib
import faulthandler
import json
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from context.index.indexing import Job, Read, read_chunk
from context.index.resident import Resident
from context.index.store import Store

_START = (
    "import os, sys; sys.path[:0] = sys.argv[3:]; "
    "from context.index.helper import main; os._exit(main(*sys.argv[1:3]))"
)
_CLOSING_S = 2.0
_ONE_CHUNK_S = 60  # a parser hangs: the helper ends, and the worker reads these files with care


class Helper:
    """The worker's side of it. A helper that broke down is never idle again."""

    def __init__(self, command: Sequence[str], directory: Path) -> None:
        self._command = command
        self._directory = directory
        self._busy = False
        self._broken = False
        self._start()

    def _start(self) -> None:
        self._process = subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=self._directory
        )
        self._answers: queue.Queue[bytes] = queue.Queue()
        self._thread = threading.Thread(target=_read, args=(self._process, self._answers), daemon=True)
        self._thread.start()

    @property
    def idle(self) -> bool:
        """Whether it can be given something."""
        return not self._busy and not self._broken

    def give(self, paths: Sequence[str]) -> None:
        """Have it read files."""
        assert self._process.stdin is not None  # noqa: S101 - a PIPE was asked for
        self._busy = True
        with contextlib.suppress(OSError):  # it broke down: its end is the answer
            self._process.stdin.write(json.dumps(paths).encode() + b"\n")
            self._process.stdin.flush()

    def taken(self, wait: bool) -> dict[str, Read] | None:
        """What it read; empty where it broke down; None while it is at it, unless ``wait``."""
        try:
            line = self._answers.get(block=wait)
        except queue.Empty:
            return None
        self._busy = False
        if not line:
            self._broken = True
            return {}
        answer = json.loads(line)
        if answer["grown"]:
            self.close()
            self._start()
        rows = answer["files"]
        return {path: Read(language, key and bytes.fromhex(key)) for path, (language, key) in rows.items()}

    def close(self) -> None:
        """Have it end: after the chunk it is at, or at once where that takes long."""
        assert self._process.stdin is not None  # noqa: S101 - a PIPE was asked for
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        try:
            self._process.wait(_CLOSING_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._thread.join()


def _read(process: subprocess.Popen[bytes], answers: queue.Queue[bytes]) -> None:
    assert process.stdout is not None  # noqa: S101 - a PIPE was asked for
    with process.stdout as lines:
        for line in lines:
            answers.put(line)
    answers.put(b"")


@contextlib.contextmanager
def helping(root: Path, directory: Path, import_path: Sequence[str]) -> Iterator[Helper]:
    """A helper for the store in ``directory``, as isolated as the worker that asks for it, and as modest."""
    command = (sys.executable, "-I", "-X", "utf8", "-c", _START, str(root), str(directory), *import_path)
    helper = Helper(command, directory)
    try:
        yield helper
    finally:
        helper.close()


def main(root: str, directory: str) -> int:
    """Read what the input asks for until it ends; the exit status."""
    store = Store.open(Path(directory))
    job = Job(Path(root), store, lambda _done, _total: None, lambda: False, lambda _path: None)
    resident = Resident()
    for line in sys.stdin.buffer:
        faulthandler.dump_traceback_later(_ONE_CHUNK_S, exit=True)
        read = read_chunk(job, json.loads(line))
        faulthandler.cancel_dump_traceback_later()
        rows = {path: [each.language, each.key and each.key.hex()] for path, each in read.items()}
        answer = {"files": rows, "grown": resident.exceeded()}
        sys.stdout.buffer.write(json.dumps(answer).encode() + b"\n")
        sys.stdout.buffer.flush()
    store.close()
    return 0
