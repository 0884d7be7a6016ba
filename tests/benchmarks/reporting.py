"""Results as tables in the terminal and as JSON in bench-results/."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

_FILE_WIDTH = 200  # characters of a line where the tables go to a file
OUT = Path(__file__).resolve().parents[2] / "bench-results"


def report(found: dict[str, list[dict[str, Any]]], name: str = "latest") -> None:
    """Print a table for each part and write all of them to ``name``.json."""
    console = Console()
    if not console.is_terminal:
        console.width = _FILE_WIDTH
    for part, results in found.items():
        if results:
            console.print(_table(part, results))
    OUT.mkdir(exist_ok=True)
    file = OUT / f"{name}.json"
    file.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    console.print(f"written to {file}")


def _table(part: str, results: list[dict[str, Any]]) -> Table:
    """One row a result; where that would not fit the screen, one column a result."""
    names = list(results[0])
    table = Table(title=part, title_justify="left")
    if len(names) > 10 and len(results) < 10:
        table.add_column("")
        for number in range(len(results)):
            table.add_column(str(number + 1), overflow="fold")
        for name in names:
            table.add_row(name.replace("_", " "), *(str(result.get(name, "")) for result in results))
        return table
    for name in names:
        table.add_column(name.replace("_", " "), overflow="fold")
    for result in results:
        table.add_row(*(str(result.get(name, "")) for name in names))
    return table
