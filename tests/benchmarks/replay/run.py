"""Hunk after hunk, each typed into one system and then into the other; every request is noted as it comes.

While one system's turn lasts the other one is stopped. Who begins changes every two hunks. What goes wrong
in a commit ends that commit for both systems and is noted too; the next commit begins anew.
"""

from __future__ import annotations

import asyncio
import dataclasses
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

from tests.benchmarks.hunks import projects
from tests.benchmarks.replay.pausing import busy_core
from tests.benchmarks.replay.plan import Commit, rounds
from tests.benchmarks.replay.system import System
from tests.benchmarks.replay.typist import Pace, Row, Typist
from tests.benchmarks.replayed import replay

HUNKS = 2  # of each commit: a commit costs each server a start
MOST_KEYS = 40  # of each hunk: some are whole files
_FEWEST_KEYS = 10
SEED = "replay"
_FAILURES = 3  # commits one after the other: then something is broken for good


@dataclass(frozen=True, slots=True)
class Course:
    """How much is typed, and how. ``busy``: every other hunk while one core is kept busy."""

    requests: int
    busy: bool = False
    seed: str = SEED
    pace: Pace = field(default_factory=Pace)

    @property
    def most_keys(self) -> int:
        """Of each hunk; fewer where few requests have to come from every project."""
        return min(MOST_KEYS, max(_FEWEST_KEYS, self.requests // 3))


@dataclass(slots=True)
class Run:
    """``note`` gets the rows in their order; ``tell`` now and then a sentence and the share done."""

    systems: Sequence[System]
    course: Course
    note: Callable[[Row], None]
    tell: Callable[[str, float], None]
    _requests: dict[str, int] = field(default_factory=dict)  # of finished hunks
    _missing: set[str] = field(default_factory=set)  # projects without a finished hunk yet
    _hunks: int = 0

    async def go(self) -> None:
        """Type until every system has answered as many requests as are wanted, of every project some."""
        self._requests = dict.fromkeys((system.name for system in self.systems), 0)
        self._missing = set(projects())
        failures = 0
        for commits in rounds(self.course.seed, HUNKS):
            for commit in commits:
                if self._is_enough():
                    return
                try:
                    await self._commit(commit)
                    failures = 0
                except Exception as error:
                    if (running := asyncio.current_task()) is not None and running.cancelling():
                        raise asyncio.CancelledError from error  # what stopped this run stopped a server too
                    self.note(_failure(commit, error))
                    self.tell(f"{commit.task_id} failed: {_said(error)}", self._share())
                    failures += 1
                    if failures == _FAILURES:
                        return

    async def _commit(self, commit: Commit) -> None:
        with tempfile.TemporaryDirectory(prefix="codeflow-replay-", ignore_cleanup_errors=True) as into:
            self.tell(f"{commit.task_id}: its repository is made, the servers start", self._share())
            root = await asyncio.to_thread(_repository, commit, Path(into))
            async with AsyncExitStack() as stack:
                for system in self.systems:
                    await stack.enter_async_context(system.session(root))
                    system.suspend()
                course = self.course
                typists = [Typist(system, commit, course.most_keys, course.pace) for system in self.systems]
                for file, hunk in commit.asked():
                    if not self._is_enough():
                        await self._hunk(commit, f"{commit.files[file].path}:{hunk}", typists)

    async def _hunk(self, commit: Commit, hunk: str, typists: Sequence[Typist]) -> None:
        number, self._hunks = self._hunks, self._hunks + 1
        busy = self.course.busy and number % 2 == 1
        where: Row = {"repo": commit.repo, "task_id": commit.task_id, "hunk": number, "busy": busy}
        asked: dict[str, int] = {}
        for typist in typists if number // 2 % 2 == 0 else reversed(typists):
            name = typist.system.name
            try:
                with busy_core(really=busy):
                    asked[name] = await self._turn(typist, {"system": name, **where})
            except Exception as error:
                raise RuntimeError(f"{name}: {_said(error)}") from error
        for name, count in asked.items():
            self._requests[name] += count
        self._missing.discard(commit.repo)
        so_far = ", ".join(f"{name} {count}" for name, count in self._requests.items())
        self.tell(
            f"{commit.task_id} {hunk}{' (busy)' if busy else ''}: requests so far: {so_far}", self._share()
        )

    async def _turn(self, typist: Typist, where: Row) -> int:
        """One system's turn at a hunk; how many requests there were."""
        count, started = 0, time.perf_counter()

        def noted(row: Row) -> None:
            nonlocal count
            count += 1
            self.note({"kind": "request", **where, **row})

        typist.system.resume()
        try:
            await typist.go_on(noted)
        finally:
            typist.system.suspend()
        self.note({"kind": "hunk", **where, "seconds": round(time.perf_counter() - started, 1)})
        return count

    def _is_enough(self) -> bool:
        return not self._missing and min(self._requests.values()) >= self.course.requests

    def _share(self) -> float:
        return min(1.0, min(self._requests.values(), default=0) / max(1, self.course.requests))


def header(model: str, systems: Sequence[System], course: Course) -> Row:
    """The first row of a run: what was asked for."""
    names = [system.name for system in systems]
    return {"kind": "run", "model": model, "systems": names, **dataclasses.asdict(course)}


def _repository(commit: Commit, into: Path) -> Path:
    # a real path, so that the server's answers name files as the client does
    _, root = next(replay(commit.rows, {commit.task_id}, into.resolve()))
    return root


def _failure(commit: Commit, error: Exception) -> Row:
    return {"kind": "failure", "repo": commit.repo, "task_id": commit.task_id, "error": _said(error)}


def _said(error: BaseException) -> str:
    if isinstance(error, BaseExceptionGroup):
        return "; ".join(_said(one) for one in error.exceptions)
    return f"{type(error).__name__}: {error}"
