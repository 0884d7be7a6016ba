"""Other files of the workspace: what is imported, what defines the names used here, tests, neighbours, code
like this.

Read in the background, for a dossier: files come from the index and from disk, through the gate. The order
in which files are considered is one list (``related_files``); the sources, ``signatures`` among them, are
different views of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath

from context.document import Document
from context.facts import MOST_DEFINING, Facts
from context.items import ContextItem, Source, Stability
from context.language import Language, family_of, language_named, language_of_path
from context.outline import Outline, outline
from context.sources import weights
from context.sources.names import SHORTEST_NAME, assigned_in, members_of, names_near
from context.sources.receivers import CLOSE, Asked
from context.sources.similar_code import NO_NAMES, similar_chunks

_MOST_NAMES = 60  # names near the cursor that are looked up in the index
_MOST_USERS = 8  # files that use a class whose value is at the cursor
_MOST_RELATED = 80  # files considered at all; their text is read
_SMALL_WORKSPACE = 200  # files: all of them are considered where there are no more
_MUST_IMPORT = {"python", "javascript", "javascriptreact", "typescript", "typescriptreact", "rust", "lua"}


@dataclass(frozen=True, slots=True)
class Related:
    """A file that has to do with the document: how much (0 to 1 and a little more), and why."""

    path: str
    closeness: float
    why: str
    source: str


def related_files(document: Document, line: int, own: Outline, asked: Asked, facts: Facts) -> list[Related]:
    """Files that matter for this place, closest first. ``asked``: of what something is asked near it."""
    found: dict[str, Related] = {}
    family = _family(language_named(document.language))

    def add(path: str, closeness: float, why: str, source: str) -> None:
        known = found.get(path)
        if family and _family(language_of_path(path)) != family:
            return  # equal names in another language mean other things
        if path != document.path and (known is None or known.closeness < closeness):
            found[path] = Related(path, closeness, why, source)

    for imported in own.imports:
        for n, path in enumerate(facts.resolve(imported, document)):
            add(path, 1.0 / (1 + n) ** 0.5, f"imported as {imported.module or '.'}", Source.IMPORTS)
    for path, weight in asked.modules.items():
        add(path, 1.0 if weight >= CLOSE else 0.8, "asked by its name", Source.IMPORTS)
    for name, weight in asked.types.items():
        for path, _ in facts.holders(name):
            add(path, 1.0 if weight >= CLOSE else 0.8, f"defines {name}", Source.IMPORTS)
            if weight >= CLOSE:  # who else uses it shows how
                for user, share in facts.linked(path)[:_MOST_USERS]:
                    add(user, 0.35 + 0.2 * share, f"uses {name}, too", Source.SAME_FOLDER)
    for name, path, closeness in _defined_elsewhere(document, line, own, facts):
        add(path, closeness, f"defines {name}", Source.IMPORTS)
    for path in _tests(document.path, facts):
        add(path, 0.8, "tests this" if _is_test(path) else "tested here", Source.TESTS)
    for path, weight in facts.changed_with(document.path)[:10]:
        add(path, 0.5 + 0.3 * min(1.0, weight), "changed together", Source.SAME_FOLDER)
    for path, weight in facts.linked(document.path)[:20]:
        add(path, 0.4 + 0.2 * min(1.0, weight), "linked by names", Source.SAME_FOLDER)
    for n, path in enumerate(facts.closed):
        add(path, 0.7 / (1 + n) ** 0.5, "closed lately", Source.OPEN_FILE)
    folder = str(PurePosixPath(document.path).parent)
    suffix = PurePosixPath(document.path).suffix
    for path in facts.in_folder(folder):
        if PurePosixPath(path).suffix == suffix:
            alike = _alike(document.path, path)
            add(path, 0.35 + 0.3 * alike, "in the same folder", Source.SAME_FOLDER)
    if len(facts.layout.names) <= _SMALL_WORKSPACE:
        for path in facts.layout.names:
            add(path, 0.2, "in the workspace", Source.SAME_FOLDER)
    return sorted(found.values(), key=lambda one: (-one.closeness, one.path))[:_MOST_RELATED]


def _family(language: Language) -> str:
    """Which languages name each other's things; "" for text without a grammar."""
    return family_of(language.name) if language.grammar else ""


