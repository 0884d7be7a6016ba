"""What context costs the server on a workspace of 10,000 files: assembly at each keystroke, the event loop,
cold start, second start, memory, and a switch of branches.

    python -m tests.benchmarks.assembly [--files N] [--budget N ...] [--pace SECONDS]

The server is the real one over a model that evaluates nothing (``scripted``), so that neither weights nor
their threads count. Memory is the resident set of the server and its children together, less that of a server
without a workspace; pages that they share count once for each. Assembly is what the account of each answer
says. Each row speaks of the time since the row before it. The event loop's figures are the lateness of a
heartbeat (*ours* where the server itself was busy meanwhile, not the machine), and the slowest callbacks with
their wall-clock time, their own processor time and the whole process's, in ms.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import hashlib
import subprocess
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from tests.benchmarks import large_workspace
from tests.benchmarks.waiting import (
    CODE_POINTS,
    context_ready,
    index_state,
    indexed,
    last_account,
    own_cache,
    percentile,
    plain,
    scripted,
)
from tests.lsp_client import Editor, editor

BUDGETS = (4_096, 131_072)
PLACES = 5
TYPED = "\ndef check(value, other=0):\n    total"  # at each place; a request after every key
PACE_S = 0.1  # between keys: a fast typist
IDLE_S = 5.0  # how late heartbeats come on this machine anyway
SAMPLED_S = 0.05  # memory is looked at this often


@dataclass
class Memory:
    """Resident MiB of a process and its children: now (``last``) and the most ever seen."""

    last: float = 0.0
    most: float = 0.0
    most_of_children: float = 0.0

    def look(self, process: psutil.Process) -> None:
        """Add one sample; a process that has ended counts nothing, nor does a child that is about to become
        another program and still shares its parent's memory."""
        children = 0.0
        with contextlib.suppress(psutil.Error):
            own = process.cmdline()
            children = sum(_resident(c) for c in process.children(recursive=True) if _command(c) != own)
        self.last = _resident(process) + children
        self.most, self.most_of_children = max(self.most, self.last), max(self.most_of_children, children)


def run(
    files: int = 10_000,
    *,
    budgets: Sequence[int] = BUDGETS,
    pace_s: float = PACE_S,
    model: str = "qwen2.5-coder-0.5b",
) -> list[dict[str, Any]]:
    """A row for an idle server, for the cold start, for each budget's start (the first of them is the second
    start) and typing, and for the switch of branches. ``model`` lends its tokenizer."""
    with (
        own_cache(),
        tempfile.TemporaryDirectory(prefix="codeflow-large-", ignore_cleanup_errors=True) as into,
    ):
        root = Path(into).resolve() / "large"
        root.mkdir()
        count = large_workspace.make(root, files)
        return asyncio.run(_measure(root, count, budgets, pace_s, model))


async def _measure(
    root: Path, count: int, budgets: Sequence[int], pace_s: float, model: str
) -> list[dict[str, Any]]:
    async with _served(None, 4096, model) as (wire, memory):
        wire.open("file:///nowhere/empty.py", "x = 1\n")
        await wire.complete("file:///nowhere/empty.py", 0, 5)
        await wire.request("bench/loop")
        await asyncio.sleep(IDLE_S)
        alone = memory.last
        rows = [await _row("no workspace, idle", 0, wire, memory, alone)]
    places = await asyncio.to_thread(places_in, root)
    async with _served(root, budgets[0], model) as (wire, memory):
        await indexed(wire)
        rows.append(await _row("cold start", count, wire, memory, alone))
    for budget in budgets:
        async with _served(root, budget, model) as (wire, memory):
            await indexed(wire)
            rows.append(await _row(f"start, cache filled, {budget}", count, wire, memory, alone))
            typed = await type_at(wire, root, places, pace_s)
            rows.append(await _row(f"typing, {budget}", count, wire, memory, alone) | typed)
            if budget == budgets[-1]:
                changed = await asyncio.to_thread(large_workspace.make_branch, root)
                await _settled(wire)
                await wire.request("bench/loop")
                await asyncio.to_thread(_switch, root)
                await _settled(wire)
                rows.append(await _row(f"switch of {changed} files", count, wire, memory, alone))
    columns = dict.fromkeys((name for row in rows for name in row), "")
    return [columns | row for row in rows]


@contextlib.asynccontextmanager
async def _served(root: Path | None, budget: int, model: str) -> AsyncIterator[tuple[Editor, Memory]]:
    """A scripted server, ready, its event loop and its memory watched from the start."""
    settings = {
        "completion": {"deadlineMs": 0, "timeoutMs": 60_000, "maxTokens": 4},
        "context": {"budgetTokens": budget},
        "engine": {"savedMb": 0},
    }
    folders = [root.as_uri()] if root else []
    async with editor(
        model=model, settings=settings, folders=folders, encodings=CODE_POINTS, command=scripted()
    ) as wire:
        with watched(wire) as memory:
            await wire.request("bench/loop")
            await wire.ready()
            yield wire, memory


