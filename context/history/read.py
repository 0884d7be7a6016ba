"""A folder to its `History`: one walk through git's answers, bounded by what is left of the time.

Always returns. What could not be had (no git, no repository, a shallow clone, too many changed files)
stands in the notes. Blocking: it belongs on a background thread; git's processes do most of the work,
outside Python.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from context.history import branches, changes, place
from context.history.changes import Change
from context.history.compare import differences
from context.history.git import Git, GitError
from context.history.log import commits
from context.history.values import Commit, FileDiff, History, Limits

PathTest = Callable[[str], bool]
T = TypeVar("T")


def read_history(
    root: Path,
    limits: Limits | None = None,
    *,
    ignored: PathTest | None = None,
    paths_may_be_told: PathTest | None = None,
) -> History:
    """What git knows of the folder, within the limits.

    `ignored` and `paths_may_be_told` (by default `context.privacy.may_be_prompted`) decide by a file's
    path, relative to the folder, whether it appears at all. Contents are not redacted here.
    """
    if paths_may_be_told is None:
        from context.privacy import may_be_prompted

        paths_may_be_told = may_be_prompted
    may_be_told = paths_may_be_told

    def is_told(path: str) -> bool:
        return may_be_told(path) and not (ignored is not None and ignored(path))

    try:
        git = Git(root)
    except (GitError, OSError) as error:
        return History(root, notes=(str(error),))
    with git:
        return _Reading(git, limits or Limits(), is_told).history()


class _Reading:
    """One reading: the repository, what is left of the time, and the notes so far."""

    def __init__(self, git: Git, limits: Limits, is_told: PathTest):
        self.git = git
        self.limits = limits
        self.is_told = is_told
        self.deadline = time.monotonic() + limits.seconds
        self.notes: list[str] = []

    def history(self) -> History:
        """All parts, what is most useful for its time first."""
        git = self.git
        head = git.head.commit
        found = History(git.root, head=head, branch=git.head.branch)
        self.note_what_is_missing()
        if head:
            found = replace(found, recent=self.part("recent commits", self.recent, ()))
        if git.place.top is not None:
            found = replace(found, uncommitted=self.part("uncommitted changes", self.uncommitted, ()))
        main = branches.main_line(git)
        base = self.part("the branch's base", lambda: branches.base_of(git, main, timeout_s=self.left()), "")
        if base:
            found = replace(
                found,
                base=base,
                branch_commits=self.part("the branch's commits", lambda: self.branch_commits(main), ()),
                branch_diff=self.part("the branch's changes", lambda: self.branch_diff(base), ()),
            )
        if time.monotonic() >= self.deadline:
            self.notes.append(f"reading was ended after {self.limits.seconds:g} s")
        return replace(found, notes=tuple(self.notes))

    def left(self) -> float:
        """Seconds until the reading has to be over. Raises `GitError` where they are used up."""
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise GitError("not read, there was no time left")
        return left

    def part(self, what: str, read: Callable[[], T], otherwise: T) -> T:
        """A part of the history; where it cannot be read, a note instead."""
        try:
            return read()
        except (GitError, OSError) as error:
            self.notes.append(f"{what}: {error}")
            return otherwise

    def note_what_is_missing(self) -> None:
        """Says what kind of repository leaves parts empty."""
        where = self.git.place
        if place.uses_reftable(where):
            self.notes.append("the repository keeps its branches in the reftable format, which is not read")
        elif not self.git.head.commit:
            self.notes.append("nothing was committed yet")
        if (where.common_dir / "shallow").is_file():
            self.notes.append("the clone is shallow: older commits are not here")
        if where.top is None:
            self.notes.append("the repository is bare: it has no working tree")

    def recent(self) -> tuple[Commit, ...]:
        """The latest commits of the folder."""
        head = self.git.head.commit
        found = commits(self.git, [head], self.limits.recent, self.limits, timeout_s=self.left())
        return self.told(found)

    def branch_commits(self, main: tuple[str, ...]) -> tuple[Commit, ...]:
        """The branch's own commits; what a merge brought along is not among them."""
        revisions = [self.git.head.commit, *("^" + commit for commit in main)]
        limits = self.limits
        found = commits(self.git, revisions, limits.branch, limits, timeout_s=self.left(), first_parent=True)
        return self.told(found)

    def branch_diff(self, base: str) -> tuple[FileDiff, ...]:
        """From where the branch began to HEAD; removed files last."""
        head = self.git.head.commit
        found = changes.between(self.git, base, head, timeout_s=self.left())
        found.sort(key=lambda change: not change.after)
        return self.compared(found, "the branch changed")

    def uncommitted(self) -> tuple[FileDiff, ...]:
        """From HEAD to the files on disk; where there are too many, those written last."""
        found = changes.uncommitted(self.git, timeout_s=self.left())
        told = [change for change in found if self.may_show(change)]
        if len(told) > self.limits.files:
            told.sort(key=self.written_at, reverse=True)
        return self.compared(told, "uncommitted:")

    def compared(self, found: list[Change], what: str) -> tuple[FileDiff, ...]:
        """Changes with their texts, ordered by path."""
        told = [change for change in found if self.may_show(change)]
        kept = sorted(told[: self.limits.files], key=lambda change: change.path)
        if len(told) > len(kept):
            self.notes.append(f"{what} {len(told)} files, of which {len(kept)} are used")
        compared: list[FileDiff] = []
        try:
            for difference in differences(self.git, kept, self.limits, timeout_s=self.left()):
                compared.append(difference)
                self.left()
        except GitError as error:
            self.notes.append(f"{what} {len(kept)} files, of which {len(compared)} were compared: {error}")
        return tuple(compared)

    def told(self, found: tuple[Commit, ...]) -> tuple[Commit, ...]:
        """Commits without the names of files that may not appear."""
        return tuple(replace(one, files=tuple(filter(self.is_told, one.files))) for one in found)

    def may_show(self, change: Change) -> bool:
        """Whether a file may appear, by the name it has and the one it had."""
        return self.is_told(change.path) and (not change.old_path or self.is_told(change.old_path))

    def written_at(self, change: Change) -> int:
        """When the file on disk was written, in nanoseconds; 0 where it is gone."""
        top = self.git.place.top
        try:
            return (top / self.git.place.prefix / change.path).lstat().st_mtime_ns if top else 0
        except (OSError, ValueError):
            return 0
