"""The lines of `codeflow-lsp flow export` as values: a repository's commits, oldest first.

Reads the format `codeflow/1` (docs/flow-export.md); secrets were replaced by stars there, so commits whose
texts hold such stars are passed over. Runs no git, and knows nothing of what becomes of a commit.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FORMAT = "codeflow/1"
_STARS = re.compile(
    r"(?<!\*)\*{12,}(?!\*|/)"
)  # a redacted secret; shorter runs are powers and comments' frames


class FlowsError(Exception):
    """A file that holds no export; the message is a sentence for the user."""


@dataclass(frozen=True, slots=True)
class Edit:
    """Lines ``a0`` to ``a1`` of the file before became ``b0`` to ``b1`` of the file after."""

    a0: int
    a1: int
    b0: int
    b1: int
    before: str
    after: str
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ChangedFile:
    """A file that is there before and after the commit."""

    path: str
    language: str
    before: str
    after: str
    edits: tuple[Edit, ...]


@dataclass(frozen=True, slots=True)
class Commit:
    """``date``: seconds since 1970; ``fate``: "kept", "reverted" or "fixed"."""

    sha: str
    date: int
    subject: str
    fate: str
    files: tuple[ChangedFile, ...]


@dataclass(frozen=True, slots=True)
class Export:
    """One exported repository. ``placed_commits`` reads the file anew at every call."""

    file: Path
    repository: str
    licence: str
    count: int

    def placed_commits(self) -> Iterator[tuple[int, Commit]]:
        """The commits with a file on both sides, oldest first, each with the place of its line in bytes.

        Raises FlowsError.
        """
        at = 0
        for number, line in enumerate(_lines(self.file)):
            if number and (commit := commit_of(json.loads(line))) is not None:
                yield at, commit
            at += len(line)


def read_export(file: Path) -> Export:
    """An export by its header. Raises FlowsError."""
    header = json.loads(next(_lines(file), b"{}"))
    if header.get("format") != FORMAT:
        raise FlowsError(f"{file} is no export of `codeflow-lsp flow export` ({FORMAT}).")
    return Export(file, header["repo"], header["licence"]["spdx"], int(header["commits"]))


def commit_of(value: dict[str, Any]) -> Commit | None:
    """A commit from its line's JSON; None where no file is left to learn from."""
    files = [
        ChangedFile(
            one["path"], one["language"], one["before"], one["after"],
            tuple(
                Edit(e["a0"], e["a1"], e["b0"], e["b1"], e["before"], e["after"], tuple(e["labels"]))
                for e in one["edits"]
            ),
        )
        for one in value["files"]
        if one["before"] is not None and one["after"] is not None and one["edits"]
    ]  # fmt: skip
    kept = tuple(one for one in files if not (_STARS.search(one.before) or _STARS.search(one.after)))
    return (
        Commit(value["sha"], value["date"], value["subject"].strip(), value["fate"], kept) if kept else None
    )


def _lines(file: Path) -> Iterator[bytes]:
    try:
        with file.open("rb") as lines:
            yield from lines
    except OSError as error:
        raise FlowsError(f"{file} cannot be read: {error}.") from error
