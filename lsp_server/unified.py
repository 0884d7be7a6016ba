"""An ``EditPlan`` as a unified diff, in git's form: `git apply` and `patch` take it.

A line ends at a line feed, as git has it; a carriage return is a letter like others, so that line ends stay
what they are. Paths are relative to the workspace folder.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from context.refactor.difference import LineChange, line_changes
from lsp_server.edit_plan import EditPlan

CONTEXT_LINES = 3  # git's own


def unified(plan: EditPlan) -> str:
    """The whole plan as one diff; "" where nothing changes."""
    moved = dict(plan.renamed)
    parts: list[str] = []
    for change in plan.changes:
        path = change.document.path
        parts += file_diff(path, moved.pop(path, path), change.document.text, change.after)
    for old, new in moved.items():
        parts += file_diff(old, new, "", "")
    for path, text in plan.created:
        parts += file_diff("", path, "", text)
    return "".join(parts)


def file_diff(old_path: str, new_path: str, before: str, after: str) -> Iterator[str]:
    """One file's part, in lines; ``old_path`` is "" for a new file. Nothing where nothing changes."""
    old, new = _lines(before), _lines(after)
    hunks = list(_hunks(list(line_changes(old, new))))
    if not hunks and old_path == new_path:
        return
    yield f"diff --git {_quoted('a/' + (old_path or new_path))} {_quoted('b/' + new_path)}\n"
    if not old_path:
        yield "new file mode 100644\n"
    elif old_path != new_path:
        yield f"rename from {_quoted(old_path)}\nrename to {_quoted(new_path)}\n"
    if hunks:
        yield f"--- {_named('a/' + old_path) if old_path else '/dev/null'}\n+++ {_named('b/' + new_path)}\n"
    for changes in hunks:
        yield from _hunk(changes, old, new)


def _hunks(changes: Sequence[LineChange]) -> Iterator[list[LineChange]]:
    """Changes that stand so near to each other that their context would meet."""
    group: list[LineChange] = []
    for change in changes:
        if group and change.old_from - group[-1].old_to > 2 * CONTEXT_LINES:
            yield group
            group = []
        group.append(change)
    if group:
        yield group


def _hunk(changes: Sequence[LineChange], old: Sequence[str], new: Sequence[str]) -> Iterator[str]:
    first, last = changes[0], changes[-1]
    head = min(CONTEXT_LINES, first.old_from)
    tail = min(CONTEXT_LINES, len(old) - last.old_to)
    old_at, new_at = first.old_from - head, first.new_from - head
    yield f"@@ -{_range(old_at, last.old_to + tail)} +{_range(new_at, last.new_to + tail)} @@\n"
    for change in changes:
        yield from _marked(" ", old[old_at : change.old_from])
        yield from _marked("-", old[change.old_from : change.old_to])
        yield from _marked("+", new[change.new_from : change.new_to])
        old_at = change.old_to
    yield from _marked(" ", old[old_at : old_at + tail])


def _range(start: int, end: int) -> str:
    """Lines as a hunk's head counts them: from 1, an empty range by the line above it."""
    size = end - start
    return f"{start + (size > 0)}" if size == 1 else f"{start + (size > 0)},{size}"


def _marked(sign: str, lines: Sequence[str]) -> Iterator[str]:
    for line in lines:
        yield sign + line if line.endswith("\n") else f"{sign}{line}\n\\ No newline at end of file\n"


def _lines(text: str) -> list[str]:
    lines = [line + "\n" for line in text.split("\n")]
    lines[-1] = lines[-1][:-1]
    return lines if lines[-1] else lines[:-1]


def _named(path: str) -> str:
    """A path in a line of its own, which a tab ends where the path holds blanks."""
    quoted = _quoted(path)
    return quoted + "\t" if " " in path and quoted == path else quoted


def _quoted(path: str) -> str:
    """A path as git writes it: in quotes where it holds some, or a backslash or a control letter."""
    if all(letter.isprintable() and letter not in '"\\' for letter in path):
        return path
    escaped = path.replace("\\", "\\\\").replace('"', '\\"')
    return (
        '"'
        + "".join(c if c.isprintable() else "".join(f"\\{b:03o}" for b in c.encode()) for c in escaped)
        + '"'
    )
