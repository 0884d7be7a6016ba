"""Completion quality through the server: single-line infilling, presented as an editor would.

The cursor stands on a line of its own after its indentation, with a line break before what follows; the
completion is given its line break back before scoring. Cold and warm times come from the same requests.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tests.lsp_client import AUTOMATIC, INVOKED, editor

SHARED = Path(__file__).resolve().parents[3] / "shared"


def rows_of(name: str) -> list[dict[str, Any]]:
    """Rows of one evaluation file."""
    with gzip.open(SHARED / "data" / f"{name}.jsonl.gz", "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def run(model: str, name: str, *, limit: int = 0, invoked: bool = False, out: Path) -> dict[str, Any]:
    """Complete every row and score the answers; the score's summary and this machine's times."""
    predictions, status = asyncio.run(predict(model, rows_of(name)[: limit or None], invoked=invoked))
    return score(predictions, status.model, name, limit=limit, invoked=invoked, out=out)


async def predict(
    model: str, rows: list[dict[str, Any]], *, invoked: bool
) -> tuple[list[dict[str, Any]], Any]:
    """One prediction for each row, and the server's status."""
    predictions = []
    async with editor(model=model, settings={"completion": {"deadlineMs": 0, "timeoutMs": 60_000}}) as wire:
        status = await wire.ready()
        for number, row in enumerate(rows):
            prefix, suffix = str(row["prompt"]), str(row["suffix"])
            blanks = row["canonical_solution"][
                : len(row["canonical_solution"]) - len(row["canonical_solution"].lstrip())
            ]
            before = prefix + blanks
            uri = f"file:///bench/{number}/solution.py"
            wire.open(uri, before + "\n" + suffix)
            at = before.count("\n"), len(before) - before.rfind("\n") - 1
            started = time.perf_counter()
            items = await wire.complete(uri, *at, trigger=INVOKED if invoked else AUTOMATIC)
            took_ms = (time.perf_counter() - started) * 1e3
            text = str(items[0].insert_text) if items else ""
            account = (await wire.account(items[0]))._asdict() if items else {}
            wire.close(uri)
            predictions.append(
                {
                    "task_id": row["task_id"],
                    "completion": blanks + text + "\n",
                    "latency_ms": took_ms,
                    "prompt_tokens": account.get("prompt_tokens", 0),
                    "cached_tokens": account.get("cached_tokens", 0),
                    "shown": int(bool(items)),
                    "mean_logprob": account.get("mean_logprob"),
                    "items": [str(item.insert_text) for item in items],
                }
            )
    return predictions, status


def score(
    predictions: list[dict[str, Any]], model: str, name: str, *, limit: int, invoked: bool, out: Path
) -> dict[str, Any]:
    """Score the predictions with the shared scorer, executing each."""
    out.mkdir(parents=True, exist_ok=True)
    kind = "invoked" if invoked else "automatic"
    file = out / f"{name}-{model}-{kind}.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in predictions), encoding="utf-8")
    bench = SHARED / "data" / f"{name}.jsonl.gz"
    command = [sys.executable, str(SHARED / "tools" / "score.py"), str(bench), str(file), "--exec"]
    command += ["--out", str(file.with_suffix(".rows.jsonl"))] + (["--limit", str(limit)] if limit else [])
    scored = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    times = sorted(p["latency_ms"] for p in predictions)
    return {
        "model": model,
        "trigger": kind,
        "rows": len(predictions),
        "first_line_exact": scored["em_line"],
        "pass_at_1": scored["pass@1"],
        "interval": scored["pass@1_ci95"],
        "shown": 100 * sum(p["shown"] for p in predictions) / len(predictions),
        "ghost_text_p50_ms": round(statistics.median(times)),
        "ghost_text_p95_ms": round(times[int(0.95 * len(times))]),
    }
