"""Which files of a workspace see a name of a Python module, and as what: through imports, step by step.

Only what imports say without doubt: a name that a file binds in another way as well is not followed there.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from context.imports.resolution import resolve
from context.outline.values import Import
from context.review.elsewhere import Elsewhere
from context.review.python_source import parsed

_MOST_STEPS = 4  # a name re-exported more often than that is a library's own affair
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)


@dataclass(frozen=True, slots=True)
class Use:
    """A file that sees the name: as ``name``, or as an attribute of ``module`` where that is not ""."""

    path: str
    name: str
    module: str
    line: int  # of the import, zero-based; -1 in the defining file itself
    guarded: bool = False  # by try: the file expects that it may fail


def uses_of(path: str, name: str, elsewhere: Elsewhere) -> list[Use]:
    """Where ``name`` of the module ``path`` is seen, the module itself first."""
    found = [Use(path, name, "", -1)]
    doors = {(path, name)}
    waiting = [(path, name, 0)]
    while waiting:
        at, seen_as, steps = waiting.pop(0)
        for other in elsewhere.mentioning(seen_as):
            if other == at or not other.endswith((".py", ".pyi")):
                continue
            for use in _imports_of(other, at, seen_as, elsewhere):
                found.append(use)
                if not use.module and steps < _MOST_STEPS and (other, use.name) not in doors:
                    doors.add((other, use.name))
                    waiting.append((other, use.name, steps + 1))
    return list(dict.fromkeys(found))


def _imports_of(other: str, at: str, name: str, elsewhere: Elsewhere) -> Iterator[Use]:
    """How ``other`` imports ``name`` from the module ``at``."""
    tree = parsed(elsewhere.texts[other])
    if tree is None:
        return
    for node, guarded in _import_nodes(tree):
        if isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            for alias in node.names:
                local = alias.asname or alias.name
                if alias.name == name and _means(module, (), at, other, elsewhere):
                    yield Use(other, local, "", node.lineno - 1, guarded)
                elif alias.name != "*" and _means(module, (alias.name,), at, other, elsewhere):
                    yield Use(other, name, local, node.lineno - 1, guarded)
        else:
            for alias in node.names:
                if _means(alias.name, (), at, other, elsewhere):
                    yield Use(other, name, alias.asname or alias.name, node.lineno - 1, guarded)


def _means(module: str, names: tuple[str, ...], at: str, importer: str, elsewhere: Elsewhere) -> bool:
    """Whether ``from module import names`` is about the file ``at``, and about no other it could be."""
    found = resolve(Import(module, names), importer=importer, language="python", paths=elsewhere.paths)
    if names:  # a submodule: the package's own file, which comes next, is not what the name means
        ends = (f"/{names[0]}.py", f"/{names[0]}/__init__.py", f"/{names[0]}.pyi")
        return bool(found) and found[0] == at and f"/{at}".endswith(ends)
    return bool(found) and found[0] == at


@lru_cache(256)
def _import_nodes(tree: ast.Module) -> tuple[tuple[ast.Import | ast.ImportFrom, bool], ...]:
    found: list[tuple[ast.Import | ast.ImportFrom, bool]] = []
    waiting: list[tuple[ast.AST, bool]] = [(tree, False)]
    while waiting:
        node, guarded = waiting.pop()
        if isinstance(node, ast.Import | ast.ImportFrom):
            found.append((node, guarded))
            continue
        inside = guarded or isinstance(node, ast.Try | ast.TryStar | ast.If)
        waiting.extend((child, inside) for child in ast.iter_child_nodes(node))
    return tuple(sorted(found, key=lambda pair: pair[0].lineno))


@lru_cache(256)
def bindings(tree: ast.Module) -> dict[str, int]:
    """How often each name is bound anywhere in a file: assigned, defined, imported, taken as a parameter."""
    found: dict[str, int] = {}

    def bind(name: str | None) -> None:
        if name:
            found[name] = found.get(name, 0) + 1

    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            if not isinstance(node.ctx, ast.Load):
                bind(node.id)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            bind(node.name)
        elif isinstance(node, ast.arg):
            bind(node.arg)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            for alias in node.names:
                bind((alias.asname or alias.name).partition(".")[0])
        elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar):
            bind(node.name)
        elif isinstance(node, ast.MatchMapping):
            bind(node.rest)
    return found
