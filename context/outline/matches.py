"""A query's matches sorted into what they are; and, of these, the imports and the references."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from context.outline.statements import module_text, modules_of_tree, names_text
from context.outline.text import Span, doc_line
from context.outline.values import Import

if TYPE_CHECKING:
    from tree_sitter import Node

MOST_IMPORTS = 500  # a file of more is generated
MOST_REFERENCES = 400  # the names that follow in a longer file are used once or twice
MOST_NAME = 100  # characters; a longer name is an expression or a hash

_IDENTIFIER = re.compile(rb"(?<![\w\x80-\xff])[A-Za-z_\x80-\xff][\w\x80-\xff]{2,}")
_GROUP = re.compile(rb"\w+\s*\(")  # Go's const (...) is not the beginning of each of its definitions

Match = tuple[int, "dict[str, list[Node]]"]


@dataclass(slots=True)
class Definition:
    """A definition as its query found it; ``start`` and ``end`` in bytes, with its wrapper."""

    pattern: int
    kind: str
    node: Node
    name: Node
    start: int
    end: int
    body: int | None
    value: Node | None
    parent: Node | None
    keyword: Node | None
    weight: int  # how much of an optional pattern matched


@dataclass(slots=True)
class _Statement:
    """One module of one import statement."""

    line: int
    text: str
    module: str
    names: list[str]
    is_tree: bool = False


@dataclass(slots=True)
class Found:
    """The matches of one file."""

    source: bytes
    definitions: dict[int, Definition] = field(default_factory=dict)  # by the byte where the name begins
    wrapped: dict[int, int] = field(default_factory=dict)  # a definition's first byte: its wrapper's
    docs: dict[int, str] = field(default_factory=dict)  # by the byte where the definition begins
    comments: dict[int, tuple[Span, int]] = field(default_factory=dict)  # on own lines; last row: span, first
    all_comments: set[Span] = field(default_factory=set)
    silent: set[Span] = field(default_factory=set)  # comments and the inside of strings
    attributes: set[Span] = field(default_factory=set)
    attribute_rows: dict[int, int] = field(default_factory=dict)  # last row: first row
    statements: dict[int, _Statement] = field(default_factory=dict)  # by the byte where the module begins
    module_doc: str = ""


def collect(matches: Iterable[Match], source: bytes) -> Found:
    """Sort the matches; of those with the same name node the pattern that stands first wins."""
    found = Found(source)
    for pattern, captured in matches:
        if "text" in captured:
            found.silent.add(captured["text"][0].byte_range)
        elif "comment" in captured:
            _comment(found, captured["comment"][0])
        elif not all(_is_meant(name, nodes[0], source) for name, nodes in captured.items()):
            continue
        elif "name" in captured:
            _definition(found, pattern, captured)
        elif "wrapper" in captured:
            _wrapper(found, captured["wrapper"][0].start_byte, captured["wrapped"][0].start_byte)
        elif "import" in captured or "import.tree" in captured:
            _import(found, captured)
        elif "attribute" in captured:
            node = captured["attribute"][0]
            found.attributes.add(node.byte_range)
            found.attribute_rows[last_row(node)] = node.start_point[0]
        elif "documented" in captured:
            found.docs[captured["documented"][0].start_byte] = doc_line(text_of(captured["doc"][0], source))
        elif "module.doc" in captured and not found.module_doc:
            found.module_doc = doc_line(text_of(captured["module.doc"][0], source))
    return found


def _is_meant(capture: str, node: Node, source: bytes) -> bool:
    if not capture.startswith("is."):
        return True
    return text_of(node, source) in ["." if text == "dot" else text for text in capture.split(".")[1:]]


def text_of(node: Node, source: bytes) -> str:
    """The node's text."""
    return source[node.start_byte : node.end_byte].decode("utf-8", "replace")


def last_row(node: Node) -> int:
    """The row the node's last character is on; some nodes end at the beginning of the next."""
    row, column = node.end_point
    return row - 1 if column == 0 and row > node.start_point[0] else row


def _comment(found: Found, node: Node) -> None:
    span = node.byte_range
    found.silent.add(span)
    found.all_comments.add(span)
    row, column = node.start_point
    if not found.source[span[0] - column : span[0]].strip():
        found.comments[last_row(node)] = span, row


def _wrapper(found: Found, start: int, wrapped: int) -> None:
    if start < wrapped and not _GROUP.match(found.source, start, wrapped):
        found.wrapped[wrapped] = min(start, found.wrapped.get(wrapped, start))


def _definition(found: Found, pattern: int, captured: dict[str, list[Node]]) -> None:
    name = captured["name"][0]
    known = found.definitions.get(name.start_byte)
    weight = len(captured)
    if known is not None and (known.pattern, -known.weight) <= (pattern, -weight):
        return
    capture = next((capture for capture in captured if capture.startswith("definition.")), None)
    if capture is None:
        return
    node = captured[capture][0]
    bodies = captured.get("body")
    found.definitions[name.start_byte] = Definition(
        pattern,
        capture.removeprefix("definition."),
        node,
        name,
        node.start_byte,
        node.end_byte,
        min(body.start_byte for body in bodies) if bodies else None,
        captured.get("value", (None,))[0],
        captured.get("parent", (None,))[0],
        captured.get("keyword", (None,))[0],
        weight,
    )


def _import(found: Found, captured: dict[str, list[Node]]) -> None:
    if "import.tree" in captured:
        node = captured["import.tree"][0]
        text = text_of(node, found.source)
        found.statements[node.start_byte] = _Statement(node.start_point[0], text, "", [], is_tree=True)
        return
    node, module = captured["import"][0], captured["import.module"][0]
    statement = found.statements.get(module.start_byte)
    if statement is None:
        statement = found.statements[module.start_byte] = _Statement(
            node.start_point[0], text_of(node, found.source)[:200], text_of(module, found.source), []
        )
    for name in sorted(captured.get("import.name", ()), key=lambda node: node.start_byte):
        statement.names.append(text_of(name, found.source))


def imports_of(found: Found, language: str) -> tuple[Import, ...]:
    """The file's imports, in order, each once."""
    imports: list[Import] = []
    for _, statement in sorted(found.statements.items()):
        if statement.is_tree:
            modules = modules_of_tree(language, statement.text)
            imports.extend(Import(module, names, statement.line) for module, names in modules)
        else:
            module = module_text(language, statement.text, statement.module)
            imports.append(Import(module, names_text(statement.names), statement.line))
        if len(imports) >= MOST_IMPORTS:
            break
    return tuple(dict.fromkeys(imports[:MOST_IMPORTS]))


def references_of(found: Found, keywords: frozenset[bytes]) -> tuple[tuple[str, int], ...]:
    """Identifiers used and how often, most used first; a definition's own name does not count there."""
    pieces, at = [], 0
    for start, end in sorted(found.silent):
        pieces.append(found.source[at:start])
        at = max(at, end)
    pieces.append(found.source[at:])
    counts = Counter(_IDENTIFIER.findall(b" ".join(pieces)))
    for definition in found.definitions.values():
        name = found.source[definition.name.start_byte : definition.name.end_byte]
        if name in counts:
            counts[name] -= 1
    used = [
        (-count, name)
        for name, count in counts.items()
        if count > 0 and len(name) <= MOST_NAME and name not in keywords
    ]
    used.sort()
    return tuple((name.decode("utf-8", "replace"), -count) for count, name in used[:MOST_REFERENCES])
