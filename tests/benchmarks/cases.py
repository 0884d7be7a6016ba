"""A place to be completed, as data: a workspace on disk, the documents an editor has open and what was typed
in them, the cursor, and what came there in truth. Asked through the real server.
"""

from __future__ import annotations

import hashlib
import importlib.util
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tests.benchmarks.infilling import SHARED
from tests.benchmarks.waiting import CODE_POINTS, context_ready, indexed, last_account
from tests.lsp_client import Editor, editor

At = tuple[int, int]  # line and character, zero-based, in code points
PATIENCE_MS = 300_000  # completion.timeoutMs: quality is measured, not patience
PARTS = ("tuning", "reporting")


@dataclass(frozen=True, slots=True)
class Typed:
    """One change of a document: ``text`` in place of what stands from ``start`` to ``end``."""

    start: At
    end: At
    text: str


@dataclass(frozen=True, slots=True)
class Opened:
    """A document the editor has open, as it was opened, and what was changed in it since, oldest first."""

    path: str
    language: str
    text: str
    typed: tuple[Typed, ...] = ()


@dataclass(frozen=True, slots=True)
class Case:
    """The last of ``opened`` is completed at ``cursor``. ``group`` is what it is reported under."""

    key: str
    group: str
    part: str
    root: Path
    opened: tuple[Opened, ...]
    cursor: At
    truth: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server suggested, and its account; ``similarity`` from 0 to 1."""

    text: str
    exact: bool
    similarity: float
    took_ms: float
    account: dict[str, Any]

    @property
    def sources(self) -> frozenset[str]:
        """The sources that had a piece in the prompt."""
        return frozenset(str(piece[0]) for piece in self.account.get("pieces", ()))


def part_of(key: str) -> str:
    """Which half of the items a key belongs to: weights are chosen on one and reported on the other."""
    return PARTS[hashlib.sha256(f"part {key}".encode()).digest()[0] & 1]


async def ask(case: Case, model: str, *, budget: int, disabled: Sequence[str]) -> Answer:
    """Complete a case."""
    async with at_cursor(case, model, budget=budget, disabled=disabled) as (wire, uri):
        started = time.perf_counter()
        items = await wire.complete(uri, *case.cursor)
        took_ms = (time.perf_counter() - started) * 1e3
        text = str(items[0].insert_text) if items else ""
        return Answer(text, *scored(text, case.truth), took_ms, await last_account(wire))


@asynccontextmanager
async def at_cursor(
    case: Case, model: str, *, budget: int, disabled: Sequence[str], command: list[str] | None = None
) -> AsyncIterator[tuple[Editor, str]]:
    """A case replayed in a server of its own (nothing typed for another case is remembered) whose context is
    ready: the connection, and the URI of the document to be completed."""
    settings = {
        "completion": {"deadlineMs": 0, "timeoutMs": PATIENCE_MS},
        "context": {"budgetTokens": budget, "disabledSources": list(disabled)},
        "engine": {"savedMb": 0},
    }
    async with editor(
        model=model,
        settings=settings,
        folders=[case.root.as_uri()],
        encodings=CODE_POINTS,
        command=command,
    ) as wire:
        status = await wire.ready()
        if status.state != "ready":
            raise RuntimeError(f"the server is {status.state}: {status.message}")
        await indexed(wire)
        uri = replay(wire, case)
        await context_ready(wire, uri, case.cursor[0])
        yield wire, uri


def replay(wire: Editor, case: Case) -> str:
    """Open the documents and type in them; the URI of the last one."""
    uri = ""
    for document in case.opened:
        uri = (case.root / document.path).as_uri()
        wire.open(uri, document.text, document.language)
        for version, change in enumerate(document.typed, 2):
            wire.change(uri, version, change.text, change.start, change.end)
    return uri


def scored(text: str, truth: str) -> tuple[bool, float]:
    """Exact match and edit similarity by the shared scorer: as many lines of the answer as the truth has."""
    score = _scorer()
    gold = score.norm(truth)
    said = score.same_lines(text, truth)
    return said == gold, score.edit_ratio(said, gold)


@cache
def _scorer() -> Any:
    spec = importlib.util.spec_from_file_location("shared_score", SHARED / "tools" / "score.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
