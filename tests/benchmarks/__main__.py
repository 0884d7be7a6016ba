"""``make bench``: measure on this machine, print tables, write bench-results/latest.json.

python -m tests.benchmarks [PART ...] [--model NAME ...] [--limit N]

By default what takes minutes: infilling, typing, cancelling, speculation, a short replay. The others take
longer and have to be named: context_gain (hours), needle, assembly, tracing, restart, shared, suffix_shift,
soak.
Each of them can be run by itself, with options of its own: python -m tests.benchmarks.context_gain --help.
"""

from __future__ import annotations

import argparse
import asyncio
from typing import Any

from tests.benchmarks import (
    assembly,
    cancelling,
    context_gain,
    infilling,
    needle,
    restart,
    shared,
    soak,
    speculation,
    suffix_shift,
    tracing,
    typing,
)
from tests.benchmarks.llama_vim.server import HOW_TO_INSTALL, is_installed
from tests.benchmarks.replay import __main__ as replay
from tests.benchmarks.replay.run import Course
from tests.benchmarks.reporting import OUT, report

SHORT = ("infilling", "typing", "cancelling", "speculation", "replay")
LONG = ("context_gain", "needle", "assembly", "tracing", "restart", "shared", "suffix_shift", "soak")
REPLAYED = 60  # requests of each system: enough to see that something is wrong, too few to compare by
TUNING = "humaneval_infill_singleline_tune100"


def measure(parts: list[str], models: list[str], limit: int) -> dict[str, list[dict[str, Any]]]:
    """Run the chosen parts for every model; those that read evaluation data only where there is some."""
    found: dict[str, list[dict[str, Any]]] = {}
    has_data = (infilling.SHARED / "data").is_dir()
    for model in models:
        if "typing" in parts:
            found.setdefault("typing", []).append(asyncio.run(typing.run(model)))
        if "cancelling" in parts:
            found.setdefault("cancelling", []).append(asyncio.run(cancelling.run(model)))
        if "infilling" in parts and has_data:
            for invoked in (False, True):
                result = infilling.run(model, TUNING, limit=limit, invoked=invoked, out=OUT)
                found.setdefault("infilling", []).append(result)
        if "replay" in parts and has_data and is_installed():
            for title, rows in replay.measure(model, Course(REPLAYED), replay.new_file()).items():
                found.setdefault(title, []).extend({"model": model, **row} for row in rows)
        if "speculation" in parts:
            found.setdefault("speculation", []).extend(speculation.run(model))
        if "restart" in parts:
            found.setdefault("restart", []).extend(restart.run(model))
        if "shared" in parts:
            found.setdefault("shared", []).extend(shared.run(model))
        if "suffix_shift" in parts and has_data:
            found.setdefault("suffix shift", []).extend(suffix_shift.run(model, limit=limit))
        if "soak" in parts:
            found.setdefault("soak", []).append(soak.Soak(model).run())
        if "needle" in parts:
            found.setdefault("needle", []).extend(needle.run(model, budgets=needle.BUDGETS[:1]))
        if "context_gain" in parts and has_data:
            found.setdefault("context_gain", []).extend(context_gain.run(model, limit=limit, out=OUT))
    if "needle" in parts:
        found["needle"] += needle.run(models[0], budgets=needle.BUDGETS[1:], assemble_only=True)
    if "assembly" in parts:
        found["assembly"] = assembly.run(model=models[0])
    if "tracing" in parts and has_data:
        found["tracing"] = tracing.run(tracing.Typist(models[0], without_weights=True))
    return found


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(prog="make bench")
    parts = f"any of {', '.join((*SHORT, *LONG))}; by default {', '.join(SHORT)}"
    parser.add_argument("parts", nargs="*", metavar="PART", help=parts)
    parser.add_argument("--model", action="append", help="a model name; may be repeated (default: the 0.5B)")
    parser.add_argument("--limit", type=int, default=0, help="rows of infilling and context_gain; 0 is all")
    options = parser.parse_args()
    models = options.model or ["qwen2.5-coder-0.5b"]
    if unknown := set(options.parts) - {*SHORT, *LONG}:
        parser.error(f"no part is called {sorted(unknown)[0]}; there are {parts}")
    chosen: list[str] = options.parts or [*SHORT]
    if "replay" in chosen and not is_installed():
        print(f"replay is left out: {HOW_TO_INSTALL}")
    report(measure(chosen, models, options.limit))


if __name__ == "__main__":
    main()
