"""The values that history is made of; all frozen, all text decoded, no git in sight.

Paths are POSIX, relative to the workspace folder; a byte that is not UTF-8 stands as a lone surrogate, as
Python's "surrogateescape" writes it. Line ends in texts are "\\n".
"""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit that is no merge. `date` is the author's, in seconds since 1970; it changed `files`."""

    sha: str
    subject: str
    body: str
    date: int
    files: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Hunk:
    """Whole lines that were replaced: `before` by `after`, at `line` (zero-based) of the new text."""

    line: int
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class FileDiff:
    """What changed in one file. `old_path` is `path` but after a rename, and "" for a new file.

    A deleted file keeps its path and has one hunk without `after`.
    """

    path: str
    old_path: str
    hunks: tuple[Hunk, ...]


@dataclass(frozen=True, slots=True)
class FunctionChange:
    """One commit's change of a function: its lines before ("" where it began) and after."""

    sha: str
    subject: str
    date: int
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class History:
    """What git knows of a workspace folder at one moment.

    `recent` and `branch_commits` are newest first. `base` is where the branch left the default branch, ""
    where HEAD is on it; `branch_diff` leads from there to HEAD, `uncommitted` from HEAD to the files on
    disk. `notes` are sentences about what is missing and why.
    """

    root: Path
    head: str = ""
    branch: str = ""
    base: str = ""
    recent: tuple[Commit, ...] = ()
    branch_commits: tuple[Commit, ...] = ()
    branch_diff: tuple[FileDiff, ...] = ()
    uncommitted: tuple[FileDiff, ...] = ()
    notes: tuple[str, ...] = ()

    def touching(self, path: str) -> tuple[Commit, ...]:
        """The recent commits that changed a file, newest first."""
        return tuple(commit for commit in self.recent if path in commit.files)

    def changed_with(self, path: str) -> tuple[tuple[str, float], ...]:
        """The files that change together with a file, strongest first, each with a strength from 0 to 1.

        A commit of n files gives each partner 1 / (n - 1), so that one of two files counts fully and a
        reformatting of a thousand hardly at all; the sum is shared by all commits of the file that had
        company.
        """
        strength: dict[str, float] = {}
        together = 0
        for commit in self.touching(path):
            partners = len(commit.files) - 1
            if partners == 0:
                continue
            together += 1
            for other in commit.files:
                if other != path:
                    strength[other] = strength.get(other, 0.0) + 1 / partners
        found = [(other, total / together) for other, total in strength.items()]
        return tuple(sorted(found, key=lambda pair: (-pair[1], pair[0])))


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of a history is read."""

    seconds: float = 10.0  # in all, on a background thread; what is there by then is used
    recent: int = 300  # commits: about a quarter's work of a small team
    branch: int = 50  # commits: a longer branch has no one intent
    files: int = (
        200  # changed files per diff, the last written first: more than a prompt of 128K tokens holds
    )
    file_bytes: int = 256 << 10  # larger texts are data or generated
    diff_bytes: int = 1 << 20  # of text per diff: twice what the largest prompt holds
    hunk_bytes: int = 32 << 10  # of text per file: a new file's beginning tells what it is
    message_characters: int = 2000  # of a body: pasted logs are no intent
    files_per_commit: int = 1000  # a commit of more says nothing about which belong together
