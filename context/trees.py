"""Trees and outlines of open documents: after an edit only what changed is parsed again.

The previous tree of a document is told what was replaced (found from the two texts, so that no caller has to
keep edits in step) and handed to the parser, which takes over the nodes that the edit did not touch.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, replace
from threading import Lock
from typing import TYPE_CHECKING

from context.document import Document
from context.language import Language, language_named
from context.outline import Outline
from context.outline.query import dialect, outline_of_tree, parse, source_of

if TYPE_CHECKING:
    from tree_sitter import Tree

_MOST_DOCUMENTS = 64  # trees kept; one of 2,000 lines takes some 3 MB, and a closed document is forgotten
_BLOCK = 4096  # bytes compared at a time: a compare of two slices runs at memory speed


@dataclass(frozen=True, slots=True)
class _Parsed:
    """A document's last text with what was made of it. The tree is copied before it is edited."""

    language: Language
    source: bytes
    tree: Tree | None
    outline: Outline | None = None  # once somebody asked for it


class Trees:
    """The trees of open documents, by uri. Safe to use from several threads; holds a lock for no parsing."""

    def __init__(self) -> None:
        self._parsed: OrderedDict[str, _Parsed] = OrderedDict()
        self._lock = Lock()

    def tree_of(self, document: Document) -> Tree | None:
        """The tree of ``document``, from the previous one of the same uri; None where it cannot be parsed."""
        return self._parsed_of(document).tree

    def outline_of(self, document: Document) -> Outline:
        """The outline of ``document`` as ``outline`` gives it, from the previous tree of the same uri."""
        parsed = self._parsed_of(document)
        if parsed.outline is not None:
            return parsed.outline
        language, source, tree = parsed.language, parsed.source, parsed.tree
        made = outline_of_tree(language, tree, source) if tree is not None else Outline(language.name)
        self._keep(document.uri, replace(parsed, outline=made))
        return made

    def _parsed_of(self, document: Document) -> _Parsed:
        language = dialect(language_named(document.language), document.text)
        source = source_of(document.text)
        with self._lock:
            before = self._parsed.get(document.uri)
        if before is not None and before.language is not language:
            before = None
        if before is not None and before.source == source:
            return before
        tree = parse(language, source, edited(before.tree, before.source, source) if before else None)
        if before is not None and tree is not None and tree.root_node.has_error:
            tree = parse(language, source)  # how a parser goes on after an error depends on what it reused
        return self._keep(document.uri, _Parsed(language, source, tree))

    def _keep(self, uri: str, parsed: _Parsed) -> _Parsed:
        with self._lock:
            self._parsed[uri] = parsed
            self._parsed.move_to_end(uri)
            while len(self._parsed) > _MOST_DOCUMENTS:
                self._parsed.popitem(last=False)
        return parsed

    def forget(self, uri: str) -> None:
        """Drop what is kept of a document that was closed; nothing where it is not known."""
        with self._lock:
            self._parsed.pop(uri, None)


def edited(tree: Tree | None, before: bytes, after: bytes) -> Tree | None:
    """A copy of ``tree`` that knows what turned ``before`` into ``after``."""
    if tree is None:
        return None
    start = _whole_character(before, after, _common_prefix(before, after))
    longest = min(len(before), len(after)) - start
    same = min(_common_suffix(before, after), longest)
    while same > 0 and before[len(before) - same] & 0xC0 == 0x80:
        same -= 1
    old_end, new_end = len(before) - same, len(after) - same
    copy = tree.copy()
    copy.edit(start, old_end, new_end, _point(before, start), _point(before, old_end), _point(after, new_end))
    return copy


def _common_prefix(one: bytes, other: bytes) -> int:
    most = min(len(one), len(other))
    at = 0
    while at < most and one[at : at + _BLOCK] == other[at : at + _BLOCK]:
        at += _BLOCK
    while at < most and one[at] == other[at]:
        at += 1
    return min(at, most)


def _common_suffix(one: bytes, other: bytes) -> int:
    most = min(len(one), len(other))
    at = 0
    while (
        at + _BLOCK <= most
        and one[len(one) - at - _BLOCK : len(one) - at] == (other[len(other) - at - _BLOCK : len(other) - at])
    ):
        at += _BLOCK
    while at < most and one[-at - 1] == other[-at - 1]:
        at += 1
    return at


def _whole_character(one: bytes, other: bytes, at: int) -> int:
    """``at`` or the beginning of the UTF-8 character that it is inside of, in either text."""
    while at > 0 and any(at < len(text) and text[at] & 0xC0 == 0x80 for text in (one, other)):
        at -= 1
    return at


def _point(source: bytes, at: int) -> tuple[int, int]:
    return source.count(b"\n", 0, at), at - (source.rfind(b"\n", 0, at) + 1)
