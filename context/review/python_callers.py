"""Callers that a change of a Python module leaves behind: calls that no longer fit, imports of what is gone.

Follows names through imports, not by likeness: what is said here is what Python would say at run time.
Methods are followed only where they are called on ``self`` in their own class, since of other objects a text
does not tell the class.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from context.review.change import ChangedFile, ReviewedChange
from context.review.elsewhere import Elsewhere
from context.review.python_exports import Use, bindings, uses_of
from context.review.python_signatures import Parameters, misfit
from context.review.python_source import is_excused, parsed
from context.review.values import Finding, Place

_Function = ast.FunctionDef | ast.AsyncFunctionDef
_HARMLESS = frozenset({"staticmethod", "classmethod"})
_MOST_PLACES = 5


def stranded_callers(change: ReviewedChange, elsewhere: Elsewhere) -> Iterator[Finding]:
    """Everything that the rules below find."""
    for file in change.files:
        if file.language != "python" or file.before is None:
            continue
        before = parsed(file.before)
        if file.after is None:
            continue  # imports of a module that is gone: its names may come from elsewhere now
        after = parsed(file.after)
        if before is None or after is None:
            continue
        yield from _calls(file, before, after, elsewhere)
        yield from _imports(file, before, after, elsewhere)


def _calls(
    file: ChangedFile, before: ast.Module, after: ast.Module, elsewhere: Elsewhere
) -> Iterator[Finding]:
    old, new = dict(_callables(before)), dict(_callables(after))
    for key, (function, bound) in new.items():
        if key not in old or bindings(after).get(key[0], 0) != 1:
            continue
        earlier, bound_before = old[key]
        was, now = Parameters.of(earlier, bound=bound_before), Parameters.of(function, bound=bound)
        if was == now:
            continue
        owner, method = key
        if method and method != "__init__":
            misfits = list(_on_self(after, owner, method, was, now, file.path))
        else:
            misfits = [
                place
                for use in uses_of(file.path, owner, elsewhere)
                for place in _calling(use, was, now, elsewhere)
            ]
        misfits.sort()
        if misfits:
            what = f"{owner}.{method}" if method and method != "__init__" else owner
            count = f"{len(misfits)} calls do" if len(misfits) > 1 else "A call does"
            yield Finding(
                "call-mismatch",
                file.path,
                function.lineno - 1,
                function.body[0].lineno - 2
                if function.body[0].lineno > function.lineno
                else function.lineno - 1,
                f"{count} not fit the new parameters of {what!r}: {misfits[0].path}:{misfits[0].line + 1}, "
                f"{misfits[0].sentence}.",
                tuple(misfits[:_MOST_PLACES]),
            )


def _callables(tree: ast.Module) -> Iterator[tuple[tuple[str, str], tuple[_Function, bool]]]:
    """(name, "") of functions and (class, method) of methods: their definition, whether they are bound.

    Decorated ones are left out: what a decorator makes of the parameters is not in the text. So are classes
    with a metaclass, and what is defined twice.
    """
    seen: dict[tuple[str, str], int] = {}
    found: list[tuple[tuple[str, str], tuple[_Function, bool]]] = []
    for node in tree.body:
        if isinstance(node, _Function) and not node.decorator_list:
            found.append(((node.name, ""), (node, False)))
        elif isinstance(node, ast.ClassDef) and not node.keywords:
            methods = [one for one in node.body if isinstance(one, _Function)]
            if any(one.name == "__new__" for one in methods):
                continue
            for one in methods:
                names = {d.id for d in one.decorator_list if isinstance(d, ast.Name)}
                if len(names) == len(one.decorator_list) and names <= _HARMLESS:
                    if one.name == "__init__" and node.decorator_list:
                        continue
                    found.append(((node.name, one.name), (one, "staticmethod" not in names)))
    for key, _ in found:
        seen[key] = seen.get(key, 0) + 1
    return iter([(key, value) for key, value in found if seen[key] == 1])


def _calling(use: Use, was: Parameters, now: Parameters, elsewhere: Elsewhere) -> Iterator[Place]:
    """Calls in a file that sees the name, which fitted before and do not now."""
    text = elsewhere.texts.get(use.path, "")
    tree = parsed(text)
    if tree is None or bindings(tree).get((use.module or use.name).partition(".")[0], 0) != 1:
        return
    lines = text.split("\n")
    expected = _tests_for_error(tree)
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or node in expected:
            continue
        called = node.func
        if use.module:
            if not (
                isinstance(called, ast.Attribute)
                and called.attr == use.name
                and ast.unparse(called.value) == use.module
            ):
                continue
        elif not (isinstance(called, ast.Name) and called.id == use.name):
            continue
        why = misfit(node, now)
        if why and not misfit(node, was) and not is_excused(lines[node.lineno - 1]):
            yield Place(use.path, node.lineno - 1, why)


def _tests_for_error(tree: ast.Module) -> set[ast.AST]:
    """Calls inside ``with pytest.raises(...)``: they are meant to fail."""
    return {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.With | ast.AsyncWith)
        and any("raises" in ast.unparse(item.context_expr).lower() for item in node.items)
        for statement in node.body
        for inner in ast.walk(statement)
    }


def _on_self(
    tree: ast.Module, owner: str, method: str, was: Parameters, now: Parameters, path: str
) -> Iterator[Place]:
    """Calls of ``self.method(...)`` in the class that defines it."""
    for node in tree.body:
        if not (isinstance(node, ast.ClassDef) and node.name == owner):
            continue
        for inner in ast.walk(node):
            if (
                isinstance(inner, ast.Call)
                and isinstance(inner.func, ast.Attribute)
                and inner.func.attr == method
                and isinstance(inner.func.value, ast.Name)
                and inner.func.value.id in ("self", "cls")
            ):
                why = misfit(inner, now)
                if why and not misfit(inner, was):
                    yield Place(path, inner.lineno - 1, why)


def _imports(
    file: ChangedFile, before: ast.Module, after: ast.Module, elsewhere: Elsewhere
) -> Iterator[Finding]:
    """Names that the module bound before and no longer binds, where another file still imports them."""
    there = bindings(after)
    gone = sorted(name for name in _at_the_top(before) if name not in there)
    if (
        not gone
        or "__getattr__" in there
        or any(isinstance(node, ast.ImportFrom) and node.names[0].name == "*" for node in ast.walk(after))
    ):
        return  # names come from where a text does not show them
    for name in gone:
        still = [
            Place(use.path, use.line, f"still imports {name!r}")
            for use in uses_of(file.path, name, elsewhere)
            if use.line >= 0 and not use.guarded and not use.module and use.path != file.path
        ]
        if still and not _is_submodule(file.path, name, elsewhere):
            line = _where_it_was(file, name)
            yield Finding(
                "removed-but-used",
                file.path,
                line,
                line,
                f"{name!r} is gone, and {still[0].path}:{still[0].line + 1} still imports it.",
                tuple(still[:_MOST_PLACES]),
            )


def _at_the_top(tree: ast.Module) -> set[str]:
    """Functions, classes and constants of a module; its imports are its own affair."""
    found: set[str] = set()
    for node in tree.body:
        if isinstance(node, _Function | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found.update(target.id for target in targets if isinstance(target, ast.Name))
    return found


def _is_submodule(path: str, name: str, elsewhere: Elsewhere) -> bool:
    """Whether ``from package import name`` may mean a file beside the package's own."""
    folder = path.rpartition("/")[0]
    at = f"{folder}/{name}" if folder else name
    return path.endswith("__init__.py") and any(
        f"{at}{end}" in elsewhere.paths for end in (".py", "/__init__.py")
    )


def _where_it_was(file: ChangedFile, name: str) -> int:
    """The line of the new text at which the name's removal shows."""
    for hunk in file.pair.hunks:
        old = file.pair.before.lines[hunk.a0 : hunk.a1]
        if any(name in line for line in old):
            return min(hunk.b0, max(0, len(file.pair.after.lines) - 1))
    return 0
