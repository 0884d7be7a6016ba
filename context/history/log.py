"""Commits as values: one `git log`, read field by field."""

from collections.abc import Iterator

from context.history.git import Git
from context.history.values import Commit, Limits

_RECORD = "%x00%H%x00%at%x00%s%x00%b%x00"  # NUL is the one byte that neither a message nor a name can hold
_LOG_BYTES = 8 << 20  # 300 commits of 1,000 files, or of the longest messages kept, are less
_SUBJECT_CHARACTERS = 200  # one line of a screen; some generated subjects are a whole change log


def commits(
    git: Git, revisions: list[str], most: int, limits: Limits, *, timeout_s: float, first_parent: bool = False
) -> tuple[Commit, ...]:
    """The commits that the revisions (object ids, ^ids) reach, newest first, without merges.

    Only those that touch the workspace folder; files outside it are left out. A merge repeats what its
    commits say, so it is not listed itself. What a commit renamed is listed by both names. Raises
    `GitError`.
    """
    output = git.run(
        "log",
        *revisions,
        "-z",
        f"--max-count={most}",
        "--no-merges",
        *(["--first-parent"] if first_parent else []),
        "--name-only",
        "--no-renames",
        "--no-ext-diff",
        "--no-textconv",
        "--ignore-submodules=all",
        f"--format={_RECORD}",
        "--",
        *([git.place.prefix] if git.place.prefix else []),
        timeout_s=timeout_s,
        most_bytes=_LOG_BYTES,
        cut=True,
    )
    return tuple(_parsed(output, git.place.prefix, limits))


def text(field: bytes) -> str:
    """A message's bytes as text; git has made them UTF-8 where it could."""
    return field.decode("utf-8", "replace")


def name(field: bytes) -> str:
    """A path's bytes as text that leads back to the same bytes."""
    return field.decode("utf-8", "surrogateescape")


def _parsed(output: bytes, prefix: str, limits: Limits) -> Iterator[Commit]:
    """Records: "", id, date, subject, body, "", then names up to an empty field."""
    fields = output.split(b"\0")
    at = 0
    while at + 6 < len(fields):
        sha, date, subject, body = fields[at + 1 : at + 5]
        at += 6
        names: list[str] = []  # the first stands behind a line end
        while at < len(fields) - 1 and fields[at]:  # the last field has no NUL behind it: cut, or empty
            path = name(fields[at] if names else fields[at].removeprefix(b"\n"))
            if path.startswith(prefix) and len(names) < limits.files_per_commit:
                names.append(path[len(prefix) :])
            at += 1
        yield Commit(
            sha.decode("ascii"),
            text(subject)[:_SUBJECT_CHARACTERS],
            text(body).strip()[: limits.message_characters],
            int(date or 0),
            tuple(names),
        )
