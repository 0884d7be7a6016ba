"""The change under review: from a commit to the files on disk, with both texts of every file that differs.

Texts are as they are, secrets included, because that is what a review looks for: whatever leaves this room
as code has to be redacted. Names that may not be shown are left out, by the same gate as for prompts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from context.codeflow.change import Change
from context.codeflow.granularity import FileChange, Finding
from context.codeflow.read import source_text
from context.codeflow.sides import FilePair
from context.history import changes
from context.history.changes import Change as RawChange
from context.history.compare import read_regular
from context.history.git import Git
from context.privacy.ignore import Ignore
from context.privacy.kinds import is_skipped_directory, left_out_by_name
from context.privacy.names import may_be_prompted
from context.review.revision import base_and_name

MOST_FILES = 400  # a larger change is a sweep: nobody reads a review of it
FILE_BYTES = 512 << 10  # larger texts are data; no tree is made of them either
ALL_BYTES = 64 << 20

_TEST = re.compile(
    r"(?:^|/)(?:tests?|specs?|__tests__|testing|testdata|fixtures)/|(?:^|/)(?:test_[^/]*|conftest)\.\w+$"
    r"|[^/]*(?:_test|_spec|\.test|\.spec)\.\w+$|(?:^|/)[^/]*Tests?\.\w+$"
)


def is_test(path: str) -> bool:
    """Whether a file holds tests or what they need, by its name."""
    return bool(_TEST.search(path))


_FIXTURE = re.compile(
    r"(?:^|/)(?:testdata|fixtures?|golden|snapshots?|__snapshots__)/|(?:^|/)tests?/(?:.*/)?(?:data|cases|samples?)/"
)
_SCRIPT = re.compile(
    r"(?:^|/)(?:bin|scripts?|tools?|examples?|benchmarks?|bench|docs?|cli|cmd|demos?)/"
    r"|(?:^|/)(?:__main__|cli|main|setup|manage|noxfile|tasks|run|build|rollup|webpack)[^/]*$"
    r"|\.config\.\w+$|(?:_|-)(?:cli|script|command)\.\w+$"
)


def is_fixture(path: str) -> bool:
    """Whether a file is what tests work on, by its name: it may be wrong on purpose."""
    return bool(_FIXTURE.search(path))


def is_script(path: str) -> bool:
    """Whether a file is run rather than used, by its name: it prints, and has seldom tests."""
    return bool(_SCRIPT.search(path))


@dataclass(frozen=True)
class ChangedFile:
    """A file on both sides. ``pair`` compares them; ``added``: lines of the new text that differ."""

    pair: FilePair
    labels: tuple[Finding, ...]

    @property
    def path(self) -> str:
        """Where it is now."""
        return self.pair.path

    @property
    def before(self) -> str | None:
        """The old text; None where it is new."""
        return self.pair.change.before

    @property
    def after(self) -> str | None:
        """The new text; None where it is gone."""
        return self.pair.change.after

    @property
    def language(self) -> str:
        """The name of its language."""
        return self.pair.after.language.name

    @cached_property
    def added(self) -> frozenset[int]:
        """Lines of the new text that were added or changed."""
        return frozenset(line for hunk in self.pair.hunks for line in range(hunk.b0, hunk.b1))

    def line(self, number: int) -> str:
        """A line of the new text, without its line end."""
        return self.pair.after.lines[number].rstrip("\r") if number < len(self.pair.after.lines) else ""


@dataclass(frozen=True)
class ReviewedChange:
    """What changed since ``base``, a commit or "". ``names``: every path of the change, unreadable ones too;
    ``new_names``: those that were not there before."""

    root: Path
    base: str
    base_name: str
    files: tuple[ChangedFile, ...]
    names: frozenset[str]
    new_names: tuple[str, ...]
    notes: tuple[str, ...] = ()

    @cached_property
    def removed_lines(self) -> frozenset[str]:
        """Lines that the change takes away anywhere, without blanks at their ends: what comes back moved."""
        return frozenset(
            line.strip()
            for file in self.files
            for hunk in file.pair.hunks
            for line in file.pair.before.lines[hunk.a0 : hunk.a1]
        )


def read_change(
    git: Git, revision: str = "", paths: Sequence[str] = (), *, timeout_s: float = 30
) -> ReviewedChange:
    """The change from where HEAD left ``revision`` to the files on disk, in all files or those under
    ``paths``. Raises ``GitError``."""
    base, name = base_and_name(git, revision, timeout_s=timeout_s)
    found = _since(git, base, timeout_s)
    return _with_texts(git, found, base, name, paths, timeout_s)


def read_staged(git: Git, *, whole: bool = False, timeout_s: float = 30) -> ReviewedChange:
    """What is staged, or all that is not committed. Raises ``GitError``."""
    found = (
        changes.uncommitted(git, timeout_s=timeout_s) if whole else changes.staged(git, timeout_s=timeout_s)
    )
    return _with_texts(git, found, git.head.commit, "HEAD", (), timeout_s)


def _since(git: Git, base: str, timeout_s: float) -> list[RawChange]:
    """The branch's changes with the uncommitted ones laid over them."""
    over = changes.uncommitted(git, timeout_s=timeout_s) if git.place.top is not None else []
    head = git.head.commit
    if not base or base == head:
        return over
    under = {change.path: change for change in changes.between(git, base, head, timeout_s=timeout_s)}
    merged: dict[str, RawChange] = {}
    for change in over:
        first = under.pop(change.old_path or change.path, None)
        if first is not None:
            change = replace(change, old_path=first.old_path, before=first.before)
        merged[change.path] = change
    both = [*under.values(), *merged.values()]
    return [change for change in both if change.before or change.after or change.on_disk]


