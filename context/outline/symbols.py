"""Definitions as symbols: their kinds, parents, signatures and docs, from byte offsets and rows alone."""

from __future__ import annotations

import re
from bisect import bisect_left

from context.outline.matches import MOST_NAME, Definition, Found, last_row, text_of
from context.outline.text import Span, doc_line, short_attribute, signature, without
from context.outline.values import Symbol, qualified

MOST_SYMBOLS = 2000  # a file of more is generated; 2,000 fill a prompt already

_HOLDERS = frozenset(("class", "interface", "struct", "enum", "trait"))
_CODE = frozenset(("function", "method"))
_VALUES = frozenset(("constant", "variable", "field"))
_GENERICS = re.compile(r"<[^<>]*>|\[[^\[\]]*\]|\([^()]*\)")
_OPERATOR = re.compile(r"\boperator\b.*$", re.DOTALL)
_SEPARATORS = re.compile(r"::|[.:\\]")
_AROUND_NAME = "\"'`:&* \t\r\n"  # quotes of JavaScript's keys, a Ruby symbol's colon, a C pointer's star
_EQUALS = re.compile(r"(?<![=<>!+\-*/:])=(?![=>])\s*")


def symbols_of(found: Found) -> tuple[Symbol, ...]:
    """The definitions by line, each with its parent; of what is local to a function only functions."""
    for definition in found.definitions.values():
        while (start := found.wrapped.get(definition.start)) is not None:
            definition.start = start
    ordered = sorted(found.definitions.values(), key=lambda d: (d.start, -d.end, d.name.start_byte))
    attributes, comments = sorted(found.attributes), sorted(found.all_comments)
    symbols: list[Symbol] = []
    attributes_seen: set[tuple[str, str]] = set()
    around: list[tuple[int, Symbol]] = []  # ends and symbols of the definitions around the current one
    for definition in ordered:
        if len(symbols) >= MOST_SYMBOLS:
            break
        while around and around[-1][0] <= definition.start:
            around.pop()
        outer = _outer(definition.kind, around)
        if definition.kind == "none" or (outer is not None and _is_local(definition, outer)):
            continue
        parent, name = _names(definition, found.source)
        if not name:
            continue
        kind = _kind(definition, outer, name, in_type=bool(parent) and definition.kind == "function")
        line = _line(definition, found.source)
        symbol = Symbol(
            name,
            kind,
            ".".join(part for part in (qualified(outer) if outer else "", parent) if part),
            line,
            max(line, last_row(definition.node)),
            _signature(definition, kind, name, found.source, attributes, comments),
            found.docs.get(definition.node.start_byte) or _doc_above(line, found),
        )
        if definition.kind == "attribute":
            if outer is None or (symbol.parent, name) in attributes_seen:
                continue
            attributes_seen.add((symbol.parent, name))
        symbols.append(symbol)
        if kind in _HOLDERS or kind in _CODE or kind == "module":
            around.append((definition.end, symbol))
    return tuple(symbols)


def _outer(kind: str, around: list[tuple[int, Symbol]]) -> Symbol | None:
    if kind == "attribute":  # self.x = ... in a method is the class's
        return next((symbol for _, symbol in reversed(around) if symbol.kind in _HOLDERS), None)
    return around[-1][1] if around else None


def _is_local(definition: Definition, outer: Symbol) -> bool:
    if outer.kind not in _CODE:
        return False
    return definition.kind in _VALUES or (definition.kind == "function" and definition.body is None)


def _names(definition: Definition, source: bytes) -> tuple[str, str]:
    """Parent and name: of ``Cart<T>::total``, ``M.total``, ``App\\Store`` and of a name with ``@parent``."""
    text = text_of(definition.name, source)[: 4 * MOST_NAME]
    if definition.parent is None and text.isidentifier():
        return "", text[:MOST_NAME]
    operator = _OPERATOR.search(text)
    if operator:
        text = text[: operator.start()]
    segments = _segments(text)
    name = " ".join(operator[0].split()) if operator else segments.pop() if segments else ""
    if definition.parent is not None:
        segments = _segments(text_of(definition.parent, source)[: 4 * MOST_NAME])
    return ".".join(segments)[:MOST_NAME], name[:MOST_NAME]


def _segments(text: str) -> list[str]:
    while (plain := _GENERICS.sub("", text)) != text:
        text = plain
    parts = (part.strip(_AROUND_NAME) for part in _SEPARATORS.split(text.strip(_AROUND_NAME)))
    return [part for part in parts if part]


def _kind(definition: Definition, outer: Symbol | None, name: str, *, in_type: bool) -> str:
    kind = definition.kind
    in_class = outer is not None and outer.kind in _HOLDERS
    if kind == "attribute":
        return "field"
    if kind == "function":
        return "method" if in_class or in_type else kind
    if kind == "variable":
        is_constant = name.isupper() and len(name) > 1
        return "constant" if is_constant else "field" if in_class else kind
    return kind


def _line(definition: Definition, source: bytes) -> int:
    row = definition.node.start_point[0]
    return row - source.count(b"\n", definition.start, definition.node.start_byte)


def _doc_above(line: int, found: Found) -> str:
    row = line - 1
    while row in found.attribute_rows:
        row = found.attribute_rows[row] - 1
    spans: list[Span] = []
    while (comment := found.comments.get(row)) is not None:
        span, first_row = comment
        spans.append(span)
        row = first_row - 1
    if not spans:
        return ""
    return doc_line(found.source[spans[-1][0] : spans[0][1]].decode("utf-8", "replace"))


def _inside(spans: list[Span], start: int, end: int) -> list[Span]:
    return [s for s in spans[bisect_left(spans, (start, 0)) : bisect_left(spans, (end, 0))] if s[1] <= end]


def _signature(
    definition: Definition,
    kind: str,
    name: str,
    source: bytes,
    attributes: list[Span],
    comments: list[Span],
) -> str:
    start, end, value, gap = definition.start, definition.end, "", " "
    if definition.body is not None:
        end = min(end, definition.body)
    elif definition.value is not None:
        end = definition.value.start_byte
        gap = " " if source[end - 1 : end].isspace() else ""  # NAME=value in a shell
        value = without(
            source, end, definition.value.end_byte, _inside(comments, end, definition.value.end_byte)
        )
    if end - start < 0:
        start = definition.node.start_byte
    ours = _inside(attributes, start, end)
    shown = [short_attribute(source[a:b].decode("utf-8", "replace")) for a, b in ours]
    left_out = sorted({*ours, *_inside(comments, start, end)})
    head = without(source, start, end, left_out).strip()
    if definition.keyword is not None:
        keyword = text_of(definition.keyword, source)
        head = head if f"{keyword} " in head else f"{keyword} {head}"
    if kind in _VALUES and not value and definition.body is None and (equals := _EQUALS.search(head)):
        head, value = head[: equals.end()].rstrip(), head[equals.end() :]
    opens = "code" if kind in _CODE else "members" if kind in _HOLDERS or kind == "module" else ""
    if definition.body is not None and name not in head:  # typedef struct {...} name
        head = f"{head} {name}"
    return signature(" ".join([*shown, head]), gap + value if value else "", opens=opens)
