"""What an outline is: frozen values, their form on disk, and the innermost symbol around a line."""

from __future__ import annotations

import json
from dataclasses import dataclass

OUTLINE_VERSION = 1  # goes up when the same text gives another outline: caches on disk are keyed by it

_AROUND = frozenset(("function", "method", "class", "interface", "struct", "enum", "trait"))


@dataclass(frozen=True, slots=True)
class Symbol:
    """A named thing. Lines are zero-based, ``end_line`` inclusive.

    ``kind``: function method class interface struct enum trait type constant variable module field; a Rust
    ``impl`` block and a Swift extension are a class. ``parent``: the names around it, joined by ".".
    ``signature``: the head without the body on one line, at most 200 characters. ``doc``: its first line.
    """

    name: str
    kind: str
    parent: str
    line: int
    end_line: int
    signature: str
    doc: str = ""


@dataclass(frozen=True, slots=True)
class Import:
    """``module`` as ``imports.resolve`` wants it, ``names`` taken from it ("*" for all), zero-based line."""

    module: str
    names: tuple[str, ...] = ()
    line: int = 0


@dataclass(frozen=True, slots=True)
class Outline:
    """A file's symbols by line, its imports, how often it uses which identifier (most used first), its doc.

    ``references`` holds identifiers of three and more characters that are no keywords, at most 400.
    """

    language: str
    symbols: tuple[Symbol, ...] = ()
    imports: tuple[Import, ...] = ()
    references: tuple[tuple[str, int], ...] = ()
    doc: str = ""


def qualified(symbol: Symbol) -> str:
    """The symbol's name with its parents' before it."""
    return f"{symbol.parent}.{symbol.name}" if symbol.parent else symbol.name


def enclosing(outline: Outline, line: int) -> Symbol | None:
    """The innermost function, method or class around a zero-based line; None at the top level."""
    around = [s for s in outline.symbols if s.line <= line <= s.end_line and s.kind in _AROUND]
    return min(reversed(around), key=lambda s: s.end_line - s.line, default=None)


def to_json(outline: Outline) -> str:
    """The outline as compact JSON, for a cache keyed by ``OUTLINE_VERSION`` and the text's hash."""
    symbols = [(s.name, s.kind, s.parent, s.line, s.end_line, s.signature, s.doc) for s in outline.symbols]
    imports = [(i.module, i.names, i.line) for i in outline.imports]
    whole = (outline.language, symbols, imports, outline.references, outline.doc)
    return json.dumps(whole, ensure_ascii=False, separators=(",", ":"))


def from_json(text: str) -> Outline:
    """What ``to_json`` wrote; ValueError for anything else."""
    try:
        language, symbols, imports, references, doc = json.loads(text)
        return Outline(
            language,
            tuple(Symbol(*symbol) for symbol in symbols),
            tuple(Import(module, tuple(names), line) for module, names, line in imports),
            tuple((name, count) for name, count in references),
            doc,
        )
    except (TypeError, ValueError) as error:
        raise ValueError("this is not an outline that to_json wrote; make it again from the file") from error
