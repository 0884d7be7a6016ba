"""A text to what does not parse of it: by its tree-sitter grammar, by Python's compiler, by JSON and TOML.

Compiling makes code objects and runs nothing. Python is read as the server's own version reads it; what is
newer has an error before the edit as well, and then says nothing.
"""

from __future__ import annotations

import json
import tomllib
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from context.language import grammar_of, language_named
from context.outline.query import MOST_BYTES, dialect, parse, source_of
from context.verify.checks import Finding

if TYPE_CHECKING:
    from tree_sitter import Node, Tree

MOST_ERRORS = 50  # a text with more is broken enough
LONGEST_LINE = 4_096  # letters of TOML: tomllib's time grows with the square of a dotted key
_SHOWN = 40  # letters of what does not parse
_CHECKED_AS = "codeflow_checked_text"  # a module's name: a filter of its warnings meets nothing else


@dataclass(frozen=True, slots=True)
class Parsed:
    """A text with its tree; ``tree`` is None without a grammar, and for what is no ordinary source text."""

    path: str
    language: str
    source: bytes
    tree: Tree | None

    @classmethod
    def of(cls, path: str, language: str, text: str) -> Parsed:
        """Parsed anew."""
        source = source_of(text)
        return cls(path, language, source, parse(dialect(language_named(language), text), source))

    def text_of(self, node: Node) -> str:
        """What a node spans."""
        return self.source[node.start_byte : node.end_byte].decode("utf-8", "replace")


def tree_errors(parsed: Parsed) -> list[Finding] | None:
    """What the grammar cannot read, at most `MOST_ERRORS`; None without a tree."""
    if parsed.tree is None:
        return None
    return [
        Finding("syntax error", parsed.path, node.start_point[0], _sentence(node, parsed), "tree-sitter")
        for node in _errors(parsed.tree.root_node)
    ]


def has_grammar(language: str) -> bool:
    """Whether a language can be read at all."""
    return grammar_of(language_named(language)) is not None


def too_large(text: str) -> bool:
    """Whether no tree is made of a text."""
    return len(text.encode("utf-8", "replace")) > MOST_BYTES


def strict_error(path: str, language: str, text: str) -> Finding | None:
    """The first error by the language's own reader (Python's compiler, JSON, TOML); of an empty file none."""
    reader = _reader_of(path, language)
    return reader(path, text) if reader and text.strip() else None


def has_reader(path: str, language: str) -> bool:
    """Whether a language has such a reader."""
    return _reader_of(path, language) is not None


def _reader_of(path: str, language: str) -> Callable[[str, str], Finding | None] | None:
    return _READERS.get(language) or _READERS.get(path.rpartition(".")[2].lower())


def _python_error(path: str, text: str) -> Finding | None:
    warnings.filterwarnings("ignore", module=_CHECKED_AS)  # "invalid escape sequence" is a linter's matter
    try:
        compile(text, _CHECKED_AS, "exec", dont_inherit=True)
    except SyntaxError as error:
        line = max((error.lineno or 1) - 1, 0)
        return Finding("syntax error", path, line, error.msg or "invalid syntax", "compile")
    except (ValueError, RecursionError, MemoryError, OverflowError) as error:  # NUL, nesting
        return Finding("syntax error", path, 0, f"Python cannot compile this: {error}", "compile")
    return None


def _json_error(path: str, text: str) -> Finding | None:
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        return Finding("syntax error", path, error.lineno - 1, error.msg, "json")
    except (ValueError, RecursionError) as error:
        return Finding("syntax error", path, 0, str(error), "json")
    return None


def _toml_error(path: str, text: str) -> Finding | None:
    if max(map(len, text.split("\n"))) > LONGEST_LINE:
        return Finding("syntax error", path, 0, "a line is too long to be read as TOML", "toml")
    try:
        tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        said = str(error)
        _, _, place = said.rpartition("(at line ")
        line = int(place.partition(",")[0]) - 1 if place.partition(",")[0].isdigit() else 0
        return Finding("syntax error", path, line, said.partition(" (at ")[0], "toml")
    return None


_READERS = {"python": _python_error, "py": _python_error, "json": _json_error, "toml": _toml_error}


def _errors(root: Node) -> Iterator[Node]:
    """Error and missing nodes in order, none of them inside another."""
    waiting, found = [root] if root.has_error else [], 0
    while waiting and found < MOST_ERRORS:
        node = waiting.pop()
        if node.is_error or node.is_missing:
            found += 1
            yield node
            continue
        waiting.extend(child for child in reversed(node.children) if child.has_error or child.is_missing)


def _sentence(node: Node, parsed: Parsed) -> str:
    if node.is_missing:
        return f"`{node.type}` is missing"
    first = parsed.text_of(node).strip().partition("\n")[0]
    shown = "".join(letter if letter.isprintable() else "?" for letter in first[:_SHOWN])
    return f"this does not parse: `{shown}{'…' if len(first) > _SHOWN else ''}`"
