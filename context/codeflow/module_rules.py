"""The rules for labels of files: imports, constants, symbols on the move, files that come and go."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from context.codeflow.code_tokens import code, prose
from context.codeflow.labels import Finding, Label
from context.codeflow.sides import CLASSES, FUNCTIONS, VALUES, FilePair, Side, most_alike

if TYPE_CHECKING:
    from context.outline import Symbol

Whole = tuple[int, int]
NOWHERE: Whole = (0, 0)
_LAYOUT = dict.fromkeys(map(ord, " \t\r\n,;'\""))
LONGEST_IMPORT = 200  # lines; beyond, a bracket was miscounted


def file_findings(pair: FilePair) -> Iterator[Finding]:
    """Labels of one file as a whole."""
    change = pair.change
    old: Whole = (0, len(pair.before.lines)) if change.before is not None else NOWHERE
    new: Whole = (0, len(pair.after.lines)) if change.after is not None else NOWHERE
    if change.before is None:
        yield Finding(Label.FILE_CREATED, pair.path, "", NOWHERE, new)
        return
    if change.after is None:
        yield Finding(Label.FILE_DELETED, pair.path, "", old, NOWHERE)
        return
    if change.old_path and change.old_path != change.path:
        yield Finding(Label.FILE_RENAMED, pair.path, "", old, new, f"{change.old_path} -> {change.path}")
    if pair.hunks and pair.before.source.root is not None and _is_formatting(pair):
        yield Finding(Label.FORMATTING_ONLY, pair.path, "", old, new)


def import_findings(pair: FilePair) -> Iterator[Finding]:
    """Imports that came, went, or took another's place."""
    if pair.change.before is None or pair.change.after is None:
        return
    before, after = _imports(pair.before), _imports(pair.after)
    gone = {key: lines for key, lines in before.items() if key not in after}
    come = {key: lines for key, lines in after.items() if key not in before}
    for (module, name), other in _replaced(gone, come):
        old, new = gone.pop((module, name)), come.pop(other)
        detail = f"{_spelled(module, name)} -> {_spelled(*other)}"
        yield Finding(Label.IMPORT_REPLACED, pair.path, "", old, new, detail)
    for (module, name), lines in come.items():
        old = _statement_of(module, before)
        yield Finding(Label.IMPORT_ADDED, pair.path, "", old, lines, _spelled(module, name))
    left = {module for module, _ in after}
    for (module, name), lines in gone.items():
        detail = _spelled(module, name)
        yield Finding(Label.IMPORT_REMOVED, pair.path, "", lines, _statement_of(module, after), detail)
        if module not in left and _is_own(module, pair.path):
            yield Finding(Label.DECOUPLED, pair.path, "", lines, NOWHERE, module)


def constant_findings(pair: FilePair) -> Iterator[Finding]:
    """Constants and variables at the top of a file."""
    if pair.change.before is None or pair.change.after is None:
        return
    for key, old, new in pair.kept:
        if _is_constant(old, pair.before) and code(pair.before.tokens(old)) != code(pair.after.tokens(new)):
            yield Finding(Label.CONSTANT_CHANGED, pair.path, key, _lines(old), _lines(new), old.name)
    for key, symbol in pair.new:
        if _is_constant(symbol, pair.after):
            yield Finding(Label.CONSTANT_ADDED, pair.path, key, NOWHERE, _lines(symbol), symbol.name)
    for key, symbol in pair.gone:
        if _is_constant(symbol, pair.before):
            yield Finding(Label.CONSTANT_REMOVED, pair.path, key, _lines(symbol), NOWHERE, symbol.name)


def moved_symbols(pairs: Sequence[FilePair]) -> Iterator[tuple[FilePair, str, Symbol, FilePair, str, Symbol]]:
    """Functions and classes that left the top of a file and came, alike and of the same name, to another."""
    come: dict[str, list[tuple[FilePair, str, Symbol]]] = defaultdict(list)
    for pair in pairs:
        for key, symbol in pair.new:
            if not symbol.parent and (symbol.kind in FUNCTIONS or symbol.kind in CLASSES):
                come[symbol.name].append((pair, key, symbol))
    for pair in pairs:
        for key, old in pair.gone:
            if old.parent or (old.kind not in FUNCTIONS and old.kind not in CLASSES):
                continue
            rivals = [item for item in come.get(old.name, []) if item[0] is not pair]
            found = most_alike(pair.before, old, [(other.after, k, symbol) for other, k, symbol in rivals])
            if found is not None:
                side, new_key, new = found
                target = next(other for other, _, _ in rivals if other.after is side)
                come[old.name].remove((target, new_key, new))
                yield pair, key, old, target, new_key, new


