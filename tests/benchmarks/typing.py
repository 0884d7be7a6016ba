"""What typing costs: 200 characters, one request each, in a 400-line Python file; then a line break."""

from __future__ import annotations

import statistics
import time
from pathlib import Path
from typing import Any

from tests.lsp_client import AUTOMATIC, editor

TYPED = (
    "def newest_first(entries, limit=20):\n"
    '    """The newest entries, at most limit of them."""\n'
    "    ordered = sorted(entries, key=lambda entry: entry.date, reverse=True)\n"
    "    return ordered[: max(0, limit)]\n\n\n"
)


def source_of_400_lines() -> str:
    """A real module of the standard library, cut to 400 lines."""
    import argparse

    return "".join(Path(argparse.__file__).read_text("utf-8").splitlines(True)[:400])


async def run(model: str) -> dict[str, Any]:
    """Type a function in the middle of the file, always asking the model: nothing typed along is counted."""
    lines, typed = source_of_400_lines().splitlines(True), TYPED[:200]
    line = next(i for i in range(200, 400) if not lines[i].strip())
    text = "".join([*lines[:line], "\n\n", *lines[line:]])
    uri, version, at = "file:///bench/typing.py", 1, (line, 0)
    costs: list[dict[str, Any]] = []
    async with editor(model=model, settings={"completion": {"maxTokens": 8}}) as wire:
        await wire.ready()
        wire.open(uri, text)
        started = time.perf_counter()
        await wire.complete(uri, *at)
        cold_ms = (time.perf_counter() - started) * 1e3
        for character in typed:
            version += 1
            wire.change(uri, version, character, at)
            at = (at[0] + 1, 0) if character == "\n" else (at[0], at[1] + 1)
            started = time.perf_counter()
            items = await wire.complete(uri, *at, trigger=AUTOMATIC)
            took = (time.perf_counter() - started) * 1e3
            last = await wire.request("codeflow/lastAccount")
            if last is not None:
                cost = last._asdict()
                costs.append({**cost, "took_ms": took, "newline": character == "\n", "shown": bool(items)})
    asked = [cost for cost in costs if cost["source"] == "model"]
    at_newline = [cost for cost in asked if cost["newline"]]

    def evaluated(some: list[dict[str, Any]]) -> float:
        return statistics.median(cost["prompt_tokens"] - cost["cached_tokens"] for cost in some)

    return {
        "model": model,
        "keystrokes": len(typed),
        "answered_by_the_model": len(asked),
        "answered_by_typing_along": len(costs) - len(asked),
        "cold_ms": round(cold_ms),
        "prompt_tokens_median": statistics.median(cost["prompt_tokens"] for cost in asked),
        "share_from_cache": round(
            100 * sum(c["cached_tokens"] for c in asked) / sum(c["prompt_tokens"] for c in asked), 2
        ),
        "evaluated_median": evaluated(asked),
        "evaluated_at_newline": [c["prompt_tokens"] - c["cached_tokens"] for c in at_newline],
        "evaluated_most": max(c["prompt_tokens"] - c["cached_tokens"] for c in asked),
        "warm_p50_ms": round(statistics.median(c["took_ms"] for c in asked)),
    }
