"""Changed code and the tests that name it: code that changed alone, and new functions that no test knows.

A test "names" a function where its file holds the word; that is little, and the least that can be asked.
Says nothing of projects without tests, and nothing of files that no test mentions in the first place.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from context.codeflow.labels import Label
from context.codeflow.sides import FUNCTIONS
from context.outline import Symbol
from context.review.change import ChangedFile, ReviewedChange, is_fixture, is_script, is_test
from context.review.elsewhere import Elsewhere
from context.review.values import Finding, Place

_IMPORTED = re.compile(r"(?m)^\s*(?:from|import)\s+([\w.]+)")
_COMMON = frozenset({"index", "main", "init", "utils", "types", "__init__", "core", "base", "mod", "lib"})
_CODE = frozenset(  # types and words need no test
    {Label.BODY_CHANGED, Label.PARAMETER_ADDED, Label.PARAMETER_REMOVED, Label.PARAMETERS_REORDERED}
)
_NEW = frozenset({Label.ADDED, Label.MEMBER_ADDED, Label.CLASS_ADDED})
_SHORTEST = 4  # letters; shorter names are words of everything
_MANY, _SHARE = 5, 1 / 3  # test files; a word in more of them is not about this function
_TELLING = 2  # changed lines of code; one line alone is often a constant or a message
_MOST_NEW = 3  # functions named one by one; more are one finding


def untested(change: ReviewedChange, elsewhere: Elsewhere) -> Iterator[Finding]:
    """Everything that the rules below find."""
    tests = [path for path in elsewhere.paths if is_test(path)]
    if not tests:
        return
    touched = any(is_test(path) for path in change.names)
    for file in change.files:
        if file.after is None or not file.pair.after.language.grammar or not _has_tests(file.path):
            continue
        new = list(_new_functions(file, elsewhere))
        for symbol, line in new[:_MOST_NEW]:
            more = (
                f" (nor {len(new) - _MOST_NEW} more in this file)"
                if len(new) > _MOST_NEW and symbol == new[_MOST_NEW - 1][0]
                else ""
            )
            yield Finding(
                "untested-function", file.path, line, line, f"No test names the new {symbol!r}{more}."
            )
        if not touched and not new:
            yield from _alone(file, elsewhere, len(tests))


def _has_tests(path: str) -> bool:
    """Whether tests of a file can be expected, by its name."""
    return not is_test(path) and not is_fixture(path) and not is_script(path)


def _alone(file: ChangedFile, elsewhere: Elsewhere, tests: int) -> Iterator[Finding]:
    """Changed code of functions that tests name, where no test changed."""
    symbols = file.pair.after.symbols
    inner = {key for key, symbol in symbols.items() if _is_function(symbols.get(symbol.parent))}
    changed = [label for label in file.labels if label.label in _CODE and label.symbol not in inner]
    if sum(1 for line in file.added if _is_code(file.line(line))) < _TELLING:
        return
    named: dict[str, tuple[int, str]] = {}
    for label in changed:
        name = label.symbol.rpartition(".")[2].partition("#")[0]
        found = [test for test in _tests_naming(name, elsewhere) if _knows(test, file.path, elsewhere)]
        if found and len(found) <= max(_MANY, _SHARE * tests):
            named.setdefault(name, (label.new[0], _nearest(found, name, file.path, elsewhere)))
    if named:
        names = ", ".join(repr(name) for name in list(named)[:_MOST_NEW])
        line, test = next(iter(named.values()))
        yield Finding(
            "missing-tests",
            file.path,
            line,
            line,
            f"{names} changed and no test did; {test} is where it is tested.",
            (Place(test, 0, "names it"),),
        )


def _knows(test: str, path: str, elsewhere: Elsewhere) -> bool:
    """Whether a test is about a file: it imports it or its package, lies beside it, or says its name."""
    text, parts = elsewhere.texts[test], PurePosixPath(path).with_suffix("").parts
    if not path.endswith(".py"):
        return PurePosixPath(test).parent == PurePosixPath(path).parent or bool(
            re.search(rf"\b{re.escape(parts[-1].partition('.')[0])}\b", text, re.IGNORECASE)
        )
    dotted = ".".join(part for part in parts if part not in ("src", "lib", "__init__"))
    for module in _IMPORTED.findall(text):
        if f"{dotted}.".startswith(module.lstrip(".") + ".") or module.startswith("."):
            return True
    return False


def _nearest(found: list[str], name: str, path: str, elsewhere: Elsewhere) -> str:
    """The test file that is most likely this file's: by its name, its place, how often it says the word."""
    stem = PurePosixPath(path).stem

    def likely(test: str) -> tuple[bool, bool, int, str]:
        text = elsewhere.texts[test]
        near = PurePosixPath(test).parent == PurePosixPath(path).parent
        return stem not in PurePosixPath(test).name, not near, -text.count(name), test

    return min(found, key=likely)


def _new_functions(file: ChangedFile, elsewhere: Elsewhere) -> Iterator[tuple[str, int]]:
    """New public functions and classes that no test file mentions."""
    for label in file.labels:
        if label.label not in _NEW or label.new[1] <= label.new[0]:
            continue
        parts = label.symbol.partition("#")[0].split(".")
        if len(parts) > 1:
            continue  # methods and inner functions are mostly tested through what they are part of
        if any(part.startswith(("_", "#")) for part in parts):
            continue
        if not _is_public(file, label.new[0]) or len(parts[-1]) < _SHORTEST:
            continue
        if not _tests_naming(parts[-1], elsewhere):
            yield parts[-1], label.new[0]


def _is_function(symbol: Symbol | None) -> bool:
    return symbol is not None and symbol.kind in FUNCTIONS


def _is_public(file: ChangedFile, line: int) -> bool:
    """Whether a definition can be seen from outside, by its first line and its language's habit."""
    text = file.line(line)
    if file.language.startswith(("javascript", "typescript")):
        return "export" in text
    if file.language == "go":
        return bool(re.search(r"\bfunc\s*(?:\([^)]*\)\s*)?[A-Z]", text))
    if file.language == "rust":
        return text.lstrip().startswith("pub")
    if file.language in ("java", "csharp", "kotlin", "swift"):
        return "private" not in text and "internal" not in text
    return file.language == "python"


def _is_code(line: str) -> bool:
    stripped = line.strip()
    return bool(stripped) and not stripped.startswith(("#", "//", "*", "/*"))


def _tests_naming(name: str, elsewhere: Elsewhere) -> list[str]:
    if len(name) < _SHORTEST or name in _COMMON:
        return []
    return [path for path in elsewhere.mentioning(name) if is_test(path)]
