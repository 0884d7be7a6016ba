"""The repository as a whole: its map, what this branch has done, what was done to this file, like changes.

Read in the background. History texts are compact: subjects and changed lines, no headers.
"""

from __future__ import annotations

from difflib import unified_diff

from context.document import Document
from context.facts import Facts
from context.history.values import FileDiff
from context.items import ContextItem, Source, Stability
from context.outline import Outline, enclosing
from context.sources import weights
from context.workspace import Snapshot

_BRANCH_FILES = 12  # of a branch's diff, those of this file's folder first
_HUNK_LINES = 30  # shown of one hunk
_FILE_COMMITS = 6  # subjects of commits that touched the file
_FUNCTION_COMMITS = 3  # that changed the function around the cursor
_NEIGHBOURS = 4
_EDITS_COMPARED = 4  # the latest edits, with which a past change is compared
_QUERY_LINES = 12  # around the cursor that a past change is compared with


def project_map(facts: Facts) -> list[ContextItem]:
    """The project's most referred-to signatures, in several sizes; packing takes the largest that fits."""
    return [
        ContextItem(
            Source.PROJECT_MAP,
            "PROJECT_MAP",
            text,
            weights.PROJECT_MAP + 0.02 * (len(facts.maps) - n),
            Stability.PROJECT_MAP,
            whole=True,
            why="what the project refers to most",
        )
        for n, text in enumerate(dict.fromkeys(facts.maps))  # a small project has one map for all sizes
        if text
    ]


def branch(document: Document, facts: Facts) -> list[ContextItem]:
    """The branch's name, its commits' subjects and changes since it left its base; what is uncommitted."""
    history = facts.history
    if history is None:
        return []
    items = []
    subjects = [commit.subject for commit in history.branch_commits]
    if history.branch and (subjects or history.uncommitted):
        lines = [f"branch {history.branch}" + (f", from {history.base[:10]}" if history.base else "")]
        lines += [f"- {subject}" for subject in subjects[:20]]
        items.append(
            ContextItem(
                Source.HISTORY,
                "BRANCH",
                "\n".join(lines) + "\n",
                weights.BRANCH,
                Stability.HISTORY,
                tuple(commit.sha for commit in history.branch_commits[:20]),
                why="what this branch is for",
            )
        )
    shas = tuple(commit.sha for commit in history.branch_commits[:20])
    told = (
        ("changed on this branch", history.branch_diff, shas),
        ("not committed yet", history.uncommitted, ()),
    )
    for why, diffs, commits in told:
        near = sorted(diffs, key=lambda diff: _distance(diff.path, document.path))[:_BRANCH_FILES]
        for n, diff in enumerate(near):
            if diff.path != document.path and (text := _text_of(diff)):
                worth = weights.BRANCH * 0.9**n
                path = f"{diff.path}.diff"
                items.append(
                    ContextItem(Source.HISTORY, path, text, worth, Stability.HISTORY, commits, why=why)
                )
    return items


def commits(document: Document, facts: Facts) -> list[ContextItem]:
    """What was done to this file lately, as subjects."""
    history = facts.history
    touching = history.touching(document.path)[:_FILE_COMMITS] if history is not None else ()
    if not touching:
        return []
    text = "".join(f"- {commit.subject}\n" for commit in touching)
    shas = tuple(commit.sha for commit in touching)
    why = "the last commits of this file"
    return [ContextItem(Source.HISTORY, "COMMITS", text, weights.COMMITS, Stability.PLACE, shas, why=why)]


def function(document: Document, line: int, own: Outline, facts: Facts) -> list[ContextItem]:
    """What commits did to the function around the cursor, the latest last, as before and after."""
    around = enclosing(own, line)
    if around is None or facts.function_changes is None:
        return []
    changes = facts.function_changes(document, around)[:_FUNCTION_COMMITS]
    if not changes:
        return []
    parts = []
    for change in reversed(changes):
        before, after = change.before.splitlines(), change.after.splitlines()
        lines = [text for text in list(unified_diff(before, after, n=0, lineterm=""))[2:] if text[:2] != "@@"]
        parts.append("\n".join([f"# {change.subject}", *lines[:_HUNK_LINES]]))
    return [
        ContextItem(
            Source.HISTORY,
            f"{document.path}.history.diff",
            "\n".join(parts) + "\n",
            weights.FUNCTION_HISTORY,
            Stability.PLACE - 0.2,
            tuple(change.sha for change in changes),
            why=f"commits that changed {around.name}",
        )
    ]


def past_changes(document: Document, line: int, snapshot: Snapshot, facts: Facts) -> list[ContextItem]:
    """Changes made before that are most like the one in progress, as before and after."""
    if facts.flows is None:
        return []
    from context.codeflow import render

    text = "".join(document.lines[max(0, line - _QUERY_LINES) : line + _QUERY_LINES // 2])
    edited = snapshot.recent_edits[-_EDITS_COMPARED:]
    text += "".join("".join(edit.before) + "".join(edit.after) for edit in edited)
    paths = {document.path, *(edit.path for edit in edited)}
    items = []
    for neighbour in facts.flows.neighbours(text=text, paths=paths, most=_NEIGHBOURS):
        flow, edit = neighbour.flow, neighbour.edit
        items.append(
            ContextItem(
                Source.PAST_CHANGES,
                f"{edit.path}.diff",
                render(neighbour),
                weights.PAST_CHANGE * min(1.0, neighbour.score),
                Stability.PLACE - 0.1,
                (flow.sha,),
                why=f"a past change like this one: {flow.message.splitlines()[0] if flow.message else ''}",
            )
        )
    return items


def _text_of(diff: FileDiff) -> str:
    """A file's changes as -/+ lines."""
    parts: list[str] = []
    for hunk in diff.hunks:
        before, after = hunk.before.splitlines(), hunk.after.splitlines()
        lines = [line for line in list(unified_diff(before, after, n=0, lineterm=""))[2:] if line[:2] != "@@"]
        parts += lines[:_HUNK_LINES]
    return "\n".join(parts) + "\n" if parts else ""


def _distance(path: str, other: str) -> int:
    """Folders between two files."""
    a, b = path.split("/")[:-1], other.split("/")[:-1]
    shared = 0
    while shared < min(len(a), len(b)) and a[shared] == b[shared]:
        shared += 1
    return len(a) + len(b) - 2 * shared
