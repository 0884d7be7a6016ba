"""A commit's subject without a model, from what trees say: what was added, renamed, moved, changed.

Names at most three things; which, the rules' order says: what a reader of the log would look for first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import PurePosixPath

from context.codeflow.labels import Finding, Label
from context.review.change import ReviewedChange, is_test
from context.review.message_habit import Habit, in_form

_MOST_NAMED = 3
_DOCS = (".md", ".rst", ".txt", ".adoc")
_VERBS = {
    "past": {"Add": "Added", "Remove": "Removed", "Rename": "Renamed", "Move": "Moved",
             "Change": "Changed", "Test": "Tested",
             "Handle": "Handled", "Raise": "Raised", "Make": "Made", "Document": "Documented",
             "Reformat": "Reformatted", "Annotate": "Annotated", "Replace": "Replaced", "Delete": "Deleted"},
    "present": {"Add": "Adds", "Remove": "Removes", "Rename": "Renames", "Move": "Moves", "Change": "Changes",
                "Handle": "Handles", "Raise": "Raises", "Make": "Makes", "Test": "Tests",
                "Document": "Documents", "Reformat": "Reformats", "Annotate": "Annotates",
                "Replace": "Replaces", "Delete": "Deletes"},
}  # fmt: skip

_Say = Callable[[Sequence[Finding]], str]


def _names(found: Sequence[Finding], *, of: str = "symbol") -> str:
    each = [finding.symbol.partition("#")[0] if of == "symbol" else finding.detail for finding in found]
    names = list(dict.fromkeys(name for name in each if name))
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    if more or len(names) < 2:
        return ", ".join(names[:_MOST_NAMED]) + more
    return ", ".join(names[:-1]) + " and " + names[-1]


def _pairs(found: Sequence[Finding]) -> str:
    return ", ".join(f.detail.replace(" -> ", " to ") for f in found[:_MOST_NAMED])


_RULES: tuple[tuple[frozenset[Label], str, _Say], ...] = (
    (frozenset({Label.FILE_SPLIT, Label.FILE_MERGED, Label.SYMBOLS_MOVED}), "refactor",
     lambda f: f"Move code of {_base(f[0].path)}"),
    (frozenset({Label.CLASS_RENAMED, Label.RENAMED}), "refactor", lambda f: f"Rename {_pairs(f)}"),
    (frozenset({Label.CLASS_ADDED, Label.ADDED, Label.MEMBER_ADDED}), "feat", lambda f: f"Add {_names(f)}"),
    (frozenset({Label.PARAMETER_ADDED}), "feat",
     lambda f: f"Add parameter {_names(f, of='detail')} to {_names(f)}"),
    (frozenset({Label.CLASS_REMOVED, Label.REMOVED, Label.MEMBER_REMOVED}), "refactor",
     lambda f: f"Remove {_names(f)}"),
    (frozenset({Label.PARAMETER_REMOVED}), "refactor",
     lambda f: f"Remove parameter {_names(f, of='detail')} of {_names(f)}"),
    (frozenset({Label.MEMBER_MOVED}), "refactor", lambda f: f"Move {_names(f)}"),
    (frozenset({Label.ERROR_HANDLING_ADDED}), "fix", lambda f: f"Handle errors in {_names(f)}"),
    (frozenset({Label.ERROR_RAISED}), "fix", lambda f: f"Raise errors in {_names(f)}"),
    (frozenset({Label.ASYNC_MADE}), "refactor", lambda f: f"Make {_names(f)} asynchronous"),
    (frozenset({Label.API_REPLACED}), "refactor", lambda f: f"Replace {_pairs(f).replace(' to ', ' by ')}"),
    (frozenset({Label.CONDITION_CHANGED}), "fix", lambda f: f"Change when {_names(f)} applies"),
    (frozenset({Label.ANNOTATION_ADDED}), "refactor", lambda f: f"Annotate {_names(f)}"),
    (frozenset({Label.SIGNATURE_CHANGED, Label.BODY_CHANGED, Label.FIELD_CHANGED, Label.BASE_CHANGED}), "fix",
     lambda f: f"Change {_names(f)}"),
    (frozenset({Label.CONSTANT_ADDED, Label.FIELD_ADDED}), "feat", lambda f: f"Add {_names(f)}"),
    (frozenset({Label.CONSTANT_CHANGED}), "chore", lambda f: f"Change {_names(f)}"),
    (frozenset({Label.DOCS_ONLY, Label.MODULE_DOCS_ONLY}), "docs",
     lambda f: f"Document {_names(f) or _base(f[0].path)}"),
    (frozenset({Label.FORMATTING_ONLY}), "style", lambda f: f"Reformat {_base(f[0].path)}"),
)  # fmt: skip


def plain_subject(change: ReviewedChange, habit: Habit) -> str:
    """One line in the repository's form; about the names of files where no tree says more."""
    type_, said = _said(change)
    if habit.mood != "imperative":
        verb, _, rest = said.partition(" ")
        said = f"{_VERBS[habit.mood].get(verb, verb)} {rest}"
    return in_form(said, habit, prefix_for(change, habit, type_))


def prefix_for(change: ReviewedChange, habit: Habit, type_: str = "") -> str:
    """The prefix that a message on this change would have here, with what parts it from the rest."""
    if habit.prefix == "conventional":
        return f"{type_ or _said(change)[0]}: "
    if habit.prefix:
        paths = sorted(change.names)
        known = habit.area_of(paths)
        area = PurePosixPath(paths[0]).parts[0].partition(".")[0] if paths else ""
        return known or (f"[{area}] " if habit.prefix == "bracket" else f"{area}: ")
    return ""


def _said(change: ReviewedChange) -> tuple[str, str]:
    """The type by Conventional Commits, and a subject in the imperative."""
    source = [file for file in change.files if file.pair.after.language.grammar and not is_test(file.path)]
    tests = [path for path in sorted(change.names) if is_test(path)]
    if not source:
        if tests and len(tests) == len(change.names):
            stem = PurePosixPath(tests[0]).stem.removeprefix("test_").removesuffix("_test").partition(".")[0]
            return "test", f"Test {stem}"
        return _about_files(sorted(change.names), change)
    labels = [label for file in source for label in file.labels]
    for about, type_, say in _RULES:
        if found := [label for label in labels if label.label in about]:
            return type_, say(found)
    return _about_files([file.path for file in source], change)


def _about_files(paths: Sequence[str], change: ReviewedChange) -> tuple[str, str]:
    type_ = "docs" if paths and all(path.endswith(_DOCS) for path in paths) else "chore"
    gone = [file.path for file in change.files if file.after is None]
    verb = "Add" if paths and set(paths) <= set(change.new_names) else "Change"
    if paths and set(paths) <= set(gone):
        verb = "Delete"
    names = [_base(path) for path in paths]
    more = f" and {len(names) - _MOST_NAMED} more files" if len(names) > _MOST_NAMED else ""
    return type_, f"{verb} {', '.join(names[:_MOST_NAMED])}{more}"


def _base(path: str) -> str:
    return path.rpartition("/")[2]
