"""A document and its new text to ``Checks``: every checker is asked before and after the edit.

The corridor of this package: syntax first, since names and rules mean nothing in what does not parse; then
names, then the linter. Takes some 50 ms where ruff is installed; belongs on a worker thread. Asks the disk
for ruff's rules only.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from context.document import Document, split_lines
from context.refactor.difference import LineChange, line_changes
from context.verify.checks import Checks, Finding, flipped, is_changed, joined, new_in_place, new_ones
from context.verify.omissions import odd_characters, omissions
from context.verify.orphans import orphans
from context.verify.python_names import name_findings
from context.verify.ruff import RuffFailed, find_ruff, ruff_findings
from context.verify.syntax import Parsed, has_grammar, has_reader, strict_error, too_large, tree_errors

WORKERS = 4  # files that are checked at once


def verify(before: Document, after: str, *, root: Path | None = None, lint: bool = True) -> Checks:
    """What gets worse and what gets better if ``before`` becomes ``after``.

    ``root``: the workspace folder that ``before.path`` is relative to, for the project's own rules of ruff.
    Without ``lint`` no other program is started. A new file is checked against an empty document.
    """
    changes = list(line_changes(before.lines, split_lines(after)))
    if not changes:
        return Checks(ran=("nothing changes",))
    found = _slips(before, after, changes)
    parsed = [Parsed.of(before.path, before.language, text) for text in (before.text, after)]
    syntax, readable = _syntax(before, after, changes, parsed)
    if any(finding.kind == "syntax error" for finding in syntax.worse):
        return joined((syntax, found))
    if before.language == "python":
        return joined((syntax, found, _python(before, after, changes, root, lint, readable)))
    return joined((syntax, found, _orphaned(*parsed)))


def verify_all(
    texts: Iterable[tuple[Document, str]], *, root: Path | None = None, lint: bool = True
) -> Checks:
    """The checks of an edit to several files; new files are documents without text."""
    pairs = list(texts)
    if len(pairs) < 2:
        return joined(verify(before, after, root=root, lint=lint) for before, after in pairs)
    with ThreadPoolExecutor(WORKERS) as pool:  # what takes time is another program
        return joined(pool.map(lambda pair: verify(*pair, root=root, lint=lint), pairs))


def _slips(before: Document, after: str, changes: list[LineChange]) -> Checks:
    sides = before.path, before.lines, split_lines(after), changes
    return Checks(worse=(*odd_characters(*sides), *omissions(*sides)))


def _syntax(
    before: Document, after: str, changes: list[LineChange], parsed: Sequence[Parsed]
) -> tuple[Checks, bool]:
    """Whether it still parses; and whether the old text did, without which names cannot be compared."""
    path, language = before.path, before.language
    was_wrong, is_wrong = (strict_error(path, language, text) for text in (before.text, after))
    old, new = map(tree_errors, parsed)
    worse = new_in_place(old, new, changes) if old is not None and new is not None else []
    better = new_in_place(new, old, flipped(changes)) if old is not None and new is not None else []
    if is_wrong and not was_wrong:
        worse = [is_wrong]  # the language's own reader says it better
    if was_wrong and not is_wrong:
        better = [was_wrong]
    ran, skipped, unproven = (), (), False
    if new is not None or (has_reader(path, language) and not is_wrong):
        ran = () if worse else ("no new syntax error" if new or is_wrong else "it parses",)
    elif has_grammar(language):
        why = "it is larger than 512 KiB" if too_large(after) else "it is no ordinary source text"
        skipped, unproven = (f"{path} was not parsed: {why}",), True
    elif not worse:
        skipped = (f"nothing here can read {language or 'such a file'} to check it",)
    return Checks(tuple(worse), tuple(better), ran, skipped, unproven), not (was_wrong or old)


def _python(
    before: Document, after: str, changes: list[LineChange], root: Path | None, lint: bool, readable: bool
) -> Checks:
    """Names, imports and rules, by ruff where it is there."""
    said = ""
    if lint and (program := find_ruff(root)):
        try:
            old, new = (ruff_findings(program, before.path, text, root) for text in (before.text, after))
            return _compared(old, new, changes, readable, ("names and imports hold", "no new lint findings"))
        except RuffFailed as error:
            said = str(error)
    old, new = (name_findings(before.path, text) for text in (before.text, after))
    if old is None and not readable:
        old = []
    if old is None or new is None:
        return Checks(skipped=(said or f"the names of {before.path} were not checked",))
    checks = _compared(old, new, changes, readable, ("names and imports hold",))
    return replace(checks, skipped=(said,)) if said else checks


def _compared(
    old: list[Finding], new: list[Finding], changes: list[LineChange], readable: bool, ran: tuple[str, ...]
) -> Checks:
    """What differs; of a text that did not parse nothing was known, so only changed lines count then."""
    worse = new_ones(old, new)
    if not readable:
        worse = [finding for finding in worse if is_changed(finding.line, changes)]
    return Checks(tuple(worse), tuple(new_ones(new, old)), () if worse else ran)


def _orphaned(before: Parsed, after: Parsed) -> Checks:
    found = orphans(before, after)
    if found is None:
        return Checks()
    return Checks(worse=tuple(found), ran=() if found else ("no name lost its declaration",))
