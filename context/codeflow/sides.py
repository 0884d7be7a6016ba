"""A file before and after a change, with what its outlines say: which symbols stayed, went, came or changed
name.

Matching is by qualified name first, then by likeness of the bodies among what is left over. Everything
dear (trees, tokens) is made on first use and only for the lines asked for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

from context.codeflow.code_tokens import Source, Token, code
from context.codeflow.function_facts import FunctionFacts, function_facts
from context.codeflow.regions import Hunk, hunks
from context.language import Language, language_of_path

if TYPE_CHECKING:
    from context.outline import Outline, Symbol

FUNCTIONS = frozenset({"function", "method", "constructor"})
CLASSES = frozenset({"class", "interface", "struct", "enum", "trait"})
VALUES = frozenset({"constant", "variable", "field", "property"})
_REOPENS = ("impl ", "impl<", "unsafe impl", "extension ", "public extension ")
TEXTS_KEPT = 48  # what one commit leaves is what the next one finds; some MB with their trees
ALIKE = 0.6  # share of tokens in common from which two bodies are one that was renamed or moved
FEWEST_TOKENS = 8  # bodies shorter than that are alike by chance (`return self.x`)


@dataclass(frozen=True)
class FileChange:
    """A file on both sides; None where it did not exist. ``old_path`` is another one after a rename."""

    path: str
    old_path: str
    before: str | None
    after: str | None


class Side:
    """One text of a file, with its outline and tokens made when asked for."""

    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self.text = text
        self.language: Language = language_of_path(path)
        self.partner: Side | None = None
        self.lines: list[str] = text.split("\n")

    @cached_property
    def outline(self) -> Outline:
        """The outline of the text."""
        return _outline_of(self.language, self.text)

    @cached_property
    def source(self) -> Source:
        """The text with its syntax tree."""
        return _source_of(self.language, self.text)

    @cached_property
    def symbols(self) -> dict[str, Symbol]:
        """Symbols by qualified name, in order. A second one of a name (an overload) is "name#2", the same one
        on both sides where their signatures are equal."""
        own, other = _by_name(self), _by_name(self.partner) if self.partner is not None else {}
        keys: dict[int, str] = {}
        for name, symbols in own.items():
            rivals = other.get(name, [])
            if len(symbols) == len(rivals) == 1 or not rivals:
                order = symbols
            else:
                theirs, mine = [s.signature for s in rivals], [s.signature for s in symbols]
                both = [s for s in sorted(symbols, key=lambda s: s.signature) if s.signature in theirs]
                rest = [s for s in symbols if s.signature not in theirs]
                gap = max(0, len([s for s in rivals if s.signature in mine]) - len(both))
                order = both + [None] * gap + rest
            for index, symbol in enumerate(order):
                if symbol is not None:
                    keys[id(symbol)] = name if index == 0 else f"{name}#{index + 1}"
        return {keys[id(s)]: s for symbols in own.values() for s in symbols}

    def tokens(self, symbol: Symbol) -> tuple[Token, ...]:
        """The tokens of a symbol."""
        return self.source.tokens(symbol.line, symbol.end_line)

    def facts(self, symbol: Symbol) -> FunctionFacts:
        """The facts of a function."""
        return function_facts(self.language.name, symbol.name, self.tokens(symbol))

    def words_of(self, symbol: Symbol) -> Counter[str]:
        """The code of a symbol as a bag of tokens, without its own name."""
        bag = Counter(code(self.tokens(symbol)))
        del bag[symbol.name.rpartition(".")[2]]
        return bag

    @cached_property
    def _functions(self) -> tuple[tuple[int, int], ...]:
        return tuple((s.line, s.end_line) for s in self.outline.symbols if s.kind in FUNCTIONS)

    def is_in_function(self, line: int) -> bool:
        """Whether a line lies in a function."""
        return any(first <= line <= last for first, last in self._functions)

    def innermost(self, first: int, last: int) -> str:
        """The qualified name of the smallest function or class around the lines; "" at the top."""
        best, best_size = "", len(self.lines) + 1
        for key, symbol in self.symbols.items():
            if symbol.kind not in FUNCTIONS and symbol.kind not in CLASSES:
                continue
            size = symbol.end_line - symbol.line
            if symbol.line <= first and last <= symbol.end_line and size < best_size:
                best, best_size = key, size
        return best


class FilePair:
    """Both sides of a changed file, and how their symbols match."""

    def __init__(self, change: FileChange) -> None:
        self.change = change
        self.path = change.path
        self.before = Side(change.old_path or change.path, change.before or "")
        self.after = Side(change.path, change.after or "")
        self.before.partner, self.after.partner = self.after, self.before
        self._around: dict[Hunk, str] = {}

    @cached_property
    def hunks(self) -> tuple[Hunk, ...]:
        """The lines that differ."""
        a = [] if self.change.before is None else self.before.lines
        b = [] if self.change.after is None else self.after.lines
        return hunks(a, b)

    @cached_property
    def kept(self) -> tuple[tuple[str, Symbol, Symbol], ...]:
        """Symbols there before and after whose lines differ."""
        pairs = []
        for key, old in self.before.symbols.items():
            new = self.after.symbols.get(key)
            if new is not None and self._differ(old, new):
                pairs.append((key, old, new))
        return tuple(pairs)

    @cached_property
    def gone(self) -> tuple[tuple[str, Symbol], ...]:
        """Symbols there before only."""
        there = self.after.symbols
        return tuple((key, symbol) for key, symbol in self.before.symbols.items() if key not in there)

    @cached_property
    def new(self) -> tuple[tuple[str, Symbol], ...]:
        """Symbols there after only."""
        there = self.before.symbols
        return tuple((key, symbol) for key, symbol in self.after.symbols.items() if key not in there)

    @cached_property
    def renamed(self) -> tuple[tuple[str, Symbol, str, Symbol], ...]:
        """Functions and classes that changed their name: gone and new in the same parent, with like bodies.

        The members of a renamed class are matched under the new name and are themselves no rename.
        """
        pairs: list[tuple[str, Symbol, str, Symbol]] = []
        taken: set[str] = set()
        parents: dict[str, str] = {}
        for old_key, old in sorted(self.gone, key=lambda item: item[0].count(".")):
            if old.kind not in FUNCTIONS and old.kind not in CLASSES:
                continue
            parent = parents.get(old.parent, old.parent)
            same = f"{parent}.{old.name}" if parent else old.name
            if old.parent in parents and same in self.after.symbols:
                taken.add(same)
                continue
            rivals = [
                (key, new)
                for key, new in self.new
                if key not in taken and new.parent == parent and _alike_kinds(old, new)
            ]
            found = most_alike(self.before, old, [(self.after, key, new) for key, new in rivals])
            if found is not None:
                _, key, new = found
                if new.name == old.name:
                    continue
                pairs.append((old_key, old, key, new))
                taken.add(key)
                if old.kind in CLASSES:
                    parents[old_key] = key
        return tuple(pairs)

    def hunks_in(self, key: str, old: Symbol, new: Symbol) -> tuple[Hunk, ...]:
        """The hunks that meet a symbol on either side, but for those inside a function inside it."""
        return tuple(
            hunk
            for hunk in self.hunks
            if (
                (hunk.a0 <= old.end_line and hunk.a1 > max(hunk.a0, old.line))
                or (hunk.b0 <= new.end_line and hunk.b1 > max(hunk.b0, new.line))
            )
            and not self.symbol_of(hunk).startswith(key + ".")
        )

    def symbol_of(self, hunk: Hunk) -> str:
        """The function or class around a hunk, by the new lines where there are any."""
        known = self._around.get(hunk)
        if known is None:
            if hunk.b1 > hunk.b0:
                known = self.after.innermost(hunk.b0, hunk.b1 - 1)
            else:
                known = self.before.innermost(hunk.a0, hunk.a1 - 1)
            self._around[hunk] = known
        return known

    def _differ(self, old: Symbol, new: Symbol) -> bool:
        return self.before.lines[old.line : old.end_line + 1] != self.after.lines[new.line : new.end_line + 1]


def qualified(symbol: Symbol) -> str:
    """The symbol's name with its parents'."""
    return f"{symbol.parent}.{symbol.name}" if symbol.parent else symbol.name


@lru_cache(maxsize=TEXTS_KEPT)
def _outline_of(language: Language, text: str) -> Outline:
    from context.outline import outline

    return outline(language, text)


@lru_cache(maxsize=TEXTS_KEPT)
def _source_of(language: Language, text: str) -> Source:
    return Source(language, text)


def _by_name(side: Side) -> dict[str, list[Symbol]]:
    """A side's symbols by qualified name; what only reopens a type (impl, extension) is none."""
    found: dict[str, list[Symbol]] = {}
    for symbol in side.outline.symbols:
        if not symbol.signature.startswith(_REOPENS):
            found.setdefault(qualified(symbol), []).append(symbol)
    return found


