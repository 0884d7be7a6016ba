"""Python texts as syntax trees, where this Python can read them, and which of their lines say not to look."""

from __future__ import annotations

import ast
import re
import warnings
from functools import lru_cache

_NOQA = re.compile(r"#\s*(?:noqa\b|type:\s*ignore|pragma:|codeflow:\s*ignore)")
_KEPT = 256  # trees; a review of a large change asks for a file several times


@lru_cache(_KEPT)
def parsed(text: str) -> ast.Module | None:
    """The tree of ``text``; None where it does not parse here (it may be written for a newer Python)."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what a text warns of is no matter of ours
            return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def is_excused(line: str) -> bool:
    """Whether whoever wrote the line has already said that they know."""
    return bool(_NOQA.search(line))
