"""The rules for labels of classes: their bases, members, fields, constructors, names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from context.codeflow.code_tokens import BLOCK, COMMENT, DOC, Token, code
from context.codeflow.labels import Finding, Label
from context.codeflow.sides import CLASSES, FUNCTIONS, VALUES, FilePair, Side, most_alike, qualified

if TYPE_CHECKING:
    from context.outline import Symbol

CONSTRUCTORS = frozenset({"__init__", "__new__", "constructor", "initialize", "__construct", "init", "new"})
HEAD_LINES = 20  # of a class; decorators and a list of bases, one a line
_IMPLEMENTS = re.compile(r"(?m)^[ \t]*(?:unsafe )?impl\b[^\n{]*?\b([\w:]+(?:<[^{\n]*?>)?) for (?:&)?([\w:]+)")


def class_findings(pair: FilePair) -> Iterator[Finding]:
    """What the rules find in the classes of one file; moves between files are found elsewhere."""
    renamed = {old: new for old, _, new, _ in pair.renamed}
    yield from _bases(pair, renamed)
    yield from _members(pair, renamed)
    yield from _fields(pair)
    for key, old, new in pair.kept:
        if _is_constructor(old) and code(pair.before.tokens(old)) != code(pair.after.tokens(new)):
            yield _finding(Label.CONSTRUCTOR_CHANGED, pair, key, old, new)
    for _, old, key, new in pair.renamed:
        if old.kind in CLASSES:
            yield _finding(Label.CLASS_RENAMED, pair, key, old, new, f"{old.name} -> {new.name}")


def bases_of(side: Side, symbol: Symbol) -> tuple[str, ...]:
    """What the head of a class says behind its name (and type parameters), up to the body."""
    found_tokens = side.source.tokens(symbol.line, min(symbol.end_line, symbol.line + HEAD_LINES))
    tokens = [token for token in found_tokens if token.kind not in (COMMENT, DOC)]
    at = next((i for i, token in enumerate(tokens) if token.text == symbol.name), None)
    if at is None:
        return ()
    found: list[str] = []
    depth = 0
    for index in range(at + 1, len(tokens)):
        token = tokens[index]
        if (
            token.kind == BLOCK
            or token.text in ("{", ";")
            or (token.text == ":" and not depth and _ends(tokens, index))
        ):
            break
        depth += (token.text in "([<") - (token.text in ")]>") if len(token.text) == 1 else 0
        found.append(token.text)
        if len(found) > 200:  # no head is that long: a language without body openers
            return ()
    if found and found[0] == "<":
        found = _after_angles(found)
    return tuple(text for text in found if text not in ("(", ")", ",", "struct", "interface"))


def implemented(text: str) -> set[tuple[str, str]]:
    """Pairs (trait, type) that a Rust file implements."""
    return {(trait, name) for trait, name in _IMPLEMENTS.findall(text)}


def moved_members(pairs: Sequence[FilePair]) -> Iterator[tuple[FilePair, str, Symbol, FilePair, str, Symbol]]:
    """Members that left one class and came, alike, to another, in the same file or across files."""
    taken: set[tuple[str, str]] = set()
    for pair in pairs:
        for key, old in pair.gone:
            if old.kind not in FUNCTIONS or not _is_member(old, pair.before):
                continue
            rivals = [
                (other.after, new_key, new)
                for other in pairs
                for new_key, new in other.new
                if new.kind in FUNCTIONS
                and new.name == old.name
                and _is_member(new, other.after)
                and new.parent != old.parent
                and new.parent not in {n for _, _, n, _ in other.renamed}
                and (other.path, new_key) not in taken
            ]
            found = most_alike(pair.before, old, rivals)
            if found is not None:
                side, new_key, new = found
                taken.add((side.path, new_key))
                target = next(other for other in pairs if other.after is side)
                yield pair, key, old, target, new_key, new


def _is_member(symbol: Symbol, side: Side) -> bool:
    """Whether a function belongs to a class; not one inside another function."""
    if not symbol.parent:
        return False
    around = side.symbols.get(symbol.parent)
    return symbol.kind == "method" if around is None else around.kind in CLASSES


def _bases(pair: FilePair, renamed: dict[str, str]) -> Iterator[Finding]:
    new_names = {new: old for old, new in renamed.items()}
    both = [(key, old, new) for key, old, new in pair.kept if old.kind in CLASSES]
    both += [(key, pair.before.symbols[new_names[key]], pair.after.symbols[key]) for key in new_names]
    for key, old, new in both:
        if old.kind not in CLASSES or new.kind not in CLASSES:
            continue
        before, after = bases_of(pair.before, old), bases_of(pair.after, new)
        if before != after:
            detail = f"{' '.join(before)} -> {' '.join(after)}"
            yield Finding(
                Label.BASE_CHANGED, pair.path, key, _head(pair.before, old), _head(pair.after, new), detail
            )
    if (
        pair.after.language.name == "rust"
        and pair.change.before is not None
        and pair.change.after is not None
    ):
        before, after = implemented(pair.before.text), implemented(pair.after.text)
        for trait, name in sorted(before ^ after):
            lines = [n for n, line in enumerate(pair.after.lines) if f" {trait} for {name}" in line]
            old = [n for n, line in enumerate(pair.before.lines) if f" {trait} for {name}" in line]
            yield Finding(
                Label.BASE_CHANGED,
                pair.path,
                name,
                (old[0], old[0] + 1) if old else (0, 0),
                (lines[0], lines[0] + 1) if lines else (0, 0),
                f"{'+' if lines else '-'}{trait}",
            )


def _members(pair: FilePair, renamed: dict[str, str]) -> Iterator[Finding]:
    names = {old for old, *_ in pair.renamed} | {new for _, _, new, _ in pair.renamed}
    classes = {key: symbol for key, symbol in pair.before.symbols.items() if symbol.kind in CLASSES}
    there = {key for key, symbol in pair.after.symbols.items() if symbol.kind in CLASSES}
    back = {new: old for old, new in renamed.items()}
    for key, symbol in pair.new:
        if symbol.kind in CLASSES and key not in names:
            yield _finding(Label.CLASS_ADDED, pair, key, None, symbol, symbol.name)
        elif symbol.kind in FUNCTIONS and symbol.parent and key not in names:
            parent = back.get(symbol.parent, symbol.parent)
            if parent != symbol.parent and f"{parent}.{symbol.name}" in pair.before.symbols:
                continue  # a member of a renamed class
            if parent in classes or _is_type_elsewhere(symbol, pair):
                yield _finding(Label.MEMBER_ADDED, pair, key, None, symbol, symbol.name)
    for key, symbol in pair.gone:
        if symbol.kind in CLASSES and key not in names:
            yield _finding(Label.CLASS_REMOVED, pair, key, symbol, None, symbol.name)
        elif symbol.kind in FUNCTIONS and symbol.parent and key not in names:
            parent = renamed.get(symbol.parent, symbol.parent)
            if parent != symbol.parent and f"{parent}.{symbol.name}" in pair.after.symbols:
                continue
            if parent in there or _is_type_elsewhere(symbol, pair):
                yield _finding(Label.MEMBER_REMOVED, pair, key, symbol, None, symbol.name)


def _is_type_elsewhere(symbol: Symbol, pair: FilePair) -> bool:
    """Whether a method's type stands in another file (Go, Rust)."""
    known = symbol.parent in pair.before.symbols or symbol.parent in pair.after.symbols
    return symbol.kind == "method" and not known


