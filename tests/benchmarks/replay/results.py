"""A run as a file of JSON lines, written as they come; and what is said of it in figures.

Only hunks that every system of the run typed to their end count, so that all are judged by the same.
*Shown* are the requests after which ghost text stood at the cursor, whether a model was asked or an earlier
answer still fitted; ``model`` those for which a model was waited for, with or without anything to show.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.benchmarks.replay.system import MODEL
from tests.benchmarks.replay.typist import Row
from tests.benchmarks.waiting import percentile

_FAST_MS, _SOON_MS = 300, 1000
Table = list[dict[str, Any]]


@contextmanager
def written(path: Path) -> Iterator[Callable[[Row], None]]:
    """Write rows to a new file, each at once. Raises FileExistsError where there is one: it cost an hour."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("x", encoding="utf-8") as file:

        def note(row: Row) -> None:
            file.write(json.dumps(row) + "\n")
            file.flush()

        yield note


def read(path: Path) -> list[Row]:
    """The rows of a file. A last line that was cut off with its run is left out."""
    rows = []
    for line in path.read_text("utf-8").splitlines():
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError:
            break
    return rows


def summary(rows: Sequence[Row]) -> dict[str, Table]:
    """Tables by title: all requests by system, each project's, and how the systems compare."""
    systems = next((list(row["systems"]) for row in rows if row["kind"] == "run"), [])
    counted = finished(rows, systems)
    states = [state for state in (False, True) if any(row["busy"] is state for row in counted)]
    found: dict[str, Table] = {"typing replay": [], "compared": [], "by project": []}
    for busy in states:
        here = [row for row in counted if row["busy"] is busy]
        named = {"machine": "one core busy"} if busy else {"machine": "idle"}
        whole = {name: figures(_of(here, system=name)) for name in systems}
        found["typing replay"] += [{"system": name, **named, **whole[name]} for name in systems]
        if len(systems) == 2 and all(whole[name]["requests"] for name in systems):
            found["compared"].append(named | compared(systems, whole))
        for repo in sorted({row["repo"] for row in here}):
            found["by project"] += [
                {
                    "project": repo,
                    "system": name,
                    **named,
                    **_short(figures(_of(here, system=name, repo=repo))),
                }
                for name in systems
            ]
    if failures := [row for row in rows if row["kind"] == "failure"]:
        found["failed"] = [{"commit": row["task_id"], "error": row["error"]} for row in failures]
    return found


def finished(rows: Sequence[Row], systems: Sequence[str]) -> list[Row]:
    """The requests of the hunks that all systems typed to their end."""
    done: dict[int, set[str]] = {}
    for row in rows:
        if row["kind"] == "hunk":
            done.setdefault(row["hunk"], set()).add(row["system"])
    return [row for row in rows if row["kind"] == "request" and done.get(row["hunk"], set()) >= set(systems)]


def figures(rows: Sequence[Row]) -> dict[str, Any]:
    """One system's requests in figures. Each request stands for one key pressed."""
    shown = [row for row in rows if row["shown"] is not None]
    asked = [row for row in rows if row["source"] == MODEL]
    ahead = [row["ahead_tokens"] for row in rows if row["ahead_tokens"] is not None]
    evaluated = sum(row["evaluated_tokens"] for row in rows)
    keys = sum(row["keys"] for row in rows)
    return {
        "hunks": len({row["hunk"] for row in rows}),
        "requests": len(rows),
        "shown": len(shown),
        "model": len(asked),
        **{f"shown_{name}": value for name, value in _times(shown).items()},
        **{f"model_{name}": value for name, value in _times(asked).items()},
        "first_key_median_ms": _median([row["ms"] for row in rows if row["key"] == 0]),
        "prompt_tokens_median": _median([row["prompt_tokens"] for row in asked]),
        "evaluated_per_request": _ratio(evaluated, len(rows), 1),
        "evaluated_per_model_request": _ratio(evaluated, len(asked), 1),
        "evaluated_ahead_per_request": _ratio(sum(ahead), len(rows), 1) if ahead else None,
        "generated_per_model_request": _ratio(sum(row["generated_tokens"] for row in asked), len(asked), 1),
        "keys_saved_percent": _ratio(100 * (keys - len(rows)), keys, 1),
        "keys_saved_per_key": _ratio(keys - len(rows), len(rows), 3),
        "characters_taken_per_key": _ratio(sum(row["taken"] for row in rows), len(rows), 3),
        "waited_s": round(sum(row["ms"] for row in rows) / 1e3, 1),
    }


def compared(systems: Sequence[str], whole: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The first system's figures as multiples of the second's."""
    first, second = (whole[name] for name in systems)
    found: dict[str, Any] = {"ratio": " / ".join(systems)}
    for name in (
        "shown",
        "model",
        "shown_median_ms",
        "shown_p95_ms",
        "model_median_ms",
        "model_p95_ms",
        "evaluated_per_request",
        "keys_saved_per_key",
        "waited_s",
    ):
        found[name] = _ratio(first[name], second[name], 2)
    return found


def _of(rows: Sequence[Row], **wanted: Any) -> list[Row]:
    return [row for row in rows if all(row[name] == value for name, value in wanted.items())]


def _short(whole: dict[str, Any]) -> dict[str, Any]:
    names = ("requests", "shown", "shown_median_ms", "shown_p95_ms", "model_median_ms", "keys_saved_percent")
    return {name: whole[name] for name in names}


def _times(rows: Sequence[Row]) -> dict[str, Any]:
    times = [row["ms"] for row in rows]
    return {
        "median_ms": _median(times),
        "p95_ms": round(percentile(times, 0.95)),
        "within_300_ms_percent": _ratio(100 * sum(ms <= _FAST_MS for ms in times), len(times), 1),
        "within_1_s_percent": _ratio(100 * sum(ms <= _SOON_MS for ms in times), len(times), 1),
    }


def _median(values: Sequence[float]) -> int | None:
    return round(statistics.median(values)) if values else None


def _ratio(value: float | None, of: float | None, digits: int) -> float | None:
    """None where it would mean nothing."""
    return round(value / of, digits) if value is not None and of else None
