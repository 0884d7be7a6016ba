"""A repository's past as hunks: what somebody wrote, in which file, at whose side it stood.

Reads `context.codeflow.export`, so that what is ignored, secret, generated or reverted is left out there or
here. Whole lines only. Knows no model.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from context.codeflow.change import Fate
from context.codeflow.export import Selection, export

_TELLING = 40  # letters of a hunk from which on a repetition is no accident


@dataclass(frozen=True, slots=True)
class PastHunk:
    """Lines ``a0`` to ``a1`` (exclusive) of ``before`` became ``b0`` to ``b1`` of ``after``, in ``path``.

    Both are whole files, before and after the commit ``sha``, whose message begins with ``subject``.
    """

    path: str
    language: str
    sha: str
    subject: str
    before: str
    after: str
    a0: int
    a1: int
    b0: int
    b1: int

    @property
    def old(self) -> list[str]:
        """The lines that went."""
        return self.before.split("\n")[self.a0 : self.a1]

    @property
    def new(self) -> list[str]:
        """The lines that came."""
        return self.after.split("\n")[self.b0 : self.b1]


def read_hunks(
    root: Path, most_commits: int, on_progress: Callable[[int, int], None] | None = None
) -> list[PastHunk]:
    """The hunks of the newest commits, oldest first, without those that were reverted.

    ``on_progress`` is told how many of how many commits are read. Raises ExportError with a sentence.
    """
    header = json.loads(next(export(root, Selection(0.0, 1.0))).text)
    start = max(0.0, 1 - most_commits / max(1, header["commits"]))
    found: list[PastHunk] = []
    for line in export(root, Selection(start, 1.0)):
        record = json.loads(line.text)
        if "files" in record and record["fate"] != Fate.REVERTED:
            found += hunks_of(record)
        if on_progress is not None:
            on_progress(line.done, line.total)
    return found


def hunks_of(record: dict[str, Any]) -> Iterator[PastHunk]:
    """The hunks of one line of an export, without the unchanged lines around them."""
    for file in record["files"]:
        if file["before"] is None or file["after"] is None:
            continue
        for edit in file["edits"]:
            hunk = PastHunk(
                file["path"], file["language"], record["sha"], record["subject"], file["before"],
                file["after"], edit["a0"], edit["a1"], edit["b0"], edit["b1"],
            )  # fmt: skip
            yield _bare(hunk)


def without_repeated(hunks: Sequence[PastHunk], learned: Sequence[PastHunk]) -> list[PastHunk]:
    """Those whose new lines do not stand in what ``learned`` brought: a backport carries answers."""
    known = "\n\n".join("\n".join(hunk.new) for hunk in learned)
    texts = ("\n".join(hunk.new).strip() for hunk in hunks)
    return [
        hunk for hunk, text in zip(hunks, texts, strict=True) if len(text) < _TELLING or text not in known
    ]


def _bare(hunk: PastHunk) -> PastHunk:
    old, new = hunk.old, hunk.new
    above = 0
    while above < min(len(old), len(new)) and old[above] == new[above]:
        above += 1
    below = 0
    while below < min(len(old), len(new)) - above and old[-1 - below] == new[-1 - below]:
        below += 1
    return PastHunk(
        hunk.path, hunk.language, hunk.sha, hunk.subject, hunk.before, hunk.after,
        hunk.a0 + above, hunk.a1 - below, hunk.b0 + above, hunk.b1 - below,
    )  # fmt: skip
