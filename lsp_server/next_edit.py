"""Where the next edit is likely, and what it is: ``codeflow/nextEdit``, and Copilot's name for it.

Places come from ``context.next_edit`` without a model, from open documents and from closed files that were
read in the background after the latest edits. The text of a place is there where it follows from those edits;
otherwise the model writes it, if it is asked for and the model is quick enough.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from lsprotocol import types

from context.document import Document, Position
from context.edit_log import RecentEdit
from context.next_edit import Elsewhere, NextPlace, locate, read_elsewhere
from context.workspace import Snapshot
from lsp_server.fates import Offer
from lsp_server.from_lsp import position_in, suggestion_of
from lsp_server.next_edit_text import written
from lsp_server.to_lsp import ACCEPTED_COMMAND, position_of

if TYPE_CHECKING:
    from lsp_server.server import CodeFlowServer

_MOST, _CONSIDERED = 3, 5
_NEAR = 3  # lines from the cursor: what comes there is for completion to say, where nothing is to be replaced
_WAITS_S = 0.3  # for closed files to be read the first time
_LIKELY = 0.2  # share of all likelihood from which on the model is asked for a place's text


class _Read(NamedTuple):
    """Closed files, and after which edits they were read."""

    edits: Sequence[RecentEdit]
    elsewhere: Elsewhere


class NextEdits:
    """What was read for one server's documents. Owned by the event loop."""

    def __init__(self) -> None:
        self._read: dict[str, _Read] = {}
        self._reading: dict[str, asyncio.Task[None]] = {}

    def forget(self, uri: str) -> None:
        """A document was closed."""
        self._read.pop(uri, None)

    async def places(self, server: CodeFlowServer, uri: str, at: Position) -> list[NextPlace]:
        """The likeliest places after the latest edits, seen from ``at``; the best first."""
        snapshot = server.files.snapshot()
        if not snapshot.recent_edits or uri not in snapshot.documents:
            return []
        known = self._read.get(uri)
        if server.librarian is not None and (known is None or known.edits != snapshot.recent_edits):
            if uri not in self._reading:
                task = asyncio.ensure_future(self._refresh(server, uri, snapshot))
                self._reading[uri] = task
                task.add_done_callback(lambda _: self._reading.pop(uri, None))
            if known is None:
                await asyncio.wait([self._reading[uri]], timeout=_WAITS_S)
                known = self._read.get(uri)
        elsewhere = known.elsewhere if known is not None else None
        found = await asyncio.to_thread(locate, snapshot, uri, at, elsewhere, _CONSIDERED)
        return [one for one in found if not _is_here(one, uri, at)][:_MOST]

    async def _refresh(self, server: CodeFlowServer, uri: str, snapshot: Snapshot) -> None:
        def read() -> Elsewhere:
            assert server.librarian is not None  # noqa: S101 - asked above; it is never taken away
            return read_elsewhere(snapshot, uri, server.librarian.facts(uri, snapshot))

        elsewhere = await asyncio.to_thread(read)
        if uri in server.files.snapshot().documents:
            self._read[uri] = _Read(snapshot.recent_edits, elsewhere)


def register(server: CodeFlowServer) -> None:
    """Add the handlers to ``server``."""

    @server.feature("codeflow/nextEdit")
    async def next_edit(params: Any) -> dict[str, Any]:
        """Places with their reasons; ``withText``: also what the best of them becomes, by the model."""
        return {"edits": await _edits(server, params, by_model=bool(getattr(params, "withText", False)))}

    @server.feature("textDocument/copilotInlineEdit")
    async def inline_edit(params: Any) -> dict[str, Any]:
        """The same for Copilot's clients, which can use only places whose text is known."""
        found = await _edits(server, params, by_model=True)
        return {
            "edits": [
                {
                    "text": one["text"],
                    "textDocument": one["textDocument"],
                    "range": one["range"],
                    "command": {"title": "accepted", "command": ACCEPTED_COMMAND, "arguments": [one["key"]]},
                }
                for one in found
                if one["text"] is not None and one["textDocument"]["version"] is not None
            ]
        }

    @server.feature("textDocument/didShowInlineEdit")
    def did_show(params: Any) -> None:
        server.stats.was_shown(suggestion_of(params)[0])


