"""A repository's changes as lines of JSON, for training. The format is described in docs/flow-export.md.

One header line, then one commit a line, oldest first, each with its files before and after and their edits.
By default the commits that came to the main line between 40% and 80% of its life: before, a project is chaos;
after, changes are ever smaller repairs (the IQuest-Coder report's "project maturity"). Memory does not grow
with the length of the history but for the commits' ids; every text was redacted.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from context.codeflow.change import Change, FlowEdit
from context.codeflow.commits import RawCommit, commits_named
from context.codeflow.fate import GREP, Judged, NamedFates, Window
from context.codeflow.licence import licence_of
from context.codeflow.read import Limits, changes, telling
from context.codeflow.sides import FilePair
from context.language import language_of_path

if TYPE_CHECKING:
    from context.history.git import Git

FORMAT = "codeflow/1"
FROM, TO = 0.4, 0.8  # of the project's life; see above
BATCH = 32  # commits asked for together
ID_BYTES = 256 << 20  # six million commit ids; the largest public repositories have two
ID_SECONDS = 120.0  # to walk that many
EXPORT_LIMITS = Limits(
    files=50, bytes=1 << 40, seconds=float("inf"), batch=BATCH
)  # a stream has no end of its own


class ExportError(Exception):
    """Nothing can be exported; the message is a sentence for the user."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which commits: those that came to the main line between two shares of its life; at most ``limit``."""

    start: float = FROM
    end: float = TO
    limit: int = 0  # 0: all of them


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the export, and how far it is along: ``done`` of ``total`` commits looked at."""

    text: str
    done: int
    total: int


def export(root: Path, selection: Selection = Selection()) -> Iterator[Line]:
    """The lines of the export, the header first. Raises ExportError with a sentence."""
    from context.history.git import Git, GitError

    if not 0 <= selection.start < selection.end <= 1:
        raise ExportError("The share of the project's life has to begin before it ends, between 0 and 1.")
    if not root.is_dir():
        raise ExportError(f"There is no folder {root}.")
    try:
        with Git(root) as git:
            if not git.head.commit:
                raise ExportError(f"{root} has no commit yet, so there is nothing to export.")
            yield from _lines(git, root, selection)
    except GitError as error:
        raise ExportError(str(error) + ("" if str(error).endswith(".") else ".")) from error


def _lines(git: Git, root: Path, selection: Selection) -> Iterator[Line]:
    shas = selected_commits(git, selection)
    total = len(shas)
    name = (git.place.top or root).resolve().name
    licence = licence_of(git, git.head.commit)
    yield Line(
        _json(
            {
                "format": FORMAT,
                "repo": name,
                "head": git.head.commit,
                "from": selection.start,
                "to": selection.end,
                "commits": total,
                "licence": {"file": licence.file, "spdx": licence.spdx},
            }
        ),
        0,
        total,
    )
    window = Window(NamedFates(_telling_messages(git)))
    written = done = 0
    for start in range(0, total, BATCH):
        batch = commits_named(git, shas[start : start + BATCH])
        for commit, change in changes(git, root, batch, EXPORT_LIMITS):
            done = start
            record = _record(name, commit, change)
            added, removed = telling([edit for pair in change.pairs for edit in change.edits(pair)])
            for settled in window.add(commit, added, removed, record):
                yield Line(_settled(settled), done, total)
                written += 1
                if selection.limit and written >= selection.limit:
                    return
    for settled in window.rest():
        if not selection.limit or written < selection.limit:
            yield Line(_settled(settled), total, total)
            written += 1


def selected_commits(git: Git, selection: Selection) -> Sequence[str]:
    """Commit ids, oldest first, without merges: what came between two commits of the first-parent line.

    A branch counts at the place of the merge that brought it in, for only then is it part of the project's
    life.
    """
    head = git.head.commit
    length = int(git.run("rev-list", "--first-parent", "--count", head, timeout_s=ID_SECONDS))
    first, last = round(length * selection.start), round(length * selection.end)
    if last <= first:
        return ()
    line = ("rev-list", "--first-parent", "--max-count=1")
    newest = git.run(*line, f"--skip={length - last}", head, timeout_s=ID_SECONDS).decode().strip()
    arguments = ["rev-list", "--topo-order", "--reverse", "--no-merges", newest]
    if first > 0:
        before = git.run(*line, f"--skip={length - first}", head, timeout_s=ID_SECONDS).decode().strip()
        arguments.append(f"^{before}")
    if git.place.prefix:
        arguments += ["--", git.place.prefix]
    found = git.run(*arguments, timeout_s=ID_SECONDS, most_bytes=ID_BYTES)
    return found.decode("ascii").split()


def _telling_messages(git: Git) -> Iterator[tuple[str, str]]:
    """(sha, message) of the commits, newest first, whose messages may name another commit."""
    found = git.run(
        "log", "-z", "--extended-regexp", "--regexp-ignore-case", f"--grep={GREP}", "--format=%H%x00%B",
        git.head.commit, timeout_s=ID_SECONDS, most_bytes=ID_BYTES, cut=True,
    )  # fmt: skip
    fields = found.decode("utf-8", "replace").split("\0")
    yield from zip(fields[::2], fields[1::2], strict=False)


def _record(name: str, commit: RawCommit, change: Change) -> dict[str, Any]:
    return {
        "repo": name,
        "sha": commit.sha,
        "parent": commit.parents[0],
        "date": commit.date,
        "message": commit.message,
        "subject": commit.message.partition("\n")[0],
        "fate": "",
        "labels": list(change.labels),
        "files": [_file(change, pair) for pair in change.pairs],
    }


def _file(change: Change, pair: FilePair) -> dict[str, Any]:
    return {
        "path": pair.path,
        "old_path": pair.before.path if pair.change.before is not None else None,
        "language": language_of_path(pair.path).name,
        "before": pair.change.before,
        "after": pair.change.after,
        "labels": list(change.labels_of(pair)),
        "edits": [_edit(edit) for edit in change.edits(pair)],
    }


def _edit(edit: FlowEdit) -> dict[str, Any]:
    return {
        "symbol": edit.symbol,
        "a0": edit.a0,
        "a1": edit.a1,
        "b0": edit.b0,
        "b1": edit.b1,
        "before": edit.before,
        "after": edit.after,
        "labels": list(edit.labels),
    }


def _settled(judged: Judged) -> str:
    record = judged.payload
    assert isinstance(record, dict)  # noqa: S101 - put in above
    return _json({**record, "fate": judged.fate.value})


def _json(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
