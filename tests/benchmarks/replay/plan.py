"""Which commits and hunks are typed: chosen by hash, the same for every system, as data.

The commits of each project come in an order that a hash of seed and task id gives. Of a commit some hunks
are typed, also chosen by hash; the others that stand before the last of them are put in at once, so that
each hunk is typed into the file as its author had it.
"""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.benchmarks.replayed import Trace, traces

WORTH_TYPING = 20  # keys of a hunk
_TELLING = 40  # characters of a hunk from which on a repetition is no accident
_KEY = re.compile(r"\n[ \t]*|.", re.DOTALL)  # a line break brings the next line's indentation along


@dataclass(frozen=True, slots=True)
class Hunk:
    """Where ``line`` begins ``gone`` lines go and ``new`` comes; ``asked`` if key by key."""

    line: int
    gone: int
    new: str
    asked: bool

    @property
    def indentation(self) -> str:
        """The blanks before its first line, which opening that line brings along."""
        body = self.new.partition("\n")[0]
        return body[: len(body) - len(body.lstrip(" \t"))]

    @property
    def keys(self) -> str:
        """What is to be typed on the opened line."""
        return self.new.removesuffix("\n")[len(self.indentation) :]


@dataclass(frozen=True, slots=True)
class File:
    """One file of a commit: its text before, and its hunks from top to bottom."""

    path: str
    before: str
    hunks: tuple[Hunk, ...]


@dataclass(frozen=True, slots=True)
class Commit:
    """One commit, with the project's commits from which its repository is made."""

    task_id: str
    repo: str
    rows: list[Trace]
    files: tuple[File, ...]

    def asked(self) -> Iterator[tuple[int, int]]:
        """The numbers of file and hunk that are typed key by key."""
        for number, file in enumerate(self.files):
            yield from ((number, h) for h, hunk in enumerate(file.hunks) if hunk.asked)


def keys_of(text: str) -> Iterator[str]:
    """A text as what single keys bring."""
    return (found.group() for found in _KEY.finditer(text))


def cost(text: str) -> int:
    """How many keys a text takes."""
    return sum(1 for _ in keys_of(text))


def first_keys(text: str, most: int) -> str:
    """The beginning of a text that ``most`` keys bring."""
    return "".join(itertools.islice(keys_of(text), most))


def rounds(seed: str, hunks: int) -> Iterator[list[Commit]]:
    """Commits, one of each project a round, until a project has no more."""
    return map(list, zip(*(_commits(rows, seed, hunks) for rows in traces().values()), strict=False))


def originals(rows: list[Trace]) -> list[Trace]:
    """The commits that repeat no earlier one: of a backport, history would tell the answer."""
    found, subjects, seen = [], set[str](), set[str]()
    for row in rows:
        news = {str(hunk["new"]).strip() for edit in row["edits"] for hunk in edit["hunks"]}
        telling = {new for new in news if len(new) >= _TELLING}
        if row["subject"] not in subjects and not telling & seen:
            found.append(row)
        subjects.add(str(row["subject"]))
        seen |= telling
    return found


def _commits(rows: list[Trace], seed: str, hunks: int) -> Iterator[Commit]:
    for row in sorted(originals(rows), key=lambda row: _drawn(seed, row["task_id"])):
        places = [
            (e, h)
            for e, edit in enumerate(row["edits"])
            for h, hunk in enumerate(edit["hunks"])
            if cost(_hunk(hunk, asked=True).keys.strip()) >= WORTH_TYPING
        ]
        chosen = set(sorted(places, key=lambda place: _drawn(seed, row["task_id"], *place))[:hunks])
        if chosen:
            files = tuple(
                _file(edit, {h for e, h in chosen if e == n}) for n, edit in enumerate(row["edits"])
            )
            yield Commit(str(row["task_id"]), str(row["repo"]), rows, files)


def _file(edit: dict[str, Any], asked: set[int]) -> File:
    hunks = tuple(_hunk(hunk, asked=number in asked) for number, hunk in enumerate(edit["hunks"]))
    return File(str(edit["path"]), str(edit["before"]), hunks)


def _hunk(hunk: dict[str, Any], *, asked: bool) -> Hunk:
    return Hunk(int(hunk["b0"]), int(hunk["a1"]) - int(hunk["a0"]), str(hunk["new"]), asked)


def _drawn(*what: object) -> bytes:
    return hashlib.sha256(" ".join(map(str, what)).encode()).digest()
