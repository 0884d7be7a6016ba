"""What the checks of edits (``context.verify``) say of a change: names, imports, the linter, odd characters.

The same checkers, with less said: a review speaks to people who have read their own change, so what a project
did not ask its linter for, what is an import on purpose, and what stands in untouched lines is left out.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from context.document import Document
from context.privacy.reading import read_text
from context.review.change import ChangedFile
from context.review.python_source import is_excused, parsed
from context.review.values import Finding, Fix
from context.verify import Finding as Checked
from context.verify import verify

MOST_LINTED = 120  # files; a tenth of a second each

_RULE_OF = {
    "undefined name": "undefined-name",
    "unused import": "unused-import",
    "lint error": "lint",
    "lint warning": "lint",
    "odd character": "odd-character",
}
_CONFIGS = (".ruff.toml", "ruff.toml", "pyproject.toml")
_SELECT = re.compile(r"(?m)^\s*select\s*=")
_ON_PURPOSE = ("__init__.py", "conftest.py", "__init__.pyi")  # they import for others


def checked_findings(file: ChangedFile, root: Path, *, lint: bool = True) -> Iterator[Finding]:
    """What gets worse in one file. Starts ruff where it is installed and ``lint`` is set."""
    if file.after is None:
        return
    before = Document.of("", file.path, file.language, 0, file.before or "")
    asked_for = _chose_rules(root)
    for found in verify(before, file.after, root=root, lint=lint).worse:
        rule = _RULE_OF.get(found.kind)
        if found.kind == "syntax error" and found.code in ("json", "toml"):
            rule = "syntax-error"  # of other languages `correctness` speaks
        if rule is None or not 0 <= found.line < len(file.pair.after.lines):
            continue
        if rule == "lint" and (found.line not in file.added or not (asked_for or _is_certain(found))):
            continue
        if rule == "unused-import" and (file.path.endswith(_ON_PURPOSE) or _is_tried(file, found.line)):
            continue
        if is_excused(file.line(found.line)):
            continue
        code = f" ({found.code})" if rule == "lint" else ""
        fix = _without_import(file, found) if rule == "unused-import" else None
        yield Finding(rule, file.path, found.line, found.line, f"{_sentence(found)}{code}.", fix=fix)


def _is_certain(found: Checked) -> bool:
    """Whether it is wrong for everybody: what pyflakes calls an error."""
    return found.kind == "lint error" and (
        found.code.startswith(("F", "E9")) or not found.code[-1:].isdigit()
    )


def _sentence(found: Checked) -> str:
    said = found.sentence.rstrip(".")
    return said[:1].upper() + said[1:]


def _chose_rules(root: Path) -> bool:
    """Whether the project said which rules of ruff hold; its defaults nobody asked for."""
    for name in _CONFIGS:
        text = read_text(root, name)
        if text is not None and (name != "pyproject.toml" or "[tool.ruff" in text):
            return bool(_SELECT.search(text))
    return False


def _is_tried(file: ChangedFile, line: int) -> bool:
    """Whether an import stands in a ``try``: it asks whether there is such a module."""
    tree = parsed(file.after or "") if file.language == "python" else None
    return tree is not None and any(
        isinstance(node, ast.Try) and node.lineno <= line + 1 <= node.body[-1].lineno
        for node in ast.walk(tree)
    )


def _without_import(file: ChangedFile, found: Checked) -> Fix | None:
    """The lines without the import, where it is a statement at the top, or a line or word of one."""
    tree = parsed(file.after) if file.after is not None and file.language == "python" else None
    quoted = re.search(r"[`']([^`']+)[`']", found.sentence)
    if tree is None or quoted is None:
        return None
    for node in tree.body:
        if not isinstance(node, ast.Import | ast.ImportFrom) or not node.lineno - 1 <= found.line < (
            node.end_lineno or node.lineno
        ):
            continue
        rest = [alias for alias in node.names if quoted[1] not in _called(node, alias)]
        if len(rest) != len(node.names) - 1:
            return None
        if not rest:
            return Fix(node.lineno - 1, (node.end_lineno or node.lineno) - 1, "")
        if node.lineno == node.end_lineno and file.line(node.lineno - 1) == ast.unparse(node):
            node.names, names = rest, node.names
            shorter = ast.unparse(node)
            node.names = names  # the tree is remembered, and others ask for it
            return Fix(found.line, found.line, shorter + "\n")
        gone = next(alias for alias in node.names if alias not in rest)
        if file.line(gone.lineno - 1).strip() == ast.unparse(gone) + ",":
            return Fix(gone.lineno - 1, gone.lineno - 1, "")
    return None


def _called(node: ast.Import | ast.ImportFrom, alias: ast.alias) -> set[str]:
    """What checkers call an imported name."""
    module = "." * node.level + (node.module or "") if isinstance(node, ast.ImportFrom) else ""
    full = f"{module}.{alias.name}" if module.strip(".") else f"{module}{alias.name}"
    names = {full, alias.asname or alias.name}
    if alias.asname:
        names |= {f"{full} as {alias.asname}", f"{alias.name} as {alias.asname}"}
    return names
