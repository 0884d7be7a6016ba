"""Commits as git's log has them: who changed which file from which blob to which. One process for many
commits.

Knows git's raw format and no syntax. Messages and paths come from a stranger: the records are told apart by
NUL, which neither can hold, and by their place, never by what they say.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from context.history.git import Git

FORMAT = "--format=%H%x00%P%x00%at%x00%B"
LOG_BYTES = 32 << 20  # raw entries take some 150 bytes a file: 200,000 changed files
LOG_SECONDS = 20.0  # on a cold disk; a warm one lists 300 commits in a tenth of a second
_RAW = re.compile(r":(\d{6}) (\d{6}) ([0-9a-f]{40,64}) ([0-9a-f]{40,64}) ([A-Z])\d*")
_REGULAR = frozenset({"100644", "100755"})  # neither links nor submodules
_NOTHING = "000000"


@dataclass(frozen=True, slots=True)
class RawFile:
    """One changed file: paths, and blob ids, "" on the side where it does not exist."""

    path: str
    old_path: str
    old_blob: str
    new_blob: str


@dataclass(frozen=True, slots=True)
class RawCommit:
    """One commit with its changed regular files; paths relative to the folder asked for."""

    sha: str
    parents: tuple[str, ...]
    date: int  # author's, epoch seconds
    message: str
    files: tuple[RawFile, ...]


def newest_commits(git: Git, most: int) -> list[RawCommit]:
    """The newest commits from HEAD, newest first, without merges and first commits. Raises GitError.

    Of a repository that is too slow or too large they are as many as came in time.
    """
    from context.history.git import GitLimit

    if not git.head.commit:
        return []
    arguments = [f"--max-count={most}", git.head.commit]
    if git.place.prefix:
        arguments += ["--", git.place.prefix]
    try:
        found = list(_log(git, arguments))
    except GitLimit:
        found = list(_log(git, arguments, cut=True))[:-1]  # the last may lack some of its files
    return [commit for commit in found if len(commit.parents) == 1]


def commits_named(git: Git, shas: Sequence[str]) -> list[RawCommit]:
    """These commits in this order, without merges and first commits. Raises GitError."""
    asked = "".join(f"{sha}\n" for sha in shas).encode("ascii")
    found = _log(git, ["--no-walk=unsorted", "--stdin"], stdin=asked)
    return [commit for commit in found if len(commit.parents) == 1]


def _log(git: Git, arguments: Sequence[str], *, stdin: bytes = b"", cut: bool = False) -> Iterator[RawCommit]:
    from context.history.git import GitError, GitLimit

    fixed = ("log", "--raw", "-z", "--no-abbrev", "--no-merges", "--no-show-signature", FORMAT)
    bounds = {"timeout_s": LOG_SECONDS, "most_bytes": LOG_BYTES}
    try:
        answer = git.run(*fixed, "--find-renames", *arguments, stdin=stdin, cut=cut, **bounds)
    except GitLimit:
        raise
    except GitError:  # finding renames reads contents, which a partial clone does not have
        answer = git.run(*fixed, "--no-renames", *arguments, stdin=stdin, cut=cut, **bounds)
    return _parsed(answer, git.place.prefix)


def _parsed(answer: bytes, prefix: str) -> Iterator[RawCommit]:
    fields = answer.decode("utf-8", "replace").split("\0")
    at = 0
    while at + 3 < len(fields):
        sha, parents, date, message = fields[at : at + 4]
        sha = sha.lstrip("\n")
        if not re.fullmatch(r"[0-9a-f]{40,64}", sha):
            return  # not what was asked for: better nothing than a wrong reading
        at += 4
        files: list[RawFile] = []
        while at < len(fields):
            entry = _RAW.fullmatch(fields[at].lstrip("\n"))
            if entry is None:
                break
            paths = 2 if entry[5] in "RC" else 1
            named = fields[at + 1 : at + 1 + paths]
            at += 1 + paths
            if len(named) == paths:
                files += _file(entry, named, prefix)
        if at < len(fields) and not fields[at].strip("\n"):
            at += 1
        yield RawCommit(sha, tuple(parents.split()), int(date or 0), message.rstrip("\n"), tuple(files))


def _file(entry: re.Match[str], named: Sequence[str], prefix: str) -> Iterator[RawFile]:
    old_mode, new_mode, old_blob, new_blob, kind = entry.groups()
    old_path, path = named[0], named[-1]
    if not path.startswith(prefix) or "\ufffd" in path:  # a name that is no UTF-8 has no text form
        return
    if not {old_mode, new_mode} <= _REGULAR | {_NOTHING}:
        return
    inside = old_path.startswith(prefix)
    old = old_blob if old_mode != _NOTHING and inside and kind != "C" else ""
    new = new_blob if new_mode != _NOTHING else ""
    if old == new:
        return  # a mode, or nothing
    yield RawFile(path[len(prefix) :], old_path[len(prefix) :] if old else path[len(prefix) :], old, new)
