"""Where is the next edit? Measured without a model, on changes that were made, step by step.

    python -m tests.benchmarks.next_edit [--git REPOSITORY ...] [--commits N] [--fit] [--signals]

The steps are those of ``edit_steps``: nextedit_pr_hunks, which is only reported on, and commits taken apart,
of typing_traces and of the repositories after ``--git``. ``--fit`` chooses the weights on the latter and
prints them; it never sees nextedit_pr_hunks.

After each step the files touched so far are open, the others of the commit closed and indexed. A hit is a
place whose line is at most three lines from one that the next step replaces, or from where it inserts. The
first step of each row follows no edit, and nothing is shown for it: hit rates are of the others, and beside
them of all.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from context.document import Document, Edit, Position
from context.facts import Facts, Layout
from context.language import language_of_path
from context.next_edit import Elsewhere, NextEdit, NextPlace, locate, read_elsewhere
from context.next_edit.candidates import Candidate, candidates
from context.next_edit.locate import look
from context.workspace import Edited, Opened, Snapshot, Workspace
from tests.benchmarks.edit_steps import Case, Step, history, pull_requests, typing_traces
from tests.benchmarks.reporting import report

WITHIN = 3  # lines
_SHRINKAGE = 3.0  # of the weights' squares: the signals that are rare say little about themselves
_ROUNDS = 400


@dataclass(slots=True)
class Asked:
    """A moment: the editor after some steps, where the cursor is, and the step that came next."""

    key: str
    snapshot: Snapshot
    uri: str
    cursor: Position
    elsewhere: Elsewhere
    truth: Step
    crosses: bool
    later: tuple[Step, ...]  # the next step and those after it
    done: list[tuple[str, str]] = field(default_factory=list)  # what was replaced: before, after


def moments(case: Case, root: Path) -> Iterator[Asked]:
    """After each step but the last: what is known then, and what comes."""
    for path, text in case.files.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text.encode())
    workspace, layout = Workspace(), Layout(sorted(case.files))
    texts: dict[str, str | None] = {}  # read once: the disk does not change
    done: list[tuple[str, str]] = []
    for number, (step, following) in enumerate(pairwise(case.steps), 1):
        uri = f"file:///{step.path}"
        if workspace.document(uri) is None:
            language = language_of_path(step.path).name
            workspace.apply(Opened(Document.of(uri, step.path, language, 1, case.files[step.path])))
        shift, cursor = 0, Position(0, 0)
        for change in step.changes:
            document = workspace.document(uri)
            assert document is not None
            start, end = Position(change.start + shift, 0), Position(change.end + shift, 0)
            done.append(("".join(document.lines[start.line : end.line]), change.new))
            workspace.apply(Edited(uri, document.version + 1, (Edit(change.new, start, end),)))
            added = change.new.count("\n")
            cursor = Position(max(start.line, start.line + added - 1), 0)
            shift += added - (change.end - change.start)
        snapshot = workspace.snapshot()
        opened = {document.path: document for document in snapshot.documents.values()}
        facts = Facts(root, history=case.history, layout=layout, opened=opened, _texts=texts)
        elsewhere = read_elsewhere(snapshot, uri, facts)
        crosses = following.path != step.path
        later = case.steps[number:]
        yield Asked(case.key, snapshot, uri, cursor, elsewhere, following, crosses, later, list(done))


def hits(path: str, line: int, truth: Step) -> bool:
    """Whether a line is as near to the next step as a hit has to be."""
    return path == truth.path and any(
        change.start - WITHIN <= line <= max(change.start, change.end - 1) + WITHIN
        for change in truth.changes
    )


def measure(name: str, cases: Sequence[Case], signals: bool = False) -> list[dict[str, Any]]:
    """A row of figures; with ``signals``, one more for each signal of the first place."""
    rows: list[dict[str, Any]] = []
    for asked in _all(cases):
        began, began_cpu = time.perf_counter(), time.thread_time()
        places = locate(asked.snapshot, asked.uri, asked.cursor, asked.elsewhere)
        seconds, cpu = time.perf_counter() - began, time.thread_time() - began_cpu
        good = [hits(place.path, place.start, asked.truth) for place in places]
        texts = [place.edit for place in places if place.edit is not None]
        rows.append(
            {
                "signal": places[0].signal if places else "none",
                "first": any(good[:1]),
                "three": any(good[:3]),
                "crosses": asked.crosses,
                "below": _is_below(asked),
                "ms": 1000 * seconds,
                "cpu": 1000 * cpu,
                "texts": len(texts),
                "right": sum(_is_right(asked, place) for place in places if place.edit),
                "reversals": sum(_is_reversal(edit, asked.done) for edit in texts),
            }
        )
    firsts = len({case.key for case in cases})
    found = [_row(name, rows, firsts)]
    for crosses, where in ((False, "same file"), (True, "other file")):
        found.append(_row(f"{name}: {where}", [row for row in rows if row["crosses"] is crosses], 0))
    if signals:
        for signal in sorted({row["signal"] for row in rows}):
            found.append(_row(f"{name}: {signal}", [row for row in rows if row["signal"] == signal], 0))
    return found


def _row(name: str, rows: Sequence[dict[str, Any]], firsts: int) -> dict[str, Any]:
    n = len(rows) or 1
    times = sorted(row["ms"] for row in rows) or [0.0]
    cpu = sorted(row["cpu"] for row in rows) or [0.0]
    first, three = (sum(row[key] for row in rows) for key in ("first", "three"))
    return {
        "steps": name,
        "n": len(rows),
        "hit@1": f"{100 * first / n:.1f}",
        "hit@3": f"{100 * three / n:.1f}",
        "of all": f"{100 * first / (n + firsts):.1f} / {100 * three / (n + firsts):.1f}" if firsts else "",
        "line below": f"{100 * sum(row['below'] for row in rows) / n:.1f}",
        "other file": f"{100 * sum(row['crosses'] for row in rows) / n:.0f}",
        "texts": sum(row["texts"] for row in rows),
        "texts right": sum(row["right"] for row in rows),
        "reversals": sum(row["reversals"] for row in rows),
        "p50 ms": f"{times[len(times) // 2]:.1f}",
        "p95 ms": f"{times[int(0.95 * len(times))]:.1f}",
        "of a core": f"{cpu[len(cpu) // 2]:.1f} / {cpu[int(0.95 * len(cpu))]:.1f}",
    }


def _all(cases: Sequence[Case]) -> Iterator[Asked]:
    for case in cases:
        with tempfile.TemporaryDirectory(prefix="codeflow-next-") as root:
            yield from moments(case, Path(root).resolve())


def _is_below(asked: Asked) -> bool:
    """Whether the simplest guess is a hit: the line below the last edit."""
    return hits(asked.snapshot.documents[asked.uri].path, asked.cursor.line + 1, asked.truth)


def _is_right(asked: Asked, place: NextPlace) -> bool:
    """Whether a text without a model is one that a later step wrote into that file."""
    assert place.edit is not None
    line = place.edit.after[0].strip()
    return any(
        line == written.strip()
        for step in asked.later
        if step.path == place.path
        for change in step.changes
        for written in change.new.splitlines()
    )


def _is_reversal(edit: NextEdit, done: Sequence[tuple[str, str]]) -> bool:
    """Whether a text puts back what an edit had replaced."""
    return any(
        edit.after[0] in before.splitlines(True) and edit.before[0] in after.splitlines(True)
        for before, after in done
    )


def fit(cases: Sequence[Case], rounds: int = _ROUNDS) -> dict[str, float]:
    """The weights under which the lines that were edited next are likeliest (a conditional logit)."""
    groups: list[list[Candidate]] = []
    good: list[list[bool]] = []
    for asked in _all(cases):
        edited = look(asked.snapshot, asked.uri, asked.cursor)
        if edited is None:
            continue
        found = list(candidates(asked.snapshot, edited, asked.elsewhere))
        right = [hits(one.path, one.line, asked.truth) for one in found]
        if any(right):
            groups.append(found)
            good.append(right)
    names = sorted({name for group in groups for one in group for name in one.evidence.values})
    column = {name: n for n, name in enumerate(names)}
    rows = np.zeros((sum(map(len, groups)), len(names)), np.float32)  # (candidates, signals)
    starts, n = [], 0
    for group in groups:
        starts.append(n)
        for one in group:
            for name, value in one.evidence.values.items():
                rows[n, column[name]] = value
            n += 1
    right = np.concatenate([np.array(one) for one in good])
    weights = _fitted(rows, right, np.array(starts), rounds)
    print(f"{len(groups)} steps, {n} lines", file=sys.stderr)
    return {name: round(float(weight), 2) for name, weight in zip(names, weights, strict=True)}


def _fitted(rows: Any, right: Any, starts: Any, rounds: int) -> Any:
    weights = np.zeros(rows.shape[1], np.float32)
    mean, square = np.zeros_like(weights), np.zeros_like(weights)
    sizes = np.diff([*starts, len(rows)])
    for step in range(1, rounds + 1):
        logits = rows @ weights
        powers = np.exp(logits - np.repeat(np.maximum.reduceat(logits, starts), sizes))
        all_of, good_of = np.add.reduceat(powers, starts), np.add.reduceat(powers * right, starts)
        share = powers / np.repeat(all_of, sizes)
        wanted = powers * right / np.repeat(good_of, sizes)
        slope = rows.T @ (wanted - share) - _SHRINKAGE * weights
        slope /= len(starts)
        mean, square = 0.9 * mean + 0.1 * slope, 0.999 * square + 0.001 * slope**2
        weights += 0.1 * (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.999**step)) + 1e-8)
        if step % 100 == 0:
            print(f"round {step}: {-np.log(good_of / all_of).mean():.4f}", file=sys.stderr)
    return weights


def main() -> None:
    """Measure, or choose the weights."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.next_edit")
    parser.add_argument("--git", type=Path, nargs="*", default=[], help="git directories")
    parser.add_argument("--commits", type=int, default=200, help="of each (default: 200)")
    parser.add_argument("--fit", action="store_true", help="choose weights and print them")
    parser.add_argument("--signals", action="store_true", help="figures for each signal")
    parser.add_argument("--only", action="append", help="pr, traces or git; may be repeated (default: all)")
    options = parser.parse_args()
    only = options.only or ["pr", "traces", "git"]
    sets: dict[str, list[Case]] = {}
    for repository in options.git if "git" in only else []:
        name = repository.parent.name if repository.name in ("repo", ".git") else repository.name
        sets[name] = list(history(repository, options.commits))
    if "traces" in only:
        sets["typing_traces"] = typing_traces()
    if options.fit:
        for name, weight in fit([case for cases in sets.values() for case in cases]).items():
            print(f'    "{name}": {weight},')
        return
    if "pr" in only:
        sets["nextedit_pr_hunks"] = pull_requests()
    rows = [row for name, cases in sets.items() for row in measure(name, cases, options.signals)]
    report({"next edit": rows}, "next_edit")


if __name__ == "__main__":
    main()
