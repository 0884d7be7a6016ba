"""Why a suggestion is what it is: ``codeflow/explain`` and ``codeflow/contextReady``.

An explanation is JSON-able: what the prompt held, piece by piece in its order, what each cost in tokens, from
which commits it was taken and why it was chosen.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from lsprotocol import types

from context import Assembled, Query, assemble
from context.prompt import Piece
from context.tokenised import TokenisedItems
from lsp_server.from_lsp import position_in
from lsp_server.server import CodeFlowServer

_READY_WITHIN_S = 120.0  # a large workspace is indexed for the first time


def register(server: CodeFlowServer) -> None:
    """Add the handlers to ``server``."""

    @server.feature("codeflow/explain")
    async def explain(params: Any) -> dict[str, Any] | None:
        """Of a suggestion by its ``key``, of a place by ``uri`` and ``position``, or of the latest answer."""
        if getattr(params, "uri", None):
            return await _explain_place(server, params)
        accounts = server.ghost_text.accounts
        key = str(getattr(params, "key", "") or next(reversed(accounts), ""))
        account = accounts.get(key)
        if account is None:
            return None
        return {**account.as_json(), "pieces": [as_json(piece) for piece in account.pieces]}

    @server.feature("codeflow/contextReady")
    async def context_ready(params: Any) -> bool:
        """Whether all that will be known about a document's surroundings is known; waits for it."""
        document = server.files.document(str(getattr(params, "uri", "")))
        if document is None or server.librarian is None:
            return False
        await server.model.ready()
        line = int(getattr(params, "line", 0) or 0)
        return await asyncio.to_thread(
            server.librarian.wait_ready, server.files.snapshot(), document, line, _READY_WITHIN_S
        )


async def _explain_place(server: CodeFlowServer, params: Any) -> dict[str, Any] | None:
    uri, snapshot = str(params.uri), server.files.snapshot()
    document, session = snapshot.documents.get(uri), await server.model.ready()
    if document is None or session is None:
        return None
    asked = getattr(params, "position", None)
    at = types.Position(int(asked.line), int(asked.character)) if asked else types.Position(0, 0)
    found = await asyncio.to_thread(
        assemble,
        snapshot,
        Query(uri, position_in(document, at, server.encoding)),
        form=session.form,
        encode=session.encode,
        tokenised=session.tokenised,
        budget_tokens=int(getattr(params, "budget", 0) or session.budget_tokens),
        repository=server.repository,
        dossier=server.librarian.dossier(uri) if server.librarian else None,
        disabled=server.settings.context.disabled_sources,
    )
    return explanation(found, session.tokenised, with_text=bool(getattr(params, "text", False)))


def explanation(
    found: Assembled | None, tokenised: TokenisedItems, *, with_text: bool = False
) -> dict[str, Any]:
    """What an assembled prompt holds. ``with_text`` adds each piece's text as the model would see it."""
    if found is None:
        return {"prompt_tokens": 0, "pieces": [], "note": "The cursor is in a secret, or the file is one."}
    pieces = [as_json(piece) for piece in found.prompt.pieces]
    if with_text:
        for piece, (item, _) in zip(pieces, found.held.pack.items, strict=False):
            piece["text"] = tokenised.told(item)
    return {"prompt_tokens": len(found.prompt.tokens), "pieces": pieces, "note": ""}


def as_json(piece: Piece) -> dict[str, Any]:
    """One entry of an explanation."""
    return {
        "source": piece.source,
        "path": piece.path,
        "tokens": piece.tokens,
        "commits": list(piece.commits),
        "why": piece.why,
    }


def by_source(pieces: Iterable[dict[str, Any]]) -> list[tuple[str, int]]:
    """Tokens of each source, the largest first."""
    found: dict[str, int] = {}
    for piece in pieces:
        found[piece["source"]] = found.get(piece["source"], 0) + piece["tokens"]
    return sorted(found.items(), key=lambda pair: -pair[1])
