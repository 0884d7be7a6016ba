"""Typing traces as git repositories: earlier commits replayed by date, so that history is real history.

A trace carries the files of one commit. For each project its commits are replayed in the order of their
dates; a file whose text had moved on meanwhile is first brought there by a commit of its own (``Update
PATH``), and a file that was never seen is added then, so that no repository holds text from its future.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from tests.benchmarks.infilling import rows_of

Trace = dict[str, Any]  # one commit: task_id, repo, date, subject, edits (path, before, hunks, after_sha256)


def traces() -> dict[str, list[Trace]]:
    """The commits of each project, oldest first."""
    found: dict[str, list[Trace]] = {}
    for row in rows_of("typing_traces"):
        found.setdefault(str(row["repo"]), []).append(row)
    return {repo: sorted(rows, key=lambda row: str(row["date"])) for repo, rows in found.items()}


def after(edit: dict[str, Any]) -> str:
    """A file's text after the commit. Raises ValueError where it is not what the trace says."""
    lines = lines_of(str(edit["before"]))
    for hunk in sorted(edit["hunks"], key=lambda hunk: -int(hunk["a0"])):
        lines[hunk["a0"] : hunk["a1"]] = [hunk["new"]] if hunk["new"] else []
    text = "".join(lines)
    if hashlib.sha256(text.encode()).hexdigest() != edit["after_sha256"]:
        raise ValueError(f"{edit['path']} does not come out as the trace says")
    return text


def lines_of(text: str) -> list[str]:
    """Lines with their ends, as git and the traces count them: only a line feed ends one."""
    *whole, last = text.split("\n")
    return [line + "\n" for line in whole] + ([last] if last else [])


def replay(rows: list[Trace], wanted: Collection[str], into: Path) -> Iterator[tuple[Trace, Path]]:
    """Replay one project's commits; before each wanted one (by task_id) a copy of the repository, on a
    branch of its own, where the commit's files are as they were before it."""
    name = str(rows[0]["repo"]).rpartition("/")[2]
    work = into / "replay" / name
    work.mkdir(parents=True)
    git(work, "init", "--quiet", "--initial-branch=main")
    for number, row in enumerate(rows):
        date = f"{row['date']}T{number // 60 % 24:02}:{number % 60:02}:00+00:00"
        for edit in row["edits"]:
            path = work / edit["path"]
            there = path.read_bytes().decode() if path.is_file() else ""
            if there != edit["before"]:
                _write(path, edit["before"])
                _commit(work, f"{'Update' if there else 'Add'} {edit['path']}", date)
        if row["task_id"] in wanted:
            copy = into / "cases" / str(row["task_id"]).rpartition("@")[2] / name
            shutil.copytree(work, copy)
            git(copy, "checkout", "--quiet", "-b", "work")
            yield row, copy
        for edit in row["edits"]:
            _write(work / edit["path"], after(edit))
        _commit(work, str(row["subject"]), date)


def git(root: Path, *arguments: str, date: str = "2026-01-01T00:00:00+00:00") -> str:
    """Run git without anybody's configuration; its output. Raises CalledProcessError."""
    environment = {
        **os.environ,
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        **{f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER") for what, value in _WHO.items()},
        "GIT_AUTHOR_DATE": date,
        "GIT_COMMITTER_DATE": date,
    }
    command = ["git", "-c", "core.autocrlf=false", "-c", "gc.auto=0", *arguments]
    done = subprocess.run(command, cwd=root, env=environment, check=True, capture_output=True)
    return done.stdout.decode("utf-8", "replace")


_WHO = {"NAME": "A. Developer", "EMAIL": "developer@example.org"}


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode())


def _commit(root: Path, subject: str, date: str) -> None:
    git(root, "add", "--all", date=date)
    git(root, "commit", "--quiet", "--allow-empty", "--no-verify", "-m", subject, date=date)