def _defined_elsewhere(
    document: Document, line: int, own: Outline, facts: Facts
) -> list[tuple[str, str, float]]:
    """Names near the cursor with a file that defines each, and how close that makes it.

    A member counts where it is used as one (``x.name``), a top-level name where it is not assigned here. In a
    language whose names must be imported, a bare name that is not says little.
    """
    near = names_near(document, line)
    text = document.text
    members = members_of(text)
    assigned = {symbol.name for symbol in own.symbols} | assigned_in(text)
    must_import = document.language in _MUST_IMPORT
    found = []
    for name, count in near.most_common(_MOST_NAMES):
        if len(name) < SHORTEST_NAME or name in NO_NAMES or (name in assigned and name not in members):
            continue
        defining = facts.defining(name)
        if not 0 < len(defining) <= MOST_DEFINING:
            continue
        for path in defining:
            shape = facts.outline(path)
            kinds = [bool(symbol.parent) for symbol in shape.symbols if symbol.name == name] if shape else []
            as_member = name in members and any(kinds)
            as_name = not all(kinds) and name not in assigned
            if as_member or as_name:
                closeness = (0.9 if count >= 3 else 0.7) / len(defining) ** 0.5
                weak = must_import and not as_member
                found.append((name, path, closeness * (0.5 if weak else 1.0)))
    return found


def similar(document: Document, line: int, related: list[Related], facts: Facts) -> list[ContextItem]:
    """Passages of related files that use the names used here."""
    texts = {one.path: text for one in related if (text := facts.text(one.path))}
    closeness = {one.path: one.closeness for one in related}
    found = similar_chunks(names_near(document, line), texts, facts.rarity, closeness)
    return [
        ContextItem(
            Source.SIMILAR_CODE,
            chunk.path,
            chunk.text,
            weights.SIMILAR_CODE * chunk.similarity,
            Stability.CLOSED_FILE,
            whole=chunk.whole,
            why=f"{chunk.similarity:.0%} like the code here: {', '.join(chunk.shared[:4])}",
        )
        for chunk in found
    ]


def whole_files(related: list[Related], facts: Facts, most_characters: int) -> list[ContextItem]:
    """All of the related files, closest first: for budgets that have room for them."""
    items, left = [], most_characters
    for one in related:
        text = facts.text(one.path)
        if not text or len(text) > left:
            continue
        left -= len(text)
        worth = weights.WHOLE_FILE * one.closeness
        items.append(
            ContextItem(one.source, one.path, text, worth, Stability.CLOSED_FILE, whole=True, why=one.why)
        )
    return items


def outline_of(document: Document, fresh: Callable[[Document], Outline] | None = None) -> Outline:
    """The document's own outline."""
    return fresh(document) if fresh else outline(language_named(document.language), document.text)


def _is_test(path: str) -> bool:
    stem = PurePosixPath(path).stem.lower()
    return stem.startswith("test_") or stem.endswith(("_test", ".test", ".spec", "test", "tests", "_spec"))


def _subject(path: str) -> str:
    """What a test's file name says it tests."""
    stem = PurePosixPath(path).stem
    return re.sub(r"^test_|(_test|\.test|\.spec|Tests?|_spec)$", "", stem).lower()


def _tests(path: str, facts: Facts) -> list[str]:
    """The tests of a file, or the files that a test is of."""
    subject, is_test = _subject(path), _is_test(path)
    named = facts.named(subject)
    return [other for other in named if other != path and _is_test(other) != is_test][:3]


def _alike(one: str, other: str) -> float:
    """How much two files' names share, 0 to 1."""
    a, b = (set(re.findall(r"[A-Z]?[a-z]+|\d+", PurePosixPath(p).stem)) for p in (one, other))
    return len(a & b) / len(a | b) if a and b else 0.0
