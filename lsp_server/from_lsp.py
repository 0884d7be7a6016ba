"""LSP's values to ours. UTF-16 ends here: columns become code points."""

from __future__ import annotations

from pathlib import Path, PurePath
from typing import Any
from urllib.parse import unquote, urlsplit

from lsprotocol import types
from pygls.uris import to_fs_path

from context.document import Document, Edit, Position, line_end
from context.language import language_of_path


def column_of(line: str, character: int, encoding: types.PositionEncodingKind | str) -> int:
    """Code point column of an LSP ``character`` in ``line``; inside a character means before it."""
    if line.isascii() or encoding == types.PositionEncodingKind.Utf32:
        return min(character, len(line))
    units = 0
    for column, point in enumerate(line):
        size = units_of(point, encoding)
        if units + size > character:
            return column
        units += size
    return len(line)


def units_of(point: str, encoding: types.PositionEncodingKind | str) -> int:
    """How many code units of ``encoding`` one character takes."""
    code = ord(point)
    if encoding == types.PositionEncodingKind.Utf8:
        return 1 if code < 0x80 else 2 if code < 0x800 else 3 if code < 0x10000 else 4
    return 2 if code > 0xFFFF else 1


def position_in(
    document: Document, position: types.Position, encoding: types.PositionEncodingKind | str
) -> Position:
    """A position of ours; beyond the line or the document means its end (LSP 3.18, "Position")."""
    if position.line >= len(document.lines):
        return document.clamp(Position(position.line, 0))
    line = document.lines[position.line]
    return Position(
        position.line, column_of(line[: len(line) - len(line_end(line))], position.character, encoding)
    )


def edits_of(
    document: Document,
    version: int,
    changes: list[types.TextDocumentContentChangeEvent],
    encoding: types.PositionEncodingKind | str,
) -> tuple[Edit, ...]:
    """didChange's events as edits, each of which applies to the result of the one before."""
    edits: list[Edit] = []
    for change in changes:
        if edits:
            document = document.apply(edits[-1], version)
        if isinstance(change, types.TextDocumentContentChangePartial):
            start = position_in(document, change.range.start, encoding)
            end = position_in(document, change.range.end, encoding)
            edits.append(Edit(change.text, start, end))
        else:
            edits.append(Edit(change.text))
    return tuple(edits)


def opened_document(item: types.TextDocumentItem, folders: list[str]) -> Document:
    """A document as didOpen brings it; an unnamed language is guessed from the file's name."""
    path = prompt_path(item.uri, folders)
    language = item.language_id or language_of_path(path).name
    return Document.of(item.uri, path, language, item.version, item.text)


def prompt_path(uri: str, folders: list[str]) -> str:
    """What a prompt may call a file: its path in its workspace folder; outside all of them, its name."""
    text = unquote(urlsplit(uri).path, errors="replace")
    for folder in sorted(folders, key=len, reverse=True):
        root = unquote(urlsplit(folder).path, errors="replace").rstrip("/") + "/"
        if text.startswith(root):
            return text[len(root) :]
    return PurePath(text).name or "untitled"


def file_of(uri: str) -> Path | None:
    """The file a uri names; None for other schemes and for what is no path here."""
    if urlsplit(uri).scheme != "file":
        return None
    path = to_fs_path(uri)
    return Path(path) if path else None


def suggestion_of(report: Any) -> tuple[str, int]:
    """Which suggestion the ``item`` is that a client reports on, as ``suggestion_named`` says it."""
    command = getattr(getattr(report, "item", None), "command", None)
    return suggestion_named(getattr(command, "arguments", None))


def suggestion_named(arguments: Any) -> tuple[str, int]:
    """A suggestion's key and which of its candidates is meant, by the arguments of the item's command; an
    empty key where they are no such arguments."""
    key, number, *_ = (*arguments, "", 0) if isinstance(arguments, list | tuple) else ("", 0)
    return str(key), number if isinstance(number, int) else 0
