"""Says what a change is, on three levels, from the syntax trees of both sides; messages are not read.

`findings` takes the files of one commit and gives every label with its place. The rules stand in
`function_rules`, `class_rules` and `module_rules`; this module asks them in order and settles what only the
whole commit can settle: a member that is gone here and new there was moved, not removed and added.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from context.codeflow.class_rules import class_findings, moved_members
from context.codeflow.code_tokens import code, prose
from context.codeflow.function_rules import Both, function_findings
from context.codeflow.labels import Finding, Label, Level
from context.codeflow.module_rules import (
    constant_findings,
    file_findings,
    import_findings,
    move_findings,
    moved_symbols,
)
from context.codeflow.regions import touches
from context.codeflow.sides import CLASSES, FUNCTIONS, FileChange, FilePair, Side, pairs_of

__all__ = ["FileChange", "Finding", "Label", "Level", "findings", "findings_of_pairs"]

_COME = frozenset({Label.ADDED, Label.MEMBER_ADDED, Label.CLASS_ADDED})
_GONE = frozenset({Label.REMOVED, Label.MEMBER_REMOVED, Label.CLASS_REMOVED})


def findings(changes: Sequence[FileChange]) -> tuple[Finding, ...]:
    """Every label of one commit, file by file. Files in languages without a grammar get file labels only."""
    return findings_of_pairs(pairs_of(changes))


def findings_of_pairs(pairs: Sequence[FilePair]) -> tuple[Finding, ...]:
    """The same from pairs already made."""
    found: list[Finding] = []
    for pair in pairs:
        about_file = list(file_findings(pair))
        found += about_file
        if any(finding.label in (Label.FORMATTING_ONLY,) for finding in about_file):
            continue
        found += import_findings(pair)
        found += constant_findings(pair)
        if pair.change.before is not None and pair.change.after is not None:
            inner = [*class_findings(pair), *_functions(pair)]
            found += inner
            found += _elsewhere(pair, [*found, *inner])
    members = list(moved_members(pairs))
    symbols = list(moved_symbols(pairs))
    moved_away = {(source.path, key) for source, key, *_ in (*members, *symbols)}
    moved_here = {(target.path, key) for *_, target, key, _ in (*members, *symbols)}
    found = [
        finding
        for finding in found
        if not (finding.label in _COME and (finding.path, finding.symbol) in moved_here)
        and not (finding.label in _GONE and (finding.path, finding.symbol) in moved_away)
    ]
    for source, key, old, target, new_key, new in members:
        detail = f"{old.name}: {old.parent} -> {new.parent}"
        gone, come = (old.line, old.end_line + 1), (new.line, new.end_line + 1)
        found.append(Finding(Label.MEMBER_MOVED, source.path, key, gone, (0, 0), detail))
        found.append(Finding(Label.MEMBER_MOVED, target.path, new_key, (0, 0), come, detail))
    found += move_findings(symbols)
    return tuple(dict.fromkeys(found))


def _functions(pair: FilePair) -> Iterator[Finding]:
    imported = _imported(pair.before) | _imported(pair.after)
    for key, old, new in pair.kept:
        if old.kind in FUNCTIONS and new.kind in FUNCTIONS:
            yield from function_findings(_both(pair, key, old, new, imported))
    renamed = set()
    for old_key, old, key, new in pair.renamed:
        if old.kind in FUNCTIONS:
            renamed |= {old_key, key}
            lines = (old.line, old.end_line + 1), (new.line, new.end_line + 1)
            yield Finding(Label.RENAMED, pair.path, key, *lines, f"{old.name} -> {new.name}")
            yield from function_findings(_renamed_both(pair, key, old, new, imported))
    for symbols, label in ((pair.new, Label.ADDED), (pair.gone, Label.REMOVED)):
        for key, symbol in symbols:
            if symbol.kind in FUNCTIONS and not _in_class(pair, symbol.parent) and key not in renamed:
                lines = (symbol.line, symbol.end_line + 1)
                spans = ((0, 0), lines) if label is Label.ADDED else (lines, (0, 0))
                yield Finding(label, pair.path, key, *spans, symbol.name)


def _elsewhere(pair: FilePair, known: Sequence[Finding]) -> Iterator[Finding]:
    """What differs out of all other rules' reach: statements at the top of a file, class bodies, comments."""
    if pair.before.source.root is None:
        return
    about = [finding for finding in known if finding.path == pair.path and not _is_whole(finding, pair)]
    for hunk in pair.hunks:
        if any(
            (hunk.a1 > hunk.a0 and touches(finding.old, hunk.a0, hunk.a1))
            or (hunk.b1 > hunk.b0 and touches(finding.new, hunk.b0, hunk.b1))
            for finding in about
        ):
            continue
        old = pair.before.source.tokens(hunk.a0, hunk.a1 - 1)
        new = pair.after.source.tokens(hunk.b0, hunk.b1 - 1)
        spans = (hunk.a0, hunk.a1), (hunk.b0, hunk.b1)
        if code(old) != code(new):
            yield Finding(Label.CODE_CHANGED, pair.path, "", *spans)
        elif prose(old) != prose(new):
            yield Finding(Label.MODULE_DOCS_ONLY, pair.path, "", *spans)
        else:
            yield Finding(Label.FORMATTING_ONLY, pair.path, "", *spans)


def _is_whole(finding: Finding, pair: FilePair) -> bool:
    return not finding.symbol and finding.new == (0, len(pair.after.lines))


def _both(pair: FilePair, key: str, old, new, imported: frozenset[str]) -> Both:
    return Both(
        pair.path,
        key,
        pair.after.language.name,
        pair.before.facts(old),
        pair.after.facts(new),
        pair.before.tokens(old),
        pair.after.tokens(new),
        (old.line, old.end_line + 1),
        (new.line, new.end_line + 1),
        pair.hunks_in(key, old, new),
        imported,
    )


def _renamed_both(pair: FilePair, key: str, old, new, imported: frozenset[str]) -> Both:
    return _both(pair, key, old, new, imported)


def _in_class(pair: FilePair, parent: str) -> bool:
    if not parent:
        return False
    for side in (pair.before, pair.after):
        symbol = side.symbols.get(parent)
        if symbol is not None:
            return symbol.kind in CLASSES
    return True  # a method whose class stands in another file


def _imported(side: Side) -> frozenset[str]:
    names: set[str] = set()
    for imported in side.outline.imports:
        names.update(imported.names)
        names.add(imported.module.replace("::", ".").replace("/", ".").rpartition(".")[2])
        names.add(imported.module.split(".")[0])
    return frozenset(names)
