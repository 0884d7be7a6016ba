"""The history of a few lines: what earlier commits did to the function around the cursor.

`git log -L` follows lines through time, starting from HEAD. The caller counts lines in a text that may
have changed since, so they are first led back to where they stood in HEAD.
"""

import re
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from context.history.compare import read_regular
from context.history.diff import changed_ranges, is_binary, lines_of, text_of
from context.history.git import Git, GitError
from context.history.log import text
from context.history.values import FunctionChange, Limits

_RECORD = re.compile(rb"\0([0-9a-f]{40,64})\0(\d+)\0([^\0]*)\0\n")
_HUNK = re.compile(r"@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@")
_OUTPUT_BYTES = 1 << 20  # five functions of 200 lines take a tenth of it
_MOST_LINES = 400  # of one side of one change; a longer function would fill a prompt alone


def function_history(
    root: Path,
    path: str,
    start_line: int,
    end_line: int,
    *,
    text_now: str | None = None,
    most: int = 5,
    timeout_s: float = 2,
) -> tuple[FunctionChange, ...]:
    """The last changes of lines of a file, newest first.

    Lines are zero-based, the end is inclusive, and they are counted in `text_now`, by default the file on
    disk. Nothing where the lines are new, or without git; what was found in time, where time was short.
    """
    deadline = time.monotonic() + timeout_s
    try:
        with Git(root) as git:
            span = _span_at_head(git, path, start_line, end_line, text_now, timeout_s)
            left = deadline - time.monotonic()
            if span is None or left <= 0:
                return ()
            output = git.run(
                "log",
                git.head.commit,
                f"-L{span[0] + 1},{span[1]}:{git.place.prefix}{path}",
                f"--max-count={most}",
                "--no-merges",
                "--no-ext-diff",
                "--no-textconv",
                "--format=%x00%H%x00%at%x00%s%x00",
                timeout_s=left,
                most_bytes=_OUTPUT_BYTES,
                cut=True,
            )
    except (GitError, OSError):
        return ()
    return tuple(_parsed(output))


def _span_at_head(
    git: Git, path: str, start_line: int, end_line: int, text_now: str | None, timeout_s: float
) -> tuple[int, int] | None:
    """Where the lines stood in HEAD, the end exclusive; None where the file or the lines were not there."""
    if not git.head.commit or "\n" in path:
        return None
    most = Limits().file_bytes
    asked = git.blobs([f"HEAD:{git.place.prefix}{path}"], most, each=most, timeout_s=timeout_s / 4)
    blobs = [data for _, data in asked]  # two processes, of milliseconds each
    if not blobs or is_binary(blobs[0]):
        return None
    old = lines_of(text_of(blobs[0]))
    if text_now is None and git.place.top is not None:
        data = read_regular(git.place.top, git.place.prefix + path, most)
        text_now = None if data is None else text_of(data)
    new = old if text_now is None else lines_of(text_now.replace("\r\n", "\n"))
    start, end = _led_back(old, new, start_line, end_line + 1)
    return (start, min(end, len(old))) if start < min(end, len(old)) else None


def _led_back(old: Sequence[str], new: Sequence[str], start: int, end: int) -> tuple[int, int]:
    """A range of lines of the new text as the range of the old one that it came from."""
    return _old_line(old, new, start, False), _old_line(old, new, end, True)


def _old_line(old: Sequence[str], new: Sequence[str], line: int, is_end: bool) -> int:
    """Where a boundary between lines stood; inside a changed range, at that range's outer edge."""
    moved = 0
    for old_from, old_to, new_from, new_to in changed_ranges(old, new):
        if new_to <= line and not (is_end and new_from == new_to == line):
            moved = old_to - new_to
        elif new_from < line:
            return old_to if is_end else old_from
        else:
            break
    return line + moved


def _parsed(output: bytes) -> Iterator[FunctionChange]:
    """Commits, each followed by a patch that shows the lines whole, before and after."""
    records = list(_RECORD.finditer(output))
    ends = [record.start() for record in records[1:]] + [len(output)]
    for record, end in zip(records, ends, strict=False):
        sides = _sides(text(output[record.end() : end]).split("\n"))
        sha, date, subject = record.groups()
        if sides is not None:
            yield FunctionChange(sha.decode("ascii"), text(subject)[:200], int(date), *sides)


def _sides(patch: Sequence[str]) -> tuple[str, str] | None:
    """The lines of a patch's hunks as they were and as they became; None where the patch was cut."""
    before: list[str] = []
    after: list[str] = []
    old_left = new_left = 0
    for line in patch:
        if old_left <= 0 and new_left <= 0:
            if head := _HUNK.match(line):
                old_left, new_left = (int(count or 1) for count in head.groups())
            continue
        if line[:1] in (" ", "-"):
            before.append(line[1:])
            old_left -= 1
        if line[:1] in (" ", "+"):
            after.append(line[1:])
            new_left -= 1
    whole = old_left <= 0 and new_left <= 0 and (before or after)
    return (_whole(before), _whole(after)) if whole else None


def _whole(lines: Sequence[str]) -> str:
    return "".join(line + "\n" for line in lines[:_MOST_LINES])
