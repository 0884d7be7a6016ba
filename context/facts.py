"""What is known of one workspace folder, as plain questions: index, history and past changes behind one
front, so that the sources need not know which of them are there yet.

Made anew for each dossier; remembers what it read for as long as that takes. Not for the request path.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from context.document import Document
from context.history.values import FunctionChange, History
from context.imports import PathSet, resolve
from context.language import language_of_path
from context.outline import Import, Outline, Symbol, outline
from context.privacy import may_be_prompted, read_text

if TYPE_CHECKING:
    from context.codeflow import FlowBook
    from context.index import Index

_WITHOUT_INDEX = 3.0  # rarity of any name while nothing is indexed: all alike
MOST_DEFINING = 3  # files one name may point to: a name that many files define says nothing
HOLDERS = frozenset({"class", "interface", "struct", "enum", "trait", "type"})  # kinds that have members
_TEST_PREFIXES, _TEST_SUFFIXES = ("test_",), ("_test", ".test", ".spec", "_spec", "tests", "test")


class Layout:
    """A folder's file names, arranged once for all that is asked of them."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = names
        self.paths = PathSet(names)
        self.folders: dict[str, list[str]] = {}  # the files directly in each folder, "." for the root
        self.stems: dict[str, list[str]] = {}  # by lower-case name, with and without what marks a test
        for path in names:
            self.folders.setdefault(path.rpartition("/")[0] or ".", []).append(path)
            stem = path.rpartition("/")[2].rpartition(".")[0].lower()
            plain = stem
            for prefix in _TEST_PREFIXES:
                plain = plain.removeprefix(prefix)
            for suffix in _TEST_SUFFIXES:
                plain = plain.removesuffix(suffix)
            for key in {stem, plain} - {""}:
                self.stems.setdefault(key, []).append(path)


@dataclass(frozen=True)
class Facts:
    """One folder's slow facts at one moment. ``opened``: the editor's text, the truth for its files."""

    root: Path | None = None
    index: Index | None = None
    history: History | None = None
    flows: FlowBook | None = None
    layout: Layout = field(default_factory=lambda: Layout(()))
    opened: Mapping[str, Document] = field(default_factory=dict)  # by path
    closed: Sequence[str] = ()  # paths of documents closed lately, the latest first
    outline_of: Callable[[Document], Outline] | None = None
    function_changes: Callable[[Document, Symbol], tuple[FunctionChange, ...]] | None = (
        None  # those known by now
    )
    maps: Sequence[str] = ()  # the project's map, in several sizes, the largest first
    _texts: dict[str, str | None] = field(default_factory=dict)
    _definitions: dict[str, tuple[tuple[str, Symbol], ...]] = field(default_factory=dict)

    def text(self, path: str) -> str | None:
        """A file's text, where it may be read at all."""
        if (document := self.opened.get(path)) is not None:
            return document.text
        if path not in self._texts:
            allowed = self.root is not None and may_be_prompted(path)
            self._texts[path] = read_text(self.root, path) if allowed and self.root is not None else None
        return self._texts[path]

    def outline(self, path: str) -> Outline | None:
        """A file's outline: of an open document as it is now, of another as it was indexed."""
        if (document := self.opened.get(path)) is not None:
            if self.outline_of is not None:
                return self.outline_of(document)
            return outline(language_of_path(path), document.text)
        if self.index is not None:
            return self.index.outline(path)
        return None

    def resolve(self, imported: Import, document: Document, importer: str = "") -> tuple[str, ...]:
        """The workspace's files that an import of ``document`` means, or of the file ``importer``."""
        return resolve(
            imported,
            importer=importer or document.path,
            language=document.language,
            paths=self.layout.paths,
        )

    def defining(self, name: str) -> tuple[str, ...]:
        """The files that define ``name``."""
        return self.index.defining(name) if self.index is not None else ()

    def definitions(self, name: str) -> tuple[tuple[str, Symbol], ...]:
        """What is called ``name`` in the few files that define it, with the file; none where many do."""
        if name not in self._definitions:
            paths = self.defining(name)
            shapes = {path: self.outline(path) for path in paths} if len(paths) <= MOST_DEFINING else {}
            self._definitions[name] = tuple(
                (path, symbol)
                for path, shape in shapes.items()
                for symbol in (shape.symbols if shape is not None else ())
                if symbol.name == name
            )
        return self._definitions[name]

    def holders(self, name: str) -> tuple[tuple[str, Symbol], ...]:
        """The definitions of ``name`` that have members: classes, structs, interfaces and the like."""
        return tuple(one for one in self.definitions(name) if one[1].kind in HOLDERS)

    def use(self, name: str) -> tuple[int, int]:
        """In how many files a name is used, and in how many defined."""
        return self.index.use(name) if self.index is not None else (1, 0)

    def rarity(self, name: str) -> float:
        """How much it says that a file holds ``name``: the logarithm of how few do."""
        if self.index is None or not self.index.state.ready:
            return _WITHOUT_INDEX
        return self.index.rarity(name)

    def linked(self, path: str) -> tuple[tuple[str, float], ...]:
        """Files that refer to ``path`` or that it refers to, strongest first (weights from 0 to 1)."""
        found = self.index.linked(path) if self.index is not None else ()
        strongest = max((weight for _, weight in found), default=1.0) or 1.0
        return tuple((other, math.sqrt(weight / strongest)) for other, weight in found)

    def changed_with(self, path: str) -> tuple[tuple[str, float], ...]:
        """Files that commits changed together with ``path``."""
        return self.history.changed_with(path) if self.history is not None else ()

    def in_folder(self, folder: str) -> Sequence[str]:
        """The files that lie directly in ``folder`` ("." for the root)."""
        return self.layout.folders.get(folder, ())

    def named(self, stem: str) -> Sequence[str]:
        """The files whose name, apart from a test's prefix or suffix, is ``stem`` (lower case)."""
        return self.layout.stems.get(stem, ())

    def ranked(self, most: int) -> Sequence[str]:
        """The files that the project refers to most."""
        return [path for path, _ in self.index.top(most)] if self.index is not None else []
