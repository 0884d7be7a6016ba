"""Stopping and continuing a process with all that it started, so that two systems never compute at once; and
keeping a core busy, as other programs do.
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
