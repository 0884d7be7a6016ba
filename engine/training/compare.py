"""`python -m engine.training.compare RUN RUN ...`: trainings side by side, at equal text and at equal work.

From the logs of several trainings to a table of validation losses and two pictures: over the tokens that each
had read, and over the operations that took. A loss between two validations is drawn straight between them.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from engine.training.curve import Point, drawn
from engine.training.trainer import read_log

AXES = {"tokens": (1e6, "million tokens"), "flops": (1e15, "operations, 10^15")}


def main(arguments: list[str] | None = None) -> int:
    """Compare; 0, or 1 with a sentence on stderr where a folder has no validations yet."""
    parser = argparse.ArgumentParser(prog="python -m engine.training.compare", description=__doc__)
    parser.add_argument("runs", type=Path, nargs="+", help="folders of engine.training.train, --out")
    parser.add_argument("--pictures", type=Path, help="a folder for by-tokens.svg and by-flops.svg")
    options = parser.parse_args(arguments)
    logs = {run.name: [row for row in read_log(run) if "valid_per_byte" in row] for run in options.runs}
    if empty := [name for name, rows in logs.items() if not rows]:
        sys.stderr.write(f"{', '.join(empty)}: no validation in the log yet.\n")
        return 1
    found = {name: compared(logs, name) for name in logs}
    sys.stdout.write(json.dumps(found, indent=2) + "\n")
    if options.pictures is not None:
        options.pictures.mkdir(parents=True, exist_ok=True)
        for axis, (unit, words) in AXES.items():
            curves = {name: [(x / unit, y) for x, y in points(rows, axis)] for name, rows in logs.items()}
            picture = drawn("Validation loss, nats a byte", words, curves)
            (options.pictures / f"by-{axis}.svg").write_text(picture, encoding="utf-8")
    return 0


def compared(logs: Mapping[str, Sequence[Mapping[str, Any]]], name: str) -> dict[str, Any]:
    """One training's last validation, and its loss at the most text, and work, that all have had."""
    last = logs[name][-1]
    found: dict[str, Any] = {"step": last["step"], "nats_per_byte": last["valid_per_byte"]}
    for axis in AXES:
        common = min(rows[-1][axis] for rows in logs.values())
        found[axis] = last[axis]
        found[f"at_equal_{axis}"] = at(points(logs[name], axis), common)
    found["seconds"] = last["seconds"]
    return found


def points(rows: Sequence[Mapping[str, Any]], axis: str) -> list[Point]:
    """Validation losses over an axis."""
    return [(row[axis], row["valid_per_byte"]) for row in rows]


def at(known: Sequence[Point], x: float) -> float | None:
    """The value at ``x``, straight between its neighbours; None before the first."""
    for (left, low), (right, high) in pairwise(known):
        if left <= x <= right:
            return low + (high - low) * (x - left) / (right - left)
    return known[-1][1] if x >= known[-1][0] else None


if __name__ == "__main__":
    raise SystemExit(main())
