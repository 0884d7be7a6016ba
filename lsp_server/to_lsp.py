"""Our values to LSP's. UTF-16 begins again here."""

from __future__ import annotations

from lsprotocol import types

from context.document import Document, Position
from lsp_server.from_lsp import units_of
from lsp_server.place import Place
from lsp_server.trim import Shown

ACCEPTED_COMMAND = "codeflow.accepted"


def character_of(line: str, column: int, encoding: types.PositionEncodingKind | str) -> int:
    """LSP ``character`` of a code point column."""
    if line.isascii() or encoding == types.PositionEncodingKind.Utf32:
        return min(column, len(line))
    return sum(units_of(point, encoding) for point in line[:column])


def position_of(
    document: Document, position: Position, encoding: types.PositionEncodingKind | str
) -> types.Position:
    """An LSP position."""
    return types.Position(
        position.line, character_of(document.line(position.line), position.column, encoding)
    )


def replaced_range(place: Place, shown: Shown, encoding: types.PositionEncodingKind | str) -> types.Range:
    """The range on the cursor's line that accepting replaces."""
    line, column = place.position
    end = Position(line, column + shown.replaced)
    return types.Range(
        position_of(place.document, place.position, encoding), position_of(place.document, end, encoding)
    )


def inline_item(
    place: Place, shown: Shown, key: str, encoding: types.PositionEncodingKind | str, number: int = 0
) -> types.InlineCompletionItem:
    """An inline completion whose acceptance is reported through its command; ``number`` tells candidates of
    one key apart."""
    return types.InlineCompletionItem(
        insert_text=shown.text,
        range=replaced_range(place, shown, encoding),
        command=types.Command(
            title="CodeFlow: accepted", command=ACCEPTED_COMMAND, arguments=[key, number] if number else [key]
        ),
    )
