"""Changed files to differences: contents from git's blobs and from disk, compared a few files at a time.

Only regular files are opened, and only where every link on the way stays in the working tree; large and
binary ones are left out. Neither memory nor time grows with the number of files that changed.
"""

import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from context.history.changes import Change
from context.history.diff import hunks_between, is_binary, text_of
from context.history.git import Git
from context.history.values import FileDiff, Limits

GROUP_FILES = 16  # with both sides of 256 KiB: 8 MiB held at once


def differences(
    git: Git, changed: Sequence[Change], limits: Limits, *, timeout_s: float
) -> Iterator[FileDiff]:
    """The differences of these files, in their order, up to `diff_bytes` of text. Raises `GitError`."""
    left = limits.diff_bytes
    for start in range(0, len(changed), GROUP_FILES):
        group = changed[start : start + GROUP_FILES]
        wanted = dict.fromkeys(blob for change in group for blob in (change.before, change.after) if blob)
        most = limits.file_bytes * len(wanted)
        blobs = dict(git.blobs(wanted, most, each=limits.file_bytes, timeout_s=timeout_s))
        for change in group:
            found = _difference(git, change, blobs, limits, min(left, limits.hunk_bytes))
            if found is None:
                continue
            yield found
            left -= sum(len(hunk.before) + len(hunk.after) for hunk in found.hunks)
            if left <= 0:
                return


def read_regular(top: Path, path: str, most_bytes: int) -> bytes | None:
    """The content of a file of the working tree.

    None where it is missing, too large, no regular file, or reached through a link that leaves `top`.
    """
    flags = os.O_RDONLY
    for flag in ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY"):  # where the system has them
        flags |= getattr(os, flag, 0)
    try:
        place = Path(os.path.realpath(top / path.rpartition("/")[0])) / path.rpartition("/")[2]
        if not place.is_relative_to(os.path.realpath(top)) or not stat.S_ISREG(place.lstat().st_mode):
            return None
        with open(os.open(place, flags), "rb") as file:  # noqa: PTH123 - a descriptor has no path
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode) or found.st_size > most_bytes:
                return None
            data = file.read(most_bytes + 1)
            return data if len(data) <= most_bytes else None
    except (OSError, ValueError):
        return None


def _difference(
    git: Git, change: Change, blobs: dict[str, bytes], limits: Limits, most_characters: int
) -> FileDiff | None:
    """One file's difference; None where there is none that can be shown."""
    before = blobs.get(change.before) if change.before else b""
    after = blobs.get(change.after) if change.after else b""
    if change.on_disk and git.place.top is not None:
        after = read_regular(git.place.top, git.place.prefix + change.path, limits.file_bytes)
    if before is None or after is None or is_binary(before) or is_binary(after):
        return None
    hunks = hunks_between(text_of(before), text_of(after), most_characters)
    renamed = change.old_path not in ("", change.path)
    return FileDiff(change.path, change.old_path, hunks) if hunks or renamed else None