def _is_here(place: NextPlace, uri: str, at: Position) -> bool:
    return place.edit is None and place.uri == uri and abs(place.start - at.line) <= _NEAR


async def _edits(server: CodeFlowServer, params: Any, *, by_model: bool) -> list[dict[str, Any]]:
    uri = str(getattr(getattr(params, "textDocument", None), "uri", "") or getattr(params, "uri", ""))
    document, at = server.files.document(uri), getattr(params, "position", None)
    if document is None:
        return []
    cursor = (
        position_in(document, types.Position(int(at.line), int(at.character)), server.encoding)
        if at is not None
        else Position(0, 0)
    )
    places = await server.next_edits.places(server, uri, cursor)
    found = []
    for number, place in enumerate(places):
        one = _as_json(server, uri, place)
        if one is None:
            continue
        if by_model and number == 0 and place.edit is None and place.score >= _LIKELY:
            one |= await _by_model(server, place)
        if one["text"] is not None:
            _count_offered(server, one, document.language)
        found.append(one)
    return found


def _count_offered(server: CodeFlowServer, one: dict[str, Any], language: str) -> None:
    uri, where, text = one["textDocument"]["uri"], one["range"], one["text"]
    document = server.files.document(uri)
    last = where.end.line + (1 if where.end.character else 0)
    old = "".join(document.lines[where.start.line : last]) if document is not None else ""
    known = _common_head(old, text)
    known += _common_head(old[known:][::-1], text[known:][::-1])
    server.stats.offered(one["key"], language, [Offer(uri, Position(where.start.line, 0), text, known)])


def _common_head(one: str, other: str) -> int:
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def _as_json(server: CodeFlowServer, asked: str, place: NextPlace) -> dict[str, Any] | None:
    document = server.files.document(place.uri) if place.uri else None
    uri = place.uri or _uri_of(server, asked, place.path)
    if uri is None:
        return None
    if place.edit is not None:
        first, last = place.edit.line, place.edit.line + len(place.edit.before)
        where = types.Range(types.Position(first, 0), types.Position(last, 0))
        text = "".join(place.edit.after)
        if document is not None and last >= len(document.lines):  # the last line has no end
            where = _lines(server, document, first, last)
    else:
        where, text = types.Range(types.Position(place.start, 0), types.Position(place.start, 0)), None
        if document is not None:
            where = _lines(server, document, place.start, place.end)
    return {
        "textDocument": {"uri": uri, "version": document.version if document is not None else None},
        "range": where,
        "text": text,
        "reason": place.reason,
        "signal": place.signal,
        "score": place.score,
        "key": f"n{hash((uri, place.start, text)) & 0xFFFFFFFF:x}",
    }


async def _by_model(server: CodeFlowServer, place: NextPlace) -> dict[str, Any]:
    """Range and text of a place as the model would have it; nothing where it has none in time."""
    document = server.files.document(place.uri) if place.uri else None
    if document is None or (session := server.session) is None:
        return {}
    found = await written(session, server.files.snapshot(), document, place)
    if found is None or server.files.document(place.uri) is not document:
        return {}
    first, last, text = found
    return {"range": _lines(server, document, first, last), "text": text}


def _lines(server: CodeFlowServer, document: Document, first: int, last: int) -> types.Range:
    """Lines ``first`` to ``last``, exclusive, without the last one's end."""
    end = Position(max(first, last - 1), 0)
    end = end._replace(column=len(document.line(end.line))) if last > first else Position(first, 0)
    return types.Range(
        position_of(document, Position(first, 0), server.encoding),
        position_of(document, end, server.encoding),
    )


def _uri_of(server: CodeFlowServer, asked: str, path: str) -> str | None:
    place = server.librarian.place_of(asked) if server.librarian is not None else None
    return Path(place[0] / path).as_uri() if place is not None else None
