"""A Python text to what pyflakes finds in it: names that are not defined, imports that nothing uses.

For where ruff, which finds the same and more, is not installed. Works on the syntax tree alone.
"""

from __future__ import annotations

import ast
import warnings

from context.verify.checks import Finding

MOST_LINES = 10_000  # half a second
_KINDS = {
    "UndefinedName": "undefined name",
    "UndefinedLocal": "undefined name",
    "UndefinedExport": "undefined name",
    "UnusedImport": "unused import",
    "RedefinedWhileUnused": "lint error",
    "DuplicateArgument": "lint error",
    "IfTuple": "lint error",
    "AssertTuple": "lint error",
    "RaiseNotImplemented": "lint error",
}


def name_findings(path: str, text: str) -> list[Finding] | None:
    """What pyflakes says, by line; None where it cannot say: no Python, nested too deep, too long."""
    if text.count("\n") > MOST_LINES:
        return None
    from pyflakes.checker import Checker

    warnings.filterwarnings("ignore", module="codeflow_checked_text")
    try:
        tree = ast.parse(text, "codeflow_checked_text")
        messages = Checker(tree, path).messages
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return [
        Finding(
            _KINDS.get(type(message).__name__, "lint warning"),
            path,
            message.lineno - 1,
            message.message % message.message_args,
            type(message).__name__,
        )
        for message in sorted(messages, key=lambda message: (message.lineno, message.col))
    ]
