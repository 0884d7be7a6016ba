"""Where is the next edit? Measured without a model, on changes that were made, step by step.

    python -m tests.benchmarks.next_edit [--git REPOSITORY ...] [--commits N] [--fit] [--signals]

*nextedit_pr_hunks* gives steps in an order that somebody thought of; it is only reported on. *typing_traces*
and the histories of ``--git`` hold commits, which do not say in which order they were made: there, the hunks
of each file are taken from top to bottom, for every second commit with those among the imports last; a hunk
of several lines is typed in parts every second time; one commit in five is in no order at all. ``--fit``
chooses the weights on these and prints them; it never sees nextedit_pr_hunks.

After each step the files touched so far are open, the others of the commit closed and indexed. A hit is a
place whose line is at most three lines from one that the next step replaces, or from where it inserts. The
first step of each row follows no edit, and nothing is shown for it: hit rates are of the others, and beside
them of all.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from context.document import Document, Edit, Position, split_lines
from context.facts import Facts, Layout
from context.language import language_of_path
from context.next_edit import Elsewhere, locate, read_elsewhere
from context.next_edit.candidates import Candidate, candidates
from context.next_edit.locate import look
from context.next_edit.words import is_import
from context.workspace import Edited, Opened, Snapshot, Workspace
from tests.benchmarks.infilling import rows_of
from tests.benchmarks.reporting import report

WITHIN = 3  # lines
_SUFFIXES = (".py", ".ts", ".js", ".go", ".rst", ".md", ".txt", ".toml")
_MOST_HUNKS, _MOST_LINES = 16, 4000  # of a commit, of a file: larger ones are no work of one sitting
_SECONDS_OF_GIT = 120
_SHRINKAGE = 3.0  # of the weights' squares: the signals that are rare say little about themselves
_ROUNDS = 400


@dataclass(frozen=True, slots=True)
class Change:
    """Lines from ``start`` to ``end`` of the file as it is before the step become ``new``."""

    start: int
    end: int
    new: str


@dataclass(frozen=True, slots=True)
class Step:
    """What is edited at once, in one file, from top to bottom."""

    path: str
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Case:
    """Files and the steps of one change of them."""

    key: str
    files: dict[str, str]
    steps: tuple[Step, ...]


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
    done: list[tuple[str, str]] = field(default_factory=list)  # what was replaced: before, after


def moments(case: Case, root: Path) -> Iterator[Asked]:
    """After each step but the last: what is known then, and what comes."""
    for path, text in case.files.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text.encode())
    workspace = Workspace()
    done: list[tuple[str, str]] = []
    for step, following in zip(case.steps, case.steps[1:], strict=False):
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
        facts = Facts(root=root, layout=Layout(sorted(case.files)), opened=opened)
        elsewhere = read_elsewhere(snapshot, uri, facts)
        crosses = following.path != step.path
        yield Asked(case.key, snapshot, uri, cursor, elsewhere, following, crosses, list(done))


def hits(path: str, line: int, truth: Step) -> bool:
    """Whether a line is as near to the next step as a hit has to be."""
    return path == truth.path and any(
        change.start - WITHIN <= line <= max(change.start, change.end - 1) + WITHIN
        for change in truth.changes
    )


def pull_requests() -> list[Case]:
    """The rows of nextedit_pr_hunks; raises ValueError where one does not come out as it says."""
    found = []
    for row in rows_of("nextedit_pr_hunks"):
        names = {str(file["name"]): _path_of(str(file["name"])) for file in row["files"]}
        files = {names[str(file["name"])]: str(file["original"]) for file in row["files"]}
        steps = tuple(
            Step(
                names[str(step["file"])],
                tuple(
                    Change(int(edit["a0"]), int(edit["a1"]), str(edit["new"]))
                    for edit in sorted(step["edits"], key=lambda edit: int(edit["a0"]))
                ),
            )
            for step in row["steps"]
        )
        case = Case(str(row["task_id"]), files, steps)
        _check(case, {names[str(file["name"])]: file.get("final_sha256") for file in row["files"]})
        found.append(case)
    return found


def _path_of(name: str) -> str:
    """``a__b____init____py`` as a/b/__init__.py, as well as that can be told."""
    stem, _, suffix = name.rpartition("__")
    return stem.replace("____init__", "/\0").replace("__", "/").replace("\0", "__init__") + "." + suffix


def _check(case: Case, digests: dict[str, Any]) -> None:
    texts = dict(case.files)
    for step in case.steps:
        lines = list(split_lines(texts[step.path]))
        for change in reversed(step.changes):
            lines[change.start : change.end] = [change.new]
        texts[step.path] = "".join(lines)
    for path, digest in digests.items():
        if digest and hashlib.sha256(texts[path].encode()).hexdigest() != digest:
            raise ValueError(f"{case.key}: {path} does not come out as the row says")


def typing_traces() -> list[Case]:
    """The commits of typing_traces that have more than one hunk."""
    found = []
    for row in rows_of("typing_traces"):
        files = {str(edit["path"]): str(edit["before"]) for edit in row["edits"] if edit["before"]}
        hunks = {
            str(edit["path"]): [(int(h["a0"]), int(h["a1"]), str(h["new"])) for h in edit["hunks"]]
            for edit in row["edits"]
            if edit["before"]
        }
        found += _cases(str(row["task_id"]), files, hunks)
    return found


def history(repository: Path, commits: int) -> Iterator[Case]:
    """The latest commits of a repository that change between 2 and 16 places of source files."""
    listed = _git(repository, "log", "--no-merges", "--no-renames", "--format=%H", f"-{commits * 4}").split()
    made = 0
    for sha in listed:
        raw = _git(repository, "diff-tree", "-r", "--no-renames", "--no-commit-id", sha).splitlines()
        entries = [line.split("\t") for line in raw]
        changed = [
            (path, meta.split()[2])
            for meta, path in entries
            if meta.endswith("\tM") or meta.split()[4] == "M"
            if path.endswith(_SUFFIXES)
        ]
        if not 1 <= len(changed) <= 8:
            continue
        files = {path: _git(repository, "cat-file", "blob", blob) for path, blob in changed}
        diff = _git(repository, "diff-tree", "-p", "-U0", "--no-renames", "--no-commit-id", sha)
        cases = list(_cases(sha, files, _hunks(diff, files)))
        made += len(cases)
        yield from cases
        if made >= commits:
            return


def _git(repository: Path, *arguments: str) -> str:
    command = ["git", "--git-dir", str(repository), "-c", "core.quotepath=off", *arguments]
    done = subprocess.run(command, check=True, capture_output=True, timeout=_SECONDS_OF_GIT)
    return done.stdout.decode("utf-8", "replace")


def _hunks(diff: str, files: dict[str, str]) -> dict[str, list[tuple[int, int, str]]]:
    found: dict[str, list[tuple[int, int, str]]] = {}
    path, hunk = "", None
    for line in diff.split("\n"):
        if line.startswith("diff --git "):
            path, hunk = "", None
        elif line.startswith("+++ b/") and hunk is None:
            path = line[6:].rstrip("\t")
        elif line.startswith("@@ ") and path in files:
            old = line.split()[1][1:].split(",")
            count = int(old[1]) if len(old) > 1 else 1
            start = int(old[0]) - (count > 0)
            hunk = (start, start + count, "")
            found.setdefault(path, []).append(hunk)
        elif line.startswith("+") and hunk is not None and path in found:
            hunk = (*hunk[:2], hunk[2] + line[1:] + "\n")
            found[path][-1] = hunk
    return found


def _cases(key: str, files: dict[str, str], hunks: dict[str, list[tuple[int, int, str]]]) -> Iterator[Case]:
    """The change as a case, in the order described above; none where it is too small or too large."""
    total = sum(map(len, hunks.values()))
    if not 2 <= total <= _MOST_HUNKS or any(text.count("\n") > _MOST_LINES for text in files.values()):
        return
    chance = random.Random(key)
    imports_last, shuffled = chance.random() < 0.5, chance.random() < 0.2
    order: list[tuple[str, tuple[int, int, str]]] = []
    paths = sorted(
        hunks, key=lambda path: (not path.endswith(_SUFFIXES[:4]), "test" in path, chance.random())
    )
    for path in paths:
        here, last = [], []
        for hunk in hunks[path]:
            new = hunk[2].split("\n")
            of_imports = any(map(is_import, new)) or any(
                map(is_import, split_lines(files[path])[hunk[0] : hunk[1]])
            )
            (last if imports_last and of_imports and hunk[0] < 80 else here).append(hunk)
        order += [(path, hunk) for hunk in here + last]
    if shuffled:
        chance.shuffle(order)
    steps: list[Step] = []
    shifts: dict[str, list[tuple[int, int]]] = {path: [] for path in hunks}
    for path, (start, end, new) in order:
        moved = start + sum(shift for at, shift in shifts[path] if at <= start)
        steps += [Step(path, (change,)) for change in _parts(Change(moved, moved + end - start, new), chance)]
        shifts[path].append((end if end > start else start + 1, new.count("\n") - (end - start)))
    yield Case(key, {path: text for path, text in files.items() if path in hunks}, tuple(steps))


def _parts(change: Change, chance: random.Random) -> list[Change]:
    """A hunk as it is typed: every second time in two or more parts, one below the other."""
    new = change.new.splitlines(True)
    if len(new) < 2 or chance.random() < 0.5:
        return [change]
    cut = chance.randint(1, min(len(new) - 1, 8))
    old = min(change.end - change.start, cut)
    first = Change(change.start, change.start + old, "".join(new[:cut]))
    rest = Change(change.start + cut, change.end + cut - old, "".join(new[cut:]))
    return [first, *_parts(rest, chance)]


def measure(name: str, cases: Sequence[Case], signals: bool = False) -> list[dict[str, Any]]:
    """A row of figures; with ``signals``, one more for each signal of the first place."""
    rows: list[dict[str, Any]] = []
    for asked in _all(cases):
        began = time.perf_counter()
        places = locate(asked.snapshot, asked.uri, asked.cursor, asked.elsewhere)
        seconds = time.perf_counter() - began
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
                "texts": len(texts),
                "right": sum(_is_right(asked, place) for place in places if place.edit),
                "reversals": sum(_is_reversal(edit, asked.done) for edit in texts),
            }
        )
    firsts = len({case.key for case in cases})
    found = [_row(name, rows, firsts)]
    found += [_row(f"{name}: {'other file' if crosses else 'same file'}",
                   [row for row in rows if row["crosses"] is crosses], 0) for crosses in (False, True)]  # fmt: skip
    if signals:
        for signal in sorted({row["signal"] for row in rows}):
            found.append(_row(f"{name}: {signal}", [row for row in rows if row["signal"] == signal], 0))
    return found


def _row(name: str, rows: Sequence[dict[str, Any]], firsts: int) -> dict[str, Any]:
    n = len(rows) or 1
    times = sorted(row["ms"] for row in rows) or [0.0]
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
    }


def _all(cases: Sequence[Case]) -> Iterator[Asked]:
    for case in cases:
        with tempfile.TemporaryDirectory(prefix="codeflow-next-") as root:
            yield from moments(case, Path(root).resolve())


def _is_below(asked: Asked) -> bool:
    """Whether the simplest guess is a hit: the line below the last edit."""
    return hits(asked.snapshot.documents[asked.uri].path, asked.cursor.line + 1, asked.truth)


def _is_right(asked: Asked, place: Any) -> bool:
    """Whether a text without a model is what was written there."""
    return place.path == asked.truth.path and any(
        change.start <= place.edit.line < change.end
        and place.edit.after[0].strip() in (line.strip() for line in change.new.splitlines())
        for change in asked.truth.changes
    )


def _is_reversal(edit: Any, done: Sequence[tuple[str, str]]) -> bool:
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
    parser.add_argument(
        "--git", type=Path, nargs="*", default=[], help="git directories to take commits from"
    )
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
