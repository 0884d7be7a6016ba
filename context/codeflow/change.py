"""A commit as (before, edits, after): what was there, what was edited, what became of it, with its message.

**Edits.** Every changed region of a file is one `FlowEdit` (see `regions`): the lines before and after with
two lines of context, the function or class around it, and the labels whose place it touches (see
`granularity`).

**Fate.** What later commits say of one, by these rules, the first that holds:

- *reverted*: a later commit says "This reverts commit SHA" (and is not itself reverted), or within the next
  `fate.WINDOW` commits one gives every file of this one back the contents it had before.
- *fixed*: a later commit has a trailer "Fixes: SHA", or names the sha and speaks of a fix, or is its
  "fixup!"; or within the next `fate.WINDOW` commits one takes away at least half of the telling lines that
  this one added to existing files and writes others in their place (lines that only move do not count).
- *kept*: none of these.

Merge commits are skipped: their parts are commits of their own. So are first commits, which have no before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from context.codeflow.granularity import FileChange, Finding, findings_of_pairs
from context.codeflow.regions import Region, regions, touches
from context.codeflow.sides import FilePair, pairs_of


class Fate(StrEnum):
    """What became of a commit."""

    KEPT = "kept"
    REVERTED = "reverted"
    FIXED = "fixed"


@dataclass(frozen=True, slots=True)
class FlowEdit:
    """One changed region: replacing lines [a0, a1) of the old file, `before`, by `after` makes the change."""

    path: str
    old_path: str  # the same as path, but for a renamed file
    symbol: str  # qualified name of the function or class around it; "" at the top of the file
    before: str
    after: str
    labels: tuple[str, ...]
    a0: int
    a1: int
    b0: int
    b1: int


@dataclass(frozen=True, slots=True)
class Flow:
    """A commit: its message, author's date (epoch seconds), what became of it, which files, which edits."""

    sha: str
    parent: str
    message: str
    date: int
    fate: Fate
    files: tuple[str, ...]
    labels: tuple[str, ...]
    edits: tuple[FlowEdit, ...]

    @property
    def subject(self) -> str:
        """The first line of the message."""
        return self.message.partition("\n")[0]


class Change:
    """The files of one commit on both sides, with everything the trees say of them."""

    def __init__(self, files: Sequence[FileChange]) -> None:
        self.pairs: list[FilePair] = pairs_of(files)
        self.findings: tuple[Finding, ...] = findings_of_pairs(self.pairs)

    @property
    def labels(self) -> tuple[str, ...]:
        """All labels of the commit, sorted."""
        return tuple(sorted({finding.label.value for finding in self.findings}))

    def labels_of(self, pair: FilePair) -> tuple[str, ...]:
        """All labels of one file, sorted."""
        return tuple(sorted({f.label.value for f in self.findings if f.path == pair.path}))

    def edits(self, pair: FilePair) -> tuple[FlowEdit, ...]:
        """The changed regions of a file that is there on both sides."""
        if pair.change.before is None or pair.change.after is None:
            return ()
        about = [finding for finding in self.findings if finding.path == pair.path]
        found = regions(pair.hunks, pair.symbol_of, len(pair.before.lines), len(pair.after.lines))
        return tuple(_edit(pair, region, about) for region in found)


def _edit(pair: FilePair, region: Region, about: Sequence[Finding]) -> FlowEdit:
    labels = {
        finding.label.value
        for finding in about
        for hunk in region.hunks
        if (hunk.a1 > hunk.a0 and touches(finding.old, hunk.a0, hunk.a1))
        or (hunk.b1 > hunk.b0 and touches(finding.new, hunk.b0, hunk.b1))
    }
    return FlowEdit(
        pair.path,
        pair.before.path,
        region.symbol,
        _joined(pair.before.lines, region.a0, region.a1),
        _joined(pair.after.lines, region.b0, region.b1),
        tuple(sorted(labels)),
        region.a0,
        region.a1,
        region.b0,
        region.b1,
    )


def _joined(lines: Sequence[str], start: int, end: int) -> str:
    """Lines as text with their ends; the last line of a file has none."""
    text = "\n".join(lines[start:end])
    return text + "\n" if end < len(lines) and end > start else text


def flow_to_json(flow: Flow) -> dict[str, Any]:
    """A flow as plain values, for the cache."""
    return {
        "sha": flow.sha,
        "parent": flow.parent,
        "message": flow.message,
        "date": flow.date,
        "fate": flow.fate.value,
        "files": list(flow.files),
        "labels": list(flow.labels),
        "edits": [
            [e.path, e.old_path, e.symbol, e.before, e.after, list(e.labels), e.a0, e.a1, e.b0, e.b1]
            for e in flow.edits
        ],
    }


def flow_from_json(value: dict[str, Any]) -> Flow:
    """The flow that `flow_to_json` wrote. Raises KeyError, TypeError or ValueError on anything else."""
    edits = []
    for path, old_path, symbol, before, after, labels, *numbers in value["edits"]:
        a0, a1, b0, b1 = (int(number) for number in numbers)
        texts = (str(path), str(old_path), str(symbol), str(before), str(after))
        edits.append(FlowEdit(*texts, tuple(str(label) for label in labels), a0, a1, b0, b1))
    return Flow(
        str(value["sha"]),
        str(value["parent"]),
        str(value["message"]),
        int(value["date"]),
        Fate(value["fate"]),
        tuple(str(path) for path in value["files"]),
        tuple(str(label) for label in value["labels"]),
        tuple(edits),
    )
