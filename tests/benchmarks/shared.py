"""What a shared process costs and spares: ghost text with one editor and with an idle second, starts, memory.

    python -m tests.benchmarks.shared [--model NAME] [--keys N] [--rounds N]

Rounds of one editor alone in its process, one by the shared process, and the same with a second editor that
has a document open and says nothing; by turns, so that what else the machine does falls on all. Each types a
function key by key and asks after each key, with the deadline that users have.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import statistics
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import psutil

from lsp_server.shared.rendezvous import IDLE_VARIABLE
from lsp_server.shared_command import ask_all
from tests.benchmarks.reporting import report
from tests.benchmarks.typing import TYPED, source_of_400_lines
from tests.benchmarks.waiting import last_account
from tests.lsp_client import SHARED_VARIABLE, Editor, editor

URI, OTHER_URI = "file:///bench/typing.py", "file:///other/idle.py"
PAUSE_S = 0.12  # between an answer and the next key
WAYS = {"alone": (False, 1), "shared": (True, 1), "shared, a second one idle": (True, 2)}


async def _round(model: str, keys: int, *, shared: bool, editors: int) -> dict[str, Any]:
    """One way: what each key took and what answered it, seconds of the starts, bytes held."""
    if shared:
        os.environ[SHARED_VARIABLE] = "together"
    else:
        os.environ.pop(SHARED_VARIABLE, None)
    starts: list[float] = []
    async with AsyncExitStack() as stack:
        wires: list[Editor] = []
        for _ in range(editors):
            began = time.perf_counter()
            wires.append(await stack.enter_async_context(editor(model=model, inline=True)))
            await wires[-1].ready()
            starts.append(time.perf_counter() - began)
        for number, wire in enumerate(wires[1:]):
            wire.open(f"{OTHER_URI}{number}", "def idle():\n    return \n")
            await wire.complete(f"{OTHER_URI}{number}", 1, 11)
        took = await _type(wires[0], keys)
        return {"took": took, "starts_s": starts, "held_bytes": _held_bytes()}


async def _type(wire: Editor, keys: int) -> list[tuple[str, float, int]]:
    """Of each key: what answered, milliseconds, and tokens of the prompt that had to be evaluated."""
    lines = source_of_400_lines().splitlines(True)
    line = next(i for i in range(200, 400) if not lines[i].strip())
    version, at = 1, (line, 0)
    wire.open(URI, "".join([*lines[:line], "\n\n", *lines[line:]]))
    await wire.complete(URI, *at)
    took = []
    for character in TYPED[:keys]:
        await asyncio.sleep(PAUSE_S)
        version += 1
        wire.change(URI, version, character, at)
        at = (at[0] + 1, 0) if character == "\n" else (at[0], at[1] + 1)
        began = time.perf_counter()
        await wire.complete(URI, *at)
        milliseconds = (time.perf_counter() - began) * 1e3
        account = await last_account(wire)
        evaluated = account.get("prompt_tokens", 0) - account.get("cached_tokens", 0)
        took.append((account.get("source", ""), milliseconds, evaluated))
    return took


def _held_bytes() -> int:
    """Proportional shares of all our servers' processes."""
    found = [
        pid
        for one in ask_all("status")
        for pid in (one["pid"], *(client["pid"] for client in one["clients"]))
    ]
    below = psutil.Process().children(recursive=True)
    processes = {one.pid: one for one in (*below, *map(psutil.Process, found))}
    return sum(one.memory_full_info().pss for one in processes.values())


def run(model: str, *, keys: int = 120, rounds: int = 3) -> list[dict[str, Any]]:
    """A row for each way."""
    folder = Path(tempfile.mkdtemp(prefix="codeflow-"))
    os.environ |= {"XDG_RUNTIME_DIR": str(folder), IDLE_VARIABLE: "60"}
    found: dict[str, list[dict[str, Any]]] = {way: [] for way in WAYS}
    try:
        for _ in range(rounds):
            for way, (shared, editors) in WAYS.items():
                found[way].append(asyncio.run(_round(model, keys, shared=shared, editors=editors)))
                psutil.wait_procs([psutil.Process(one["pid"]) for one in ask_all("end")], timeout=30)
    finally:
        shutil.rmtree(folder)
    return [_row(model, way, rounds) for way, rounds in found.items()]


def _row(model: str, way: str, rounds: list[dict[str, Any]]) -> dict[str, Any]:
    took = [ms for one in rounds for _, ms, _ in one["took"]]
    asked = [(ms, tokens) for one in rounds for source, ms, tokens in one["took"] if source == "model"]
    return {
        "model": model,
        "way": way,
        "keys": len(took),
        "p50_ms": round(statistics.median(took), 1),
        "asked": len(asked),
        "asked_p50_ms": round(statistics.median(ms for ms, _ in asked), 1),
        "asked_evaluated": round(statistics.mean(tokens for _, tokens in asked), 1),
        "p95_ms": round(statistics.quantiles(took, n=20)[18], 1),
        "first_start_s": round(statistics.median(one["starts_s"][0] for one in rounds), 2),
        "second_start_s": round(statistics.median(one["starts_s"][-1] for one in rounds), 2),
        "held_mb": round(statistics.median(one["held_bytes"] for one in rounds) / 1e6),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="qwen2.5-coder-0.5b")
    parser.add_argument("--keys", type=int, default=120)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    report({"shared": run(options.model, keys=options.keys, rounds=options.rounds)}, "shared")
