"""Files that stopped parsing.

tree-sitter's grammars are behind their languages in places, so a language counts only where its grammar is
known to read what people write, and only from no error to some. Of Python, what this interpreter says counts
as well: it may be older than the text, so both have to agree, but for indentation.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING

from context.codeflow.sides import Side
from context.review.change import ChangedFile
from context.review.values import Finding

if TYPE_CHECKING:
    from tree_sitter import Node

_WELL_READ = frozenset(
    {"javascript", "javascriptreact", "typescript", "typescriptreact", "go", "java", "rust"}
)


def syntax_findings(file: ChangedFile) -> Iterator[Finding]:
    """Whether a file parses no longer, or never did."""
    if file.after is None:
        return
    line = _python(file) if file.language == "python" else None
    if file.language in _WELL_READ and (file.before is None or _first_error(file.pair.before) is None):
        line = _first_error(file.pair.after)
    if line is not None:
        since = "any more" if file.before is not None else ""
        yield Finding(
            "syntax-error", file.path, line, line, f"The file does not parse {since}".rstrip() + "."
        )


def _first_error(side: Side) -> int | None:
    """The line of the first error of a text; None where it parses."""
    root = side.source.root
    if root is None or not root.has_error:
        return None
    waiting: list[Node] = [root]
    while waiting:
        node = waiting.pop()
        if node.is_error or node.is_missing:
            return min(node.start_point.row, len(side.lines) - 1)
        waiting.extend(reversed([child for child in node.children if child.has_error or child.is_missing]))
    return None


def _python(file: ChangedFile) -> int | None:
    error = _complaint(file.after or "")
    if error is None or (file.before is not None and _complaint(file.before) is not None):
        return None
    certain = isinstance(error, IndentationError) or _first_error(file.pair.after) is not None
    return max(0, min((error.lineno or 1), len(file.pair.after.lines)) - 1) if certain else None


def _complaint(text: str) -> SyntaxError | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(text)
    except SyntaxError as error:
        return error
    except (ValueError, RecursionError, MemoryError):
        return None  # not for its syntax
    return None
