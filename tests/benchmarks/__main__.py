"""``make bench``: measure on this machine, print tables, write bench-results/latest.json.

python -m tests.benchmarks [infilling] [typing] [cancelling] [--model NAME ...] [--limit N]
"""

from __future__ import annotations

import argparse
import asyncio
import json
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.benchmarks import cancelling, infilling, typing

PARTS = ("infilling", "typing", "cancelling")
OUT = Path(__file__).resolve().parents[2] / "bench-results"
TUNING = "humaneval_infill_singleline_tune100"


def measure(parts: list[str], models: list[str], limit: int) -> dict[str, list[dict[str, Any]]]:
    """Run the chosen parts for every model."""
    found: dict[str, list[dict[str, Any]]] = {}
    for model in models:
        if "typing" in parts:
            found.setdefault("typing", []).append(asyncio.run(typing.run(model)))
        if "cancelling" in parts:
            found.setdefault("cancelling", []).append(asyncio.run(cancelling.run(model)))
        if "infilling" in parts and (infilling.SHARED / "data").is_dir():
            for invoked in (False, True):
                result = infilling.run(model, TUNING, limit=limit, invoked=invoked, out=OUT)
                found.setdefault("infilling", []).append(result)
    return found


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"any of {', '.join(PARTS)}; all by default")
    parser.add_argument("--model", action="append", help="a model name; may be repeated (default: the 0.5B)")
    parser.add_argument("--limit", type=int, default=0, help="rows of infilling; 0 is all")
    options = parser.parse_args()
    models = options.model or ["qwen2.5-coder-0.5b"]
    found = measure(options.parts or list(PARTS), models, options.limit)
    console = Console()
    for part, results in found.items():
        table = Table(title=part, title_justify="left")
        for name in results[0]:
            table.add_column(name.replace("_", " "), overflow="fold")
        for result in results:
            table.add_row(*(str(value) for value in result.values()))
        console.print(table)
    OUT.mkdir(exist_ok=True)
    (OUT / "latest.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    console.print(f"written to {OUT / 'latest.json'}")


if __name__ == "__main__":
    main()