@contextlib.contextmanager
def watched(wire: Editor) -> Iterator[Memory]:
    """Sample the memory of the server behind ``wire`` on a thread."""
    process = psutil.Process(wire.client._server.pid)  # type: ignore[union-attr]  # it runs
    memory, done = Memory(), threading.Event()

    def sample() -> None:
        while not done.wait(SAMPLED_S):
            memory.look(process)

    thread = threading.Thread(target=sample)
    thread.start()
    try:
        yield memory
    finally:
        done.set()
        thread.join()


def _resident(process: psutil.Process) -> float:
    try:
        return process.memory_info().rss / 2**20
    except psutil.Error:
        return 0.0


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def places_in(root: Path) -> list[tuple[Path, int]]:
    """Python files of some hundred lines, and a blank line in the middle of each; the same every time."""
    found = []
    files = sorted(
        root.rglob("*.py"), key=lambda path: hashlib.sha256(str(path.relative_to(root)).encode()).digest()
    )
    for path in files:
        lines = path.read_text("utf-8", "replace").split("\n")
        blank = [i for i in range(len(lines) // 2, len(lines)) if not lines[i].strip()]
        if 300 <= len(lines) <= 1500 and blank:
            found.append((path, blank[0]))
        if len(found) == PLACES:
            break
    return found


async def type_at(
    wire: Editor, root: Path, places: Sequence[tuple[Path, int]], pace_s: float
) -> dict[str, Any]:
    """Type at every place, asking after each key; assembly in ms, without each place's first request."""
    first, warm = [], []
    for path, line in places:
        uri, version, at = path.as_uri(), 1, (line, 0)
        text = await asyncio.to_thread(path.read_text, "utf-8", "replace")
        wire.open(uri, text)
        await context_ready(wire, uri, line)
        await wire.complete(uri, *at)
        first.append(await last_account(wire))
        for character in TYPED:
            version += 1
            wire.change(uri, version, character, at)
            at = (at[0] + 1, 0) if character == "\n" else (at[0], at[1] + 1)
            await wire.complete(uri, *at)
            warm.append(await last_account(wire))
            await asyncio.sleep(pace_s)
    times = [account["assemble_ms"] for account in warm]
    return {
        "keystrokes": len(warm),
        "prompt_tokens": round(percentile([account["prompt_tokens"] for account in warm], 0.5)),
        "assemble_p50_ms": round(percentile(times, 0.5), 1),
        "assemble_p95_ms": round(percentile(times, 0.95), 1),
        "assemble_worst_ms": round(max(times), 1),
        "first_worst_ms": round(max(account["assemble_ms"] for account in first), 1),
    }


async def _row(what: str, files: int, wire: Editor, memory: Memory, alone: float) -> dict[str, Any]:
    """What was seen since the last row."""
    loop, index = plain(await wire.request("bench/loop")), await index_state(wire)
    return {
        "what": what,
        "files": files,
        "indexed": index.get("total", ""),
        "index_s": index.get("seconds", ""),
        "memory_beside_mb": round(memory.most - alone),
        "children_mb": round(memory.most_of_children),
        "loop_worst_ms": loop["worst_ms"],
        "loop_over_10_ms": f"{loop['over_10_ms']} of {loop['beats']}",
        "ours_worst_ms": loop["ours_worst_ms"],
        "ours_over_10_ms": loop["ours_over_10_ms"],
        "slowest_callbacks": "; ".join(
            f"{name} {wall} ({own}, {whole})" for wall, own, whole, name in loop["slowest"][:3]
        ),
    }


def _switch(root: Path) -> None:
    """Go to the other branch, as a user would in a terminal."""
    subprocess.run(["git", "checkout", "--quiet", "other"], cwd=root, check=True, capture_output=True)


async def _settled(wire: Editor, quiet_s: float = 5.0) -> None:
    """Wait until the index has been ready for a while: events of files come late."""
    since = time.monotonic()
    while time.monotonic() - since < quiet_s:
        await asyncio.sleep(0.2)
        if (await index_state(wire)).get("state", "ready") != "ready":
            since = time.monotonic()


def main() -> None:
    """Measure and print."""
    from tests.benchmarks.reporting import report

    parser = argparse.ArgumentParser(prog="assembly")
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--budget", type=int, action="append", help=f"may be repeated; {BUDGETS} by default")
    parser.add_argument("--pace", type=float, default=PACE_S, help="seconds between keys")
    options = parser.parse_args()
    rows = run(options.files, budgets=options.budget or BUDGETS, pace_s=options.pace)
    report({"assembly": rows}, "assembly")


if __name__ == "__main__":
    main()
