"""What is known of a workspace folder: paths, outlines, who defines a name, who refers to whom.

An ``Index`` is two things: a reader of the store (any thread, at any time, well below a millisecond) and a
child process that fills it (``child``, ``worker``). Facts of an earlier session serve until they are renewed.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from context.index.child import IDLE_S, Child
from context.index.reader import Reader, rarity
from context.index.store import directory_of
from context.outline import Outline

MOST_PATHS = 2_000  # told to the child one by one; more are a rescan, which looks at 10,000 files in a second

_GROWING_S = 5.0  # between two looks at how the first scan gets on: each forgets what was remembered

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class IndexState:
    """How far the reading of the folder is. ``ready``: all of it was read (or compared) since ``start``.

    ``seconds`` is what that took, or has taken so far. ``problem`` is a sentence where it cannot be done.
    """

    done: int = 0
    total: int = 0
    ready: bool = False
    seconds: float = 0.0
    problem: str = ""


class Index:
    """The index of one workspace folder. Thread-safe."""

    def __init__(self, root: Path, cache: Path, idle_s: float = IDLE_S) -> None:
        self.root = root
        self.state = IndexState()
        self._reader = Reader(directory_of(cache, root))
        self._child = Child(root, directory_of(cache, root), self._take, idle_s)
        self._on_progress: Callable[[int, int], None] | None = None
        self._began = 0.0
        self._paths = self._reader.paths()
        self._first = not self._reader.complete()  # facts appear while the first scan is under way
        self._look_again = 0.0

    @classmethod
    def open(cls, root: Path, cache: Path) -> Index:
        """The index of ``root``, kept below ``cache``; what an earlier session left is there at once.

        Reads a file list: some milliseconds. Nothing is started.
        """
        return cls(root, cache)

    def start(self, on_progress: Callable[[int, int], None] | None = None) -> None:
        """Bring the index up to date, in a child process.

        ``on_progress(done, total)`` is called on a thread of the index: at most ten times a second while
        files are read, when that is finished (``state.ready``), and later whenever there are new facts.
        Starts a process, which takes some 10 ms: not for an event loop.
        """
        self._on_progress = on_progress
        self._began = time.monotonic()
        self.rescan()

    def rescan(self) -> None:
        """Look at every file again: for when it is not known what changed."""
        self._child.ask(do="scan")

    def update(self, paths: Collection[str]) -> None:
        """Files were created, changed or deleted. A deleted path may have been a directory."""
        if len(paths) > MOST_PATHS:
            self.rescan()
        elif paths:
            self._child.ask(do="update", paths=sorted(paths))

    def settle(self, timeout_s: float) -> bool:
        """Wait until everything asked so far is done; whether it is. For commands and tests."""
        return self._child.settle(timeout_s)

    def close(self) -> None:
        """End the child process and close the store. Waits for at most some seconds."""
        self._child.close()
        self._reader.close()

    def paths(self) -> tuple[str, ...]:
        """Every file that may be read, sorted; the same value until files come or go."""
        return self._paths

    def outline(self, path: str) -> Outline | None:
        """The outline of a file as it lies on disk, without secrets; None where there is none."""
        return self._reader.outline(path)

    def defining(self, name: str) -> tuple[str, ...]:
        """The files that define a name, the highest ranked first."""
        return self._reader.defining(name)

    def use(self, name: str) -> tuple[int, int]:
        """In how many files a name is used (1 for one nobody heard of), and in how many it is defined."""
        return self._reader.use(name)

    def rarity(self, name: str) -> float:
        """How much a name says: the logarithm of all files over those that use it; 0 where all do."""
        return rarity(self._reader.use(name)[0], len(self._paths))

    def rank(self, path: str) -> float:
        """How much the workspace refers to a file, by PageRank: 1 is the average, 0 an unknown file."""
        return self._reader.rank(path)

    def linked(self, path: str) -> tuple[tuple[str, float], ...]:
        """The files a file refers to or that refer to it, with weights, strongest first."""
        return self._reader.linked(path)

    def top(self, most: int) -> tuple[tuple[str, float], ...]:
        """The highest ranked files that have an outline, with their ranks."""
        return self._reader.top(most)

    @property
    def child_pid(self) -> int | None:
        """The child process's number while there is one; for measurements."""
        return self._child.pid

    def _take(self, message: dict[str, Any]) -> None:
        """What the child says, on the child's reading thread."""
        if "anew" in message:
            self._reader.reopen()
            self._paths = ()
        if "derived" in message:
            self._reader.forget()
        if "progress" in message and self._first and time.monotonic() >= self._look_again:
            self._look_again = time.monotonic() + _GROWING_S
            self._reader.forget()
            self._paths = self._reader.paths()
        if "done" in message:
            self._first = False
            self._reader.forget()
            if message["paths"] or not self._paths:
                self._paths = self._reader.paths()
        self._advance(message)

    def _advance(self, message: dict[str, Any]) -> None:
        state = self.state
        if not state.ready:
            seconds = time.monotonic() - self._began
            if "progress" in message:
                done, total = message["progress"]
                before = max(0, state.total - total)  # done by a child that was replaced
                state = replace(state, done=before + done, total=before + total, seconds=seconds)
            elif "done" in message:
                total = state.total or len(self._paths)  # nothing had changed: everything was compared
                state = replace(state, done=total, total=total, ready=True, seconds=seconds, problem="")
        if "failed" in message:
            state = replace(state, problem=message["why"])
            _log.warning("%s", message["why"])
        told = state is not self.state or message.keys() & {"done", "derived"}
        self.state = state
        if told and self._on_progress:
            self._on_progress(state.done, state.total)
