"""How many edits by instruction are what was asked for: 60, checked by trees and by tests.

    python -m tests.benchmarks.model_edits [--model NAME] [--source own|humaneval] [--free]
        [--form anew|blocks] [--kind KIND] [--minutes N] [--summary]

Goes on where it stopped; ``--free``: the answer is not held to its form. Each edit becomes a plan as a code
action's would: ``offered`` says that its checks let it be applied.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import time
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from engine.errors import EngineError
from lsp_server.edit_bounds import PlanRefused
from lsp_server.edit_plan import plan_from_text
from lsp_server.model_edit import edit
from lsp_server.model_session import ModelSession, open_session
from lsp_server.settings import EngineSettings, ModelSettings, Settings
from tests.benchmarks.edit_tasks import KINDS, Task, humaneval_tasks, own_tasks, parses
from tests.benchmarks.reporting import OUT, report

ROWS = OUT / "model_edits.jsonl"
CONTEXT = 3072  # tokens


def run(options: argparse.Namespace) -> None:
    """Edits that were not made yet, until the time is over."""
    tasks = own_tasks() if options.source == "own" else humaneval_tasks()
    way = {"model": options.model, "source": options.source, "held": not options.free, "form": options.form}
    done = {row["task"] for row in _rows() if all(row[name] == value for name, value in way.items())}
    left = [task for task in tasks if task.name not in done and options.kind in ("", task.kind)]
    if not left:
        return
    settings = Settings(
        model=ModelSettings(name=options.model), engine=EngineSettings(context_tokens=CONTEXT, saved_mb=0)
    )
    session = open_session(settings, lambda *_: None)
    until = time.monotonic() + 60 * options.minutes
    try:
        for task in left:
            if time.monotonic() > until:
                break
            row = {**way, "task": task.name, "kind": task.kind, **asyncio.run(_one(session, task, options))}
            with ROWS.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
    finally:
        session.engine.close()


async def _one(session: ModelSession, task: Task, options: argparse.Namespace) -> dict[str, Any]:
    """What became of one edit."""
    began, said = time.monotonic(), list[str]()
    found = {"applies": False, "parses": False, "offered": False, "passes": False, "why": "", "text": ""}
    try:
        text = await edit(
            session, task.document, task.region, task.instruction, action=task.action, tell=said.append,
            form=options.form, held=not options.free,
        )  # fmt: skip
        found |= {"seconds": round(time.monotonic() - began, 2), "tokens": len(said), "text": text}
        plan = plan_from_text(task.document, text, task.name, lint=True)
        found |= {"applies": True, "parses": parses(text), "offered": plan.checks.applies}
        found |= {"passes": found["parses"] and task.check(text), "why": plan.checks.verdict}
    except (EngineError, PlanRefused) as refused:
        found |= {"why": str(refused), "seconds": round(time.monotonic() - began, 2), "tokens": len(said)}
    return found


def summary() -> list[dict[str, Any]]:
    """One row a way and kind: shares in percent."""
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = defaultdict(list)
    for row in _rows():
        way = (row["model"], row["source"], row["held"], row["form"])
        groups[(*way, row["kind"])].append(row)
        groups[(*way, "all")].append(row)
    order = [*KINDS, "all"]
    return [
        {
            "model": key[0],
            "source": key[1],
            "held": key[2],
            "form": key[3] or "fitting",
            "kind": key[4],
            "edits": len(rows),
            "applies": _percent(row["applies"] for row in rows),
            "parses": _percent(row["parses"] for row in rows),
            "passes": _percent(row["passes"] for row in rows),
            "offered": _percent(row["offered"] for row in rows),
            "passes_of_offered": _percent(row["passes"] for row in rows if row["offered"]),
            "broken_but_offered": sum(row["offered"] and not row["parses"] for row in rows),
            "median_s": round(statistics.median(row["seconds"] for row in rows), 1),
            "median_tokens": round(statistics.median(row["tokens"] for row in rows)),
        }
        for key, rows in sorted(
            groups.items(), key=lambda item: (*map(str, item[0][:4]), order.index(item[0][4]))
        )
    ]


def _rows() -> list[dict[str, Any]]:
    return [json.loads(line) for line in ROWS.read_text("utf-8").splitlines()] if ROWS.exists() else []


def _percent(values: Iterable[bool]) -> float:
    known = list(values)
    return round(100 * sum(known) / len(known), 1) if known else 0.0


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.model_edits")
    parser.add_argument("--model", default="qwen2.5-coder-0.5b")
    parser.add_argument("--source", default="own", choices=["own", "humaneval"])
    parser.add_argument("--free", action="store_true")
    parser.add_argument("--form", default="", choices=["", "anew", "blocks"])
    parser.add_argument("--kind", default="", choices=["", *KINDS], help="only edits of this kind")
    parser.add_argument("--minutes", type=float, default=3)
    parser.add_argument("--summary", action="store_true", help="report only")
    options = parser.parse_args()
    OUT.mkdir(exist_ok=True)
    if not options.summary:
        run(options)
    report({"model edits": summary()}, "model_edits")


if __name__ == "__main__":
    main()