def move_findings(
    moves: Sequence[tuple[FilePair, str, Symbol, FilePair, str, Symbol]],
) -> Iterator[Finding]:
    """Labels for both files of each move; a file split or merged where one of them came or went."""
    told: set[tuple[Label, str]] = set()
    for source, key, old, target, new_key, new in moves:
        detail = f"{old.name}: {source.path} -> {target.path}"
        yield Finding(Label.SYMBOLS_MOVED, source.path, key, _lines(old), NOWHERE, detail)
        yield Finding(Label.SYMBOLS_MOVED, target.path, new_key, NOWHERE, _lines(new), detail)
        label = None
        if target.change.before is None and source.change.after is not None:
            label = Label.FILE_SPLIT
        elif source.change.after is None and target.change.before is not None:
            label = Label.FILE_MERGED
        if label is not None:
            for pair in (source, target):
                if (label, pair.path) not in told:
                    told.add((label, pair.path))
                    yield Finding(label, pair.path, "", *_everything(pair), detail)


def _is_formatting(pair: FilePair) -> bool:
    """Whether the lines around the differences hold the same tokens on both sides."""
    first, last = pair.hunks[0], pair.hunks[-1]
    bare = (
        _bare(side.lines[start:end])
        for side, start, end in ((pair.before, first.a0, last.a1), (pair.after, first.b0, last.b1))
    )
    if next(bare) != next(bare):
        return False  # most changes end here, without a token made
    old = pair.before.source.tokens(max(first.a0 - 1, 0), last.a1)
    new = pair.after.source.tokens(max(first.b0 - 1, 0), last.b1)
    return bool(old or new) and code(old) == code(new) and prose(old) == prose(new)


def _bare(lines: Sequence[str]) -> str:
    """Lines without anything that a formatter adds, drops or replaces."""
    return "".join(lines).translate(_LAYOUT)


def _imports(side: Side) -> dict[tuple[str, str], Whole]:
    """(module, name) with its lines; a module imported as a whole has the name "". Those in functions are no
    coupling of the module: they count as statements of the function."""
    found: dict[tuple[str, str], Whole] = {}
    for imported in side.outline.imports:
        if side.is_in_function(imported.line):
            continue
        lines = (imported.line, _statement_end(side.lines, imported.line))
        for name in imported.names or ("",):
            found.setdefault((imported.module, name), lines)
    return found


def _statement_of(module: str, imports: dict[tuple[str, str], Whole]) -> Whole:
    """The lines of the statement that imports other names of a module on this side."""
    return next((lines for (other, _), lines in imports.items() if other == module), NOWHERE)


def _statement_end(lines: Sequence[str], start: int) -> int:
    """The line behind an import: behind its closing bracket where it has several lines."""
    depth = 0
    for line in range(start, min(start + LONGEST_IMPORT, len(lines))):
        text = lines[line].partition("#")[0].partition("//")[0]
        depth += sum(text.count(c) for c in "({") - sum(text.count(c) for c in ")}")
        if depth <= 0:
            return line + 1
    return start + 1


def _replaced(
    gone: dict[tuple[str, str], Whole], come: dict[tuple[str, str], Whole]
) -> list[tuple[tuple[str, str], tuple[str, str]]]:
    """Pairs: the same name from another module; another whole module where there is one of each."""
    pairs: list[tuple[tuple[str, str], tuple[str, str]]] = []
    left = dict(come)
    for module, name in gone:
        other = next((key for key in left if name and key[1] == name and key[0] != module), None)
        if other is not None:
            pairs.append(((module, name), other))
            del left[other]
    taken = {key for key, _ in pairs}
    rest = [key for key in gone if key not in taken]
    modules = {module for module, _ in rest}, {module for module, _ in left}
    if len(modules[0]) == 1 and len(modules[1]) == 1:
        pairs += list(zip(rest, left, strict=False))
    return pairs


def _is_own(module: str, path: str) -> bool:
    """Whether an import means the same project: relative, or beginning with a folder of the path."""
    if module.startswith((".", "crate", "super", "self::", "@/", "~/")):
        return True
    root = module.replace("::", ".").replace("/", ".").split(".")[0]
    return root in PurePosixPath(path).parts[:-1]


def _is_constant(symbol: Symbol, side: Side) -> bool:
    """Whether a symbol is a value at the top of a file; one in a function without a name is not."""
    return symbol.kind in VALUES and not symbol.parent and not side.lines[symbol.line][:1].isspace()


def _spelled(module: str, name: str) -> str:
    return f"{module}:{name}" if name else module


def _lines(symbol: Symbol) -> Whole:
    return (symbol.line, symbol.end_line + 1)


def _everything(pair: FilePair) -> tuple[Whole, Whole]:
    old = (0, len(pair.before.lines)) if pair.change.before is not None else NOWHERE
    return old, (0, len(pair.after.lines)) if pair.change.after is not None else NOWHERE