def _fields(pair: FilePair) -> Iterator[Finding]:
    """Fields by name: one that is declared in the class and assigned in the constructor is one field."""
    known = {key for key, s in pair.before.symbols.items() if s.kind in CLASSES}
    known &= {key for key, s in pair.after.symbols.items() if s.kind in CLASSES}
    there = [
        {qualified(s) for s in side.symbols.values() if s.kind in VALUES}
        for side in (pair.before, pair.after)
    ]
    for key, symbol in pair.new:
        if symbol.kind in VALUES and symbol.parent in known and qualified(symbol) not in there[0]:
            yield _finding(Label.FIELD_ADDED, pair, key, None, symbol, symbol.name)
    for key, symbol in pair.gone:
        if symbol.kind in VALUES and symbol.parent in known and qualified(symbol) not in there[1]:
            yield _finding(Label.FIELD_REMOVED, pair, key, symbol, None, symbol.name)
    for key, old, new in pair.kept:
        if old.kind not in VALUES or new.kind not in VALUES or old.parent not in known:
            continue
        same = code(pair.before.tokens(old)) == code(pair.after.tokens(new))
        if not same and not pair.after.is_in_function(new.line):
            yield _finding(Label.FIELD_CHANGED, pair, key, old, new, new.name)


def _is_constructor(symbol: Symbol) -> bool:
    if symbol.kind == "constructor":
        return True
    own_class = symbol.parent.rpartition(".")[2]
    return bool(symbol.parent) and (symbol.name in CONSTRUCTORS or symbol.name == own_class)


def _head(side: Side, symbol: Symbol) -> tuple[int, int]:
    """The lines of a class's head: up to the line on which its name's parentheses or body open."""
    for line in range(symbol.line, symbol.end_line + 1):
        text = side.lines[line].rstrip()
        if text.endswith(("{", ":", ";")):
            return symbol.line, line + 1
    return symbol.line, symbol.line + 1


def _ends(tokens: Sequence[Token], index: int) -> bool:
    """Whether a colon outside brackets opens the body (Python) and no list of bases (C#, Swift, Kotlin)."""
    return (
        index + 1 >= len(tokens)
        or tokens[index + 1].kind == BLOCK
        or (tokens[index + 1].line != tokens[index].line)
    )


def _after_angles(texts: list[str]) -> list[str]:
    depth = 0
    for index, text in enumerate(texts):
        depth += (text == "<") - (text == ">")
        if depth == 0:
            return texts[index + 1 :]
    return texts


def _finding(
    label: Label, pair: FilePair, key: str, old: Symbol | None, new: Symbol | None, detail: str = ""
) -> Finding:
    return Finding(
        label,
        pair.path,
        key,
        (old.line, old.end_line + 1) if old else (0, 0),
        (new.line, new.end_line + 1) if new else (0, 0),
        detail,
    )
