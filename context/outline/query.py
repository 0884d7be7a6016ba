"""From a syntax tree to an outline, by one query per language (``queries/*.scm``).

This module turns a query's matches into values and knows no language but by its query. Nothing walks a tree
node by node in Python: matches, byte offsets and line numbers do. The captures:

- ``@definition.KIND`` a whole definition (KIND as in ``Symbol.kind``; ``attribute`` is a field of the class
  around its method, where it is first set), with ``@name``, ``@body`` (the signature ends where the first one
  begins), ``@value`` (cut when long) and ``@parent`` (where that is not what is around it: a Go receiver).
- ``@wrapper`` around ``@wrapped``: a definition that begins where ``@wrapped`` does begins where ``@wrapper``
  does (``export``, decorators, templates).
- ``@documented`` with ``@doc``: a docstring; ``@module.doc`` the file's; elsewhere the comment above is it.
- ``@keyword``: stands before the definitions of a group (Go's ``const (...)``).
- ``@definition.none``: no symbol, whatever later patterns say.
- ``@import`` with ``@import.module`` and ``@import.name``; ``@import.tree``: a statement to be read as text.
- ``@comment``, ``@text`` (the inside of strings): no identifiers in there.
- ``@attribute``: a decorator or annotation: may stand between a comment and its definition.
- ``@is.a.b``: the match counts only where this text is "a" or "b" ("dot" for "."). Not tree-sitter's own
  ``#eq?``: it reads the text through the parser's callback and crashes if that gives no bytes.

Where two patterns find the same name, the pattern that stands first in the file wins.
"""

from __future__ import annotations

import re
import time
import zlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from threading import local
from typing import TYPE_CHECKING

from context.language import Language, grammar_of, language_named
from context.outline.matches import Match, collect, imports_of, references_of
from context.outline.symbols import symbols_of
from context.outline.values import Outline

if TYPE_CHECKING:
    from tree_sitter import Language as Grammar
    from tree_sitter import Query, Tree

MOST_BYTES = 512 * 1024  # larger files are data or generated; the largest in the standard library has 230 KB
_CHUNK = 8 * 1024  # bytes parsed between two moments when other threads may run: under a millisecond
_WINDOW = 12 * 1024  # bytes queried between two such moments: two milliseconds
_PARSE_S = 2.0  # half a megabyte of ordinary code takes a tenth of it
_QUERY_S = 2.0  # the same for the query
_MOST_LOOSE = 2000  # children of one error node: a query's time grows with their square or cube
_REPETITION = 40  # a parser may need minutes for a<a<a<...; of 7,209 installed files the most regular has 19
_SHORT = 4 * 1024  # bytes: too few for repetition to cost a second

_WORD = re.compile(r"[A-Za-z_]\w{2,}")
_EVERYWHERE = frozenset(  # named nodes in some grammars, plain identifiers in others; no reference in any
    b"true false null nil None True False self this super undefined static public private protected "
    b"int char float double void bool include define ifdef ifndef endif".split()
)
_CPP = re.compile(
    r"(?m)^\s*(?:namespace\b|template\s*<|class\s+\w+[^;]*$|(?:public|private|protected)\s*:|using\s+\w)"
)
_threads = local()
_QUERIES = Path(__file__).parent.parent / "queries"
_QUERY_OF = {
    "typescriptreact": "typescript",
    "javascriptreact": "javascript",
    "sh": "shellscript",
    "bash": "shellscript",
}


def outline(language: Language, text: str) -> Outline:
    """The outline of ``text``: what parses of it where it is broken; an empty one without a grammar."""
    language = dialect(language, text)
    source = source_of(text)
    tree = parse(language, source)
    return outline_of_tree(language, tree, source) if tree is not None else Outline(language.name)


def dialect(language: Language, text: str) -> Language:
    """The language to read ``text`` in: C's headers (.h) often hold C++."""
    return language_named("cpp") if language.name == "c" and _CPP.search(text) else language


def source_of(text: str) -> bytes:
    """The bytes that trees are made of. A lone \\r, no line end to tree-sitter, becomes \\n."""
    source = text.encode("utf-8", "replace")
    return re.sub(rb"\r(?!\n)", b"\n", source) if b"\r" in source else source


