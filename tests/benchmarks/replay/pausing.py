"""Stopping and continuing a process with all that it started, so that two systems never compute at once; and
keeping a core busy, as other programs do.

    python -m tests.benchmarks.replay.pausing HOME

Waits for the end of its standard input, then continues what was left stopped by a run that was killed.
Whoever is continued finds its own input ended, and ends.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psutil

# ends by itself where whoever started it is gone without a word
_SPIN = "import os\nparent = os.getppid()\nwhile os.getppid() == parent:\n    sum(range(100_000))"


def suspend(process: psutil.Process) -> None:
    """Stop a process and its children, itself first: it starts no other meanwhile."""
    for one in _family(process):
        with suppress(psutil.NoSuchProcess):
            one.suspend()


def resume(process: psutil.Process) -> None:
    """Continue them."""
    for one in _family(process):
        with suppress(psutil.NoSuchProcess):
            one.resume()


@contextmanager
def continued_in_the_end(home: str) -> Iterator[None]:
    """See to it that nothing stays stopped, even if this process is killed, of all that has ``home`` for its
    CODEFLOW_HOME."""
    command = [sys.executable, "-m", __name__, home]
    # a session of its own, so that no signal to the group of this process ends it too
    with subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True) as watching:
        try:
            yield
        finally:
            assert watching.stdin is not None
            watching.stdin.close()


@contextmanager
def busy_core(*, really: bool = True) -> Iterator[None]:
    """One core computes all the time; nothing happens unless ``really``."""
    if not really:
        yield
        return
    spinning = subprocess.Popen([sys.executable, "-c", _SPIN], stdin=subprocess.DEVNULL)
    try:
        yield
    finally:
        spinning.kill()
        spinning.wait()


def _family(process: psutil.Process) -> list[psutil.Process]:
    with suppress(psutil.NoSuchProcess):
        return [process, *process.children(recursive=True)]
    return []


def _continue_all(home: str) -> None:
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.status() == psutil.STATUS_STOPPED and process.environ().get("CODEFLOW_HOME") == home:
                process.resume()


if __name__ == "__main__":
    sys.stdin.read()
    _continue_all(sys.argv[1])