def likeness(one: Counter[str], other: Counter[str]) -> float:
    """Share of tokens that two bodies have in common, from 0 to 1."""
    common = sum((one & other).values())
    return 2 * common / (sum(one.values()) + sum(other.values()) or 1)


def most_alike(
    side: Side, symbol: Symbol, rivals: Sequence[tuple[Side, str, Symbol]]
) -> tuple[Side, str, Symbol] | None:
    """Of the rivals the one whose code is most like the symbol's, if it is alike at all."""
    if not rivals:
        return None
    own = side.words_of(symbol)
    if sum(own.values()) < FEWEST_TOKENS:
        return None
    scored = [(likeness(own, there.words_of(rival)), there, key, rival) for there, key, rival in rivals]
    best, there, key, rival = max(scored, key=lambda item: item[0])
    return (there, key, rival) if best >= ALIKE else None


def pairs_of(changes: Iterable[FileChange]) -> list[FilePair]:
    """Pairs of the changes that have text on at least one side."""
    return [FilePair(change) for change in changes if change.before is not None or change.after is not None]


def _alike_kinds(old: Symbol, new: Symbol) -> bool:
    return (old.kind in FUNCTIONS and new.kind in FUNCTIONS) or (old.kind in CLASSES and new.kind in CLASSES)