def parse(language: Language, source: bytes, old: Tree | None = None) -> Tree | None:
    """The tree of ``source``; None without a grammar and for what is no source code or takes seconds.

    ``old`` is the edited tree of the previous text. The GIL is held between two reads or progress calls only.
    """
    grammar = grammar_of(language)
    if grammar is None or len(source) > MOST_BYTES or _is_repetition(source):
        return None
    from tree_sitter import Parser

    give_up, chunk = time.monotonic() + _PARSE_S, _chunk_of_this_thread()

    def read(offset: int, _: object) -> bytearray:
        chunk[:] = source[offset : offset + _CHUNK]
        return chunk

    def is_late(*_: object) -> bool:
        return time.monotonic() > give_up

    parser = Parser(grammar)
    try:
        if old is None:
            return parser.parse(read, progress_callback=is_late)
        return parser.parse(read, old, progress_callback=is_late)
    except ValueError:  # given up
        return None


def _chunk_of_this_thread() -> bytearray:
    """What a thread's parsers read from, again and again.

    tree-sitter 0.26.1 keeps a reference to each object it reads, for good: an object for each read would leak
    every text that is parsed.
    """
    if not hasattr(_threads, "chunk"):
        _threads.chunk = bytearray()
    return _threads.chunk


def _is_repetition(source: bytes) -> bool:
    """Whether ``source`` says the same over and over: hostile or data, and never a program."""
    return len(source) > _SHORT and len(zlib.compress(source, 1)) * _REPETITION < len(source)


def outline_of_tree(language: Language, tree: Tree, source: bytes) -> Outline:
    """The outline that ``language``'s query finds in ``tree``, which is the tree of ``source``."""
    query = _query_of(language)
    if query is None or _is_rubble(tree):
        return Outline(language.name)
    found = collect(_matches(query, tree, len(source)), source)
    symbols = symbols_of(found)
    imports = imports_of(found, language.name)
    return Outline(
        language.name, symbols, imports, references_of(found, _keywords(language)), found.module_doc
    )


@cache
def _query_of(language: Language) -> Query | None:
    grammar = grammar_of(language)
    path = _QUERIES / f"{_QUERY_OF.get(language.name, language.name)}.scm"
    if grammar is None or not path.is_file():
        return None
    from tree_sitter import Query, QueryError

    whole = path.read_text(encoding="utf-8")
    try:
        return Query(grammar, whole)
    except QueryError:  # a release of the grammar that names its nodes otherwise
        return Query(grammar, "\n".join(_known_patterns(grammar, whole)))


def _known_patterns(grammar: Grammar, whole: str) -> Iterator[str]:
    """The patterns that ``grammar`` knows; each begins at the beginning of a line."""
    from tree_sitter import Query, QueryError

    for pattern in re.split(r"\n(?=\()", whole):
        try:
            Query(grammar, pattern)
        except QueryError:
            continue
        yield pattern


@cache
def _keywords(language: Language) -> frozenset[bytes]:
    grammar = grammar_of(language)
    if grammar is None:
        return _EVERYWHERE
    kinds = (
        grammar.node_kind_for_id(number)
        for number in range(grammar.node_kind_count)
        if not grammar.node_kind_is_named(number) and grammar.node_kind_is_visible(number)
    )
    return _EVERYWHERE | {kind.encode() for kind in kinds if kind and _WORD.fullmatch(kind)}


def _is_rubble(tree: Tree) -> bool:
    """Whether some error holds so many loose children that a query would take seconds."""
    waiting = [tree.root_node] if tree.root_node.has_error else []
    looked_at = 0
    while waiting:
        node = waiting.pop()
        looked_at += node.child_count
        if (node.is_error and node.child_count > _MOST_LOOSE) or looked_at > 40 * _MOST_LOOSE:
            return True
        waiting.extend(child for child in node.children if child.has_error)
    return False


def _matches(query: Query, tree: Tree, size: int) -> Iterator[Match]:
    """All matches, window by window, so that other threads may run in between."""
    from tree_sitter import QueryCursor

    give_up = time.monotonic() + _QUERY_S
    for start in range(0, max(size, 1), _WINDOW):
        cursor = QueryCursor(query)
        if size > _WINDOW:
            cursor.set_byte_range(start, start + _WINDOW)
        yield from cursor.matches(tree.root_node)
        if time.monotonic() > give_up:
            return
