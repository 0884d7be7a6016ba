"""Changes that were made, as steps: what nextedit_pr_hunks holds, and commits taken apart.

nextedit_pr_hunks gives steps in an order that somebody thought of. A commit does not say in which order it
was made, so one is made up, always the same for the same commit: the files one after the other, code before
its tests and pages; in each the hunks from top to bottom, or walking away from one of them, or in no order
at all; those among the imports last or where they stand; a hunk at once or in parts, the removal before what
comes in its place or with it, rarely from below; now and then two at once. The shares below are guesses of
how people work, set once and not to please any result.
"""

from __future__ import annotations

import hashlib
import random
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from context.document import split_lines
from context.history.values import Commit, History
from context.next_edit.words import is_import
from tests.benchmarks.infilling import rows_of

IMPORTS_LAST, WALKED, SHUFFLED = 0.5, 0.2, 0.2  # shares of commits
SPLIT, REMOVED_FIRST, FROM_BELOW, JOINED = 0.67, 0.3, 0.2, 0.2  # shares of hunks
_MOST_PARTS = 3  # of a hunk, or one more
_HEAD = 80  # lines in which a file has its imports
SUFFIXES = (".py", ".ts", ".js", ".go", ".rst", ".md", ".txt", ".toml")
_CODE = SUFFIXES[:4]
_MOST_HUNKS, _MOST_LINES = 16, 4000  # of a commit, of a file: larger ones are no work of one sitting
_MOST_FILES = 8  # of a commit
_COMMITS_BEFORE, _TOGETHER = 300, 16  # that say what changes together; files taken from them for each file
_SECONDS_OF_GIT = 120

Hunk = tuple[int, int, str]  # first line and the one after the last of the old text, the new text


@dataclass(frozen=True, slots=True)
class Part:
    """Some of a hunk, by lines of the file as it was; ``number`` tells parts at one line apart."""

    path: str
    start: int
    end: int
    number: int
    new: str


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
    history: History | None = None


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
        check(case, {names[str(file["name"])]: file.get("final_sha256") for file in row["files"]})
        found.append(case)
    return found


def _path_of(name: str) -> str:
    """``a__b____init____py`` as a/b/__init__.py, as well as that can be told."""
    stem, _, suffix = name.rpartition("__")
    return stem.replace("____init__", "/\0").replace("__", "/").replace("\0", "__init__") + "." + suffix


def check(case: Case, digests: dict[str, Any]) -> None:
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
        found += apart(str(row["task_id"]), files, hunks)
    return found


def history(repository: Path, commits: int) -> Iterator[Case]:
    """The latest commits of a repository that change between 2 and 16 places of source files, each with the
    files that the commits before it changed together with its own."""
    listed = _git(
        repository, "log", "--no-merges", "--no-renames", "--name-only", "--format=%x01%H",
        f"-{commits * 4 + _COMMITS_BEFORE}",
    )  # fmt: skip
    known = [
        Commit(sha, "", "", 0, tuple(path for path in paths if path))
        for sha, *paths in (entry.split("\n") for entry in listed.split("\x01")[1:])
    ]
    made = 0
    for number, commit in enumerate(known[: commits * 4]):
        raw = _git(repository, "diff-tree", "-r", "--no-renames", "--no-commit-id", commit.sha).splitlines()
        changed = [
            line.partition("\t")[2]
            for line in raw
            if line.partition("\t")[0].endswith(" M") and line.endswith(SUFFIXES)
        ]
        if not 1 <= len(changed) <= _MOST_FILES:
            continue
        past = History(Path(), recent=tuple(known[number + 1 : number + 1 + _COMMITS_BEFORE]))
        near = [other for path in changed for other, _ in past.changed_with(path)[:_TOGETHER]]
        files = _texts(repository, f"{commit.sha}~1", list(dict.fromkeys([*changed, *near])))
        diff = _git(repository, "diff-tree", "-p", "-U0", "--no-renames", "--no-commit-id", commit.sha)
        for case in apart(commit.sha, files, _hunks(diff, {path: files[path] for path in changed})):
            made += 1
            yield replace(case, history=past)
        if made >= commits:
            return


def _texts(repository: Path, revision: str, paths: list[str]) -> dict[str, str]:
    """The files of one revision that are there and not too large, in the order of ``paths``."""
    asked = "".join(f"{revision}:{path}\n" for path in paths).encode()
    command = ["git", "--git-dir", str(repository), "cat-file", "--batch"]
    answer = subprocess.run(
        command, input=asked, check=True, capture_output=True, timeout=_SECONDS_OF_GIT
    ).stdout
    found, at = {}, 0
    for path in paths:
        end = answer.index(b"\n", at)
        head, at = answer[at:end].split(), end + 1
        if head[-1] != b"missing":
            size = int(head[-1])
            found[path] = answer[at : at + size].decode("utf-8", "replace")
            at += size + 1
    return found


