"""Hunks of real commits as cases: the line that a developer was about to type.

The workspace is the project's repository as it was before the commit (see ``replayed``). The files of the
commit that come before the hunk's are open with all their hunks typed, the hunk's own file with its earlier
hunks; nothing is saved. Of the hunk itself, its old lines are gone and its new lines are typed up to the
first that is worth completing; the cursor stands on a line of its own, once after that line's indentation and
once after half of its words and signs. The rest of the hunk and all later ones are not there yet. The truth
is the rest of that line.

Worth completing is a line with a word of two letters, three tokens and a bracket, ``=`` or ``;``: no blank,
comment, prose or closing line. Left out are hunks with fewer new lines than old (there the act is removing),
lines that stand in what the hunk replaces, and commits that repeat an earlier one (a backport would carry the
answer).
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any

from tests.benchmarks.cases import Case, Opened, Typed, part_of
from tests.benchmarks.replayed import Trace, lines_of, replay, traces

MOST_PER_PROJECT = 50  # the smallest project has 15 such hunks, the two others some 60 each
_TELLING = 40  # characters of a hunk from which on a repetition is no accident
_TOKEN = re.compile(r"\w+|[^\w\s]")
_WORD = re.compile(r"[^\W\d_]{2}")
_CODE = re.compile(r"[()\[\]{}=;]")
_COMMENT = ("#", "//", "/*", "*", '"""', "'''", ":")  # a colon begins a field of a docstring
LANGUAGES = {".py": "python", ".ts": "typescript", ".js": "javascript"}


def cases_of(into: Path, part: str = "all") -> list[Case]:
    """The chosen hunks of every project, with their repositories under ``into``."""
    found: list[Case] = []
    for rows in traces().values():
        chosen: dict[str, list[tuple[int, int]]] = {}
        for row, edit, hunk in choose(rows):
            if part in ("all", part_of(str(row["task_id"]))):
                chosen.setdefault(str(row["task_id"]), []).append((edit, hunk))
        for row, root in replay(rows, chosen, into):
            for edit, hunk in chosen[str(row["task_id"])]:
                found += [_case(row, edit, hunk, root, half=half) for half in (False, True)]
    return found


def projects() -> frozenset[str]:
    """The names of the projects the hunks come from."""
    return frozenset(traces())


def choose(rows: list[Trace]) -> list[tuple[Trace, int, int]]:
    """Which hunks of one project's commits, by row and the numbers of edit and hunk; the same every time."""
    found, subjects, seen = [], set[str](), set[str]()
    for row in rows:
        news = {str(hunk["new"]).strip() for edit in row["edits"] for hunk in edit["hunks"]}
        told = {new for new in news if len(new) >= _TELLING}
        if row["subject"] not in subjects and not told & seen:
            for e, edit in enumerate(row["edits"]):
                suffix = Path(edit["path"]).suffix
                found += [
                    (row, e, h)
                    for h, hunk in enumerate(edit["hunks"])
                    if suffix in LANGUAGES and target(hunk) is not None
                ]
        subjects.add(str(row["subject"]))
        seen |= told
    found.sort(key=lambda one: hashlib.sha256(_key(*one).encode()).digest())
    return found[:MOST_PER_PROJECT]


def target(hunk: dict[str, Any]) -> int | None:
    """The number of the new line to be completed; None where the hunk has none."""
    old, new = lines_of(str(hunk["old"])), lines_of(str(hunk["new"]))
    if len(new) <= len(old):
        return None
    gone = str(hunk["old"])
    return next((i for i, line in enumerate(new) if is_worth_it(line) and line.strip() not in gone), None)


def is_worth_it(line: str) -> bool:
    """Whether a line is code that somebody would want completed."""
    text = line.strip()
    telling = _WORD.search(text) and _CODE.search(text) and len(_TOKEN.findall(text)) >= 3
    return bool(telling) and not text.startswith(_COMMENT)


def _key(row: Trace, edit: int, hunk: int) -> str:
    return f"{row['task_id']}:{edit}:{hunk}"


def _case(row: Trace, edit: int, hunk: int, root: Path, *, half: bool) -> Case:
    edits = row["edits"]
    here = edits[edit]
    earlier = tuple(_opened(other, [_whole(h) for h in other["hunks"]]) for other in edits[:edit])
    changed = here["hunks"][hunk]
    new = lines_of(str(changed["new"]))
    number = target(changed)
    assert number is not None
    line = new[number].rstrip("\r\n")
    column = len(line) - len(line.lstrip())
    if half:
        tokens = list(_TOKEN.finditer(line))
        column = tokens[len(tokens) // 2].start()
    begun = _whole({**changed, "new": "".join(new[:number]) + line[:column] + "\n"})
    typed = [_whole(h) for h in here["hunks"][:hunk]]
    return Case(
        key=_key(row, edit, hunk) + (":half" if half else ""),
        group=str(row["repo"]),
        part=part_of(str(row["task_id"])),
        root=root,
        opened=(*earlier, _opened(here, [*typed, begun])),
        cursor=(changed["b0"] + number, column),
        truth=line[column:],
    )


def _opened(edit: dict[str, Any], typed: list[Typed]) -> Opened:
    language = LANGUAGES.get(Path(edit["path"]).suffix, "plaintext")
    return Opened(str(edit["path"]), language, str(edit["before"]), tuple(typed))


def _whole(hunk: dict[str, Any]) -> Typed:
    """A hunk as one change, where all above it are done: its old lines begin where its new ones will."""
    start = int(hunk["b0"])
    return Typed((start, 0), (start + int(hunk["a1"]) - int(hunk["a0"]), 0), str(hunk["new"]))
