"""Runs one program within seconds and bytes, and leaves nothing of it behind."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

ERROR_BYTES = 2000  # of the program's own words; enough for the first sentence
CHUNK_BYTES = 1 << 16  # what a pipe holds on most systems


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run ended: its output (never more than was allowed), and why it stopped.

    `limit` says which bound stopped it, such as "10 s", and is "" where it ended by itself with `code`.
    """

    output: bytes
    complaint: str
    code: int
    limit: str


def run_bounded(
    command: Sequence[str],
    *,
    environment: Mapping[str, str],
    directory: Path,
    stdin: bytes,
    timeout_s: float,
    most_bytes: int,
) -> Ended:
    """Runs a program without a shell; kills it, with all that it started, at the first bound it reaches.

    Raises OSError where it cannot be started.
    """
    windows = sys.platform == "win32"
    process = subprocess.Popen(
        command,
        env=environment,
        cwd=directory,
        stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=not windows,  # a group of its own, so that the whole of it can be ended
        creationflags=subprocess.CREATE_NO_WINDOW if sys.platform == "win32" else 0,
    )
    assert process.stdout is not None and process.stderr is not None  # noqa: S101 - they are pipes
    complaint = bytearray()
    too_slow = threading.Event()

    def stop() -> None:
        too_slow.set()
        _kill(process)

    timer = threading.Timer(timeout_s, stop)
    threads = [threading.Thread(target=_drain, args=(process.stderr, complaint))]
    if process.stdin is not None:
        threads.append(threading.Thread(target=_feed, args=(process.stdin, stdin)))
    for thread in (*threads, timer):
        thread.daemon = True
        thread.start()
    output = bytearray()
    try:
        while len(output) <= most_bytes and (chunk := os.read(process.stdout.fileno(), CHUNK_BYTES)):
            output += chunk
        if len(output) > most_bytes:
            _kill(process)
        process.wait()  # the timer ends it
    finally:
        timer.cancel()
        _kill(process)
        process.wait()
        for thread in threads:
            thread.join(1)
        process.stdout.close()
    limit = (
        f"{timeout_s:g} s" if too_slow.is_set() else f"{most_bytes} bytes" if len(output) > most_bytes else ""
    )
    said = bytes(complaint).decode("utf-8", "replace").strip()
    return Ended(bytes(output[:most_bytes]), said, process.returncode, limit)


def _drain(pipe: IO[bytes], kept: bytearray) -> None:
    """Reads a pipe to its end, so that its writer never waits; keeps the beginning."""
    with pipe:
        while chunk := os.read(pipe.fileno(), CHUNK_BYTES):
            kept += chunk[: max(0, ERROR_BYTES - len(kept))]


def _feed(pipe: IO[bytes], data: bytes) -> None:
    """Writes to a pipe whose reader may go away at any moment."""
    try:
        with pipe:
            pipe.write(data)
    except (OSError, ValueError):
        return


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Ends a process and, where the system knows groups, what it started."""
    if process.returncode is not None:
        return  # already waited for: its number may be somebody else's by now
    try:
        if sys.platform == "win32":
            import psutil  # a library; only here, because only Windows has no groups

            for child in psutil.Process(process.pid).children(recursive=True):
                child.kill()  # git.exe there starts the real git and waits for it
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)
    except Exception:  # it ended meanwhile, or is not ours to look into
        process.kill()
