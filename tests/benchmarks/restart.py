"""How soon the first ghost text stands after a start, with what an earlier session saved and without.

    python -m tests.benchmarks.restart [--model NAME] [--budget N ...] [--rounds N]

The server is started in this repository, a document opened and a place asked about, until all is evaluated;
then it is shut down. From then on each start is timed, from ``initialized`` to the ghost text at the same
place, with and without saved prompts in turn; once as a user has it, within the deadline, and once waiting
for the whole prompt.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.benchmarks.reporting import report
from tests.benchmarks.waiting import context_ready, last_account, own_cache, plain
from tests.lsp_client import Editor, editor

ROOT = Path(__file__).parents[2]
FILE = ROOT / "context" / "window.py"
LINE, TYPED = (
    "        used += count(lines[number])\n        if used > budget:\n            return True",
    "        used += ",
)
PATIENCE_MS = 900_000
BUDGETS = (0, 16_384)  # tokens; 0: what the machine affords


async def _session(
    model: str, budget: int, *, saved: bool, deadline_ms: int, first: bool = False
) -> dict[str, Any]:
    """Start, ask once, shut down; seconds, and what the answer took."""
    settings = {
        "completion": {"deadlineMs": deadline_ms, "timeoutMs": PATIENCE_MS},
        "context": {"budgetTokens": budget},
        "engine": {"savedMb": 1000 if saved else 0},
    }
    text = FILE.read_text(encoding="utf-8")
    line = text[: text.index(LINE)].count("\n")
    text = text.replace(LINE, TYPED + LINE[LINE.index("\n") :], 1)
    async with editor(model=model, settings=settings, folders=[ROOT.as_uri()]) as wire:
        started = time.monotonic()
        wire.open(FILE.as_uri(), text)
        if first:
            await context_ready(wire, FILE.as_uri(), line)
            await _gathered(wire, line)
        items = await wire.complete(FILE.as_uri(), line, len(TYPED))
        seconds, account = time.monotonic() - started, await last_account(wire)
        if first:
            await asyncio.sleep(5.0)  # what is evaluated is saved once nobody asks
        return {
            "seconds": seconds,
            "shown": bool(items),
            "prompt": account["prompt_tokens"],
            "cached": account["cached_tokens"],
            "whole": account["whole"],
        }


async def _gathered(wire: Editor, line: int) -> None:
    """Until the prompt for the place grows no more: a large one is made ready piece by piece."""
    same, tokens = 0, -1
    while same < 3:
        place = {"uri": FILE.as_uri(), "position": {"line": line, "character": len(TYPED)}}
        found = plain(await wire.request("codeflow/explain", place)) or {}
        now = found.get("prompt_tokens", 0)
        same, tokens = (same + 1 if now == tokens else 0), now
        await asyncio.sleep(1.0)


def run(model: str, budgets: Sequence[int] = BUDGETS, rounds: int = 3) -> list[dict[str, Any]]:
    """One row for each budget, way of asking, and with or without saved prompts."""
    rows: list[dict[str, Any]] = []
    for budget in budgets:
        with own_cache():
            asyncio.run(_session(model, budget, saved=True, deadline_ms=0, first=True))
            for deadline_ms in (400, 0):
                found: dict[bool, list[dict[str, Any]]] = {True: [], False: []}
                for _ in range(rounds):
                    for saved in (True, False):
                        found[saved].append(
                            asyncio.run(_session(model, budget, saved=saved, deadline_ms=deadline_ms))
                        )
                for saved, sessions in found.items():
                    middle = sorted(sessions, key=lambda one: one["seconds"])[len(sessions) // 2]
                    rows.append(
                        {
                            "model": model,
                            "budget": budget or "automatic",
                            "deadline_ms": deadline_ms or "none",
                            "saved": saved,
                            "seconds_median": round(statistics.median(s["seconds"] for s in sessions), 2),
                            "seconds_worst": round(max(s["seconds"] for s in sessions), 2),
                            **{name: middle[name] for name in ("shown", "whole", "prompt", "cached")},
                        }
                    )
    return rows


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.restart")
    parser.add_argument("--model", default="qwen2.5-coder-0.5b")
    parser.add_argument("--budget", type=int, nargs="*", default=BUDGETS, help="0: automatic")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    report({"restart": run(options.model, options.budget, options.rounds)}, "restart")


if __name__ == "__main__":
    main()