def _with_texts(
    git: Git, found: Iterable[RawChange], base: str, name: str, paths: Sequence[str], timeout_s: float
) -> ReviewedChange:
    inside = [
        change
        for change in sorted(found, key=lambda change: change.path)
        if (not paths or any(_is_under(change.path, path) for path in paths)) and change.path.isprintable()
    ]
    ignore = Ignore.of(git.root)
    readable = [change for change in inside if _may_be_read(change, ignore)]
    notes = []
    if len(readable) > MOST_FILES:
        notes.append(f"{len(readable)} files changed; the first {MOST_FILES} were reviewed.")
    readable = readable[:MOST_FILES]
    texts = _blobs(git, readable, timeout_s)
    made = [(change.path, _file(git, change, texts)) for change in readable]
    unread = [path for path, file in made if file is None]
    if unread:
        more = f" and {len(unread) - 1} more" if len(unread) > 1 else ""
        notes.append(
            f"Not reviewed: {unread[0]}{more}; binary, over {FILE_BYTES >> 10} KiB, not UTF-8 or generated."
        )
    files = [file for _, file in made if file is not None and file.before != file.after]
    whole = Change(files)
    return ReviewedChange(
        git.root,
        base,
        name,
        tuple(
            ChangedFile(pair, tuple(label for label in whole.findings if label.path == pair.path))
            for pair in whole.pairs
        ),
        frozenset(change.path for change in inside),
        tuple(change.path for change in inside if not change.before and (change.after or change.on_disk)),
        tuple(notes),
    )


def _is_under(path: str, folder: str) -> bool:
    return folder in ("", ".") or path == folder or path.startswith(folder.rstrip("/") + "/")


def _may_be_read(change: RawChange, ignore: Ignore) -> bool:
    return all(
        may_be_prompted(path)
        and not left_out_by_name(path.rpartition("/")[2])
        and not any(is_skipped_directory(folder) for folder in path.split("/")[:-1])
        for path in (change.path, change.old_path or change.path)
    ) and not ignore.ignores(change.path)


def _blobs(git: Git, found: Sequence[RawChange], timeout_s: float) -> dict[str, bytes]:
    wanted = dict.fromkeys(blob for change in found for blob in (change.before, change.after) if blob)
    return dict(git.blobs(wanted, ALL_BYTES, each=FILE_BYTES, timeout_s=timeout_s))


def _file(git: Git, change: RawChange, blobs: dict[str, bytes]) -> FileChange | None:
    """Both texts; None where one of them is no text that somebody wrote."""
    sides: list[str | None] = []
    for blob, on_disk in ((change.before, False), (change.after, change.on_disk)):
        if on_disk and git.place.top is not None:
            data = read_regular(git.place.top, git.place.prefix + change.path, FILE_BYTES)
        elif blob:
            data = blobs.get(blob)
        else:
            sides.append(None)
            continue
        text = source_text(data) if data is not None else None
        if text is None:
            return None
        sides.append(text.replace("\r\n", "\n"))
    return FileChange(change.path, change.old_path or change.path, *sides)