def _git(repository: Path, *arguments: str) -> str:
    command = ["git", "--git-dir", str(repository), "-c", "core.quotepath=off", *arguments]
    done = subprocess.run(command, check=True, capture_output=True, timeout=_SECONDS_OF_GIT)
    return done.stdout.decode("utf-8", "replace")


def _hunks(diff: str, files: dict[str, str]) -> dict[str, list[Hunk]]:
    """The hunks of a diff without context, by path."""
    found: dict[str, list[Hunk]] = {}
    path, inside = "", False
    for line in diff.split("\n"):
        if line.startswith("diff --git "):
            path, inside = "", False
        elif line.startswith("+++ b/") and not inside:
            path = line[6:].rstrip("\t")
        elif line.startswith("@@ ") and path in files:
            old = line.split()[1][1:].split(",")
            count = int(old[1]) if len(old) > 1 else 1
            start = int(old[0]) - (count > 0)
            inside = True
            found.setdefault(path, []).append((start, start + count, ""))
        elif line.startswith("+") and inside:
            start, end, new = found[path][-1]
            found[path][-1] = (start, end, new + line[1:] + "\n")
    return found


def apart(key: str, files: dict[str, str], hunks: dict[str, list[Hunk]]) -> Iterator[Case]:
    """The change as a case, in an order as described above; none where it is too small or too large."""
    total = sum(map(len, hunks.values()))
    if not 2 <= total <= _MOST_HUNKS or any(files[path].count("\n") > _MOST_LINES for path in hunks):
        return
    chance = random.Random(key)
    imports_last, way = chance.random() < IMPORTS_LAST, chance.random()
    paths = sorted(hunks, key=lambda path: (not path.endswith(_CODE), "test" in path, chance.random()))
    groups: list[list[Part]] = []  # of one hunk each, in order
    for path in paths:
        lines, here, last = split_lines(files[path]), list[list[Part]](), list[list[Part]]()
        for start, end, new in hunks[path]:
            of_imports = start < _HEAD and any(map(is_import, (*new.split("\n"), *lines[start:end])))
            parts = _parts(path, start, end, new, chance)
            (last if imports_last and of_imports else here).append(parts)
        if way < WALKED and here:
            begin = chance.choice(here)[0].start
            here = sorted(here, key=lambda parts: abs(parts[0].start - begin))
        groups += here + last
    if way > 1 - SHUFFLED:
        chance.shuffle(groups)
    steps: list[list[Part]] = []
    for parts in groups:
        for part in parts:
            joins = steps and steps[-1][-1].path == part.path and chance.random() < JOINED
            if joins and len(steps[-1]) < 3:
                steps[-1].append(part)
            else:
                steps.append([part])
    yield Case(key, files, tuple(_placed(steps)))


def _parts(path: str, start: int, end: int, new: str, chance: random.Random) -> list[Part]:
    """A hunk as it is made: at once or in parts, from above or not."""
    lines, old = new.splitlines(True), end - start
    if len(lines) + old < 2 or chance.random() > SPLIT:
        return [Part(path, start, end, 0, new)]
    parts: list[Part] = []
    at = start
    if old and lines and chance.random() < REMOVED_FIRST:
        parts.append(Part(path, start, end, 0, ""))
        at = end
    most = -(-max(len(lines), old) // _MOST_PARTS)
    while lines or at < end:
        size = chance.randint(1, most) if len(parts) < _MOST_PARTS else len(lines)
        taken, lines = lines[:size], lines[size:]
        until = min(end, at + size) if lines else end
        parts.append(Part(path, at, until, len(parts), "".join(taken)))
        at = until
    if chance.random() < FROM_BELOW:
        parts.reverse()
    return parts


def _placed(steps: list[list[Part]]) -> Iterator[Step]:
    """Parts, whose lines are those of the file as it was, as steps, whose lines are those at the time."""
    made: list[Part] = []
    for parts in steps:
        parts = sorted(parts, key=lambda part: (part.start, part.number))
        changes = []
        for part in parts:
            shift = sum(
                other.new.count("\n") - (other.end - other.start)
                for other in made
                if other.path == part.path and (other.start, other.number) < (part.start, part.number)
            )
            changes.append(Change(part.start + shift, part.end + shift, part.new))
        made += parts
        yield Step(parts[0].path, tuple(changes))
