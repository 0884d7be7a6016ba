"""``codeflow/edit``: an instruction in words becomes a code action.

Makes the offer only, within milliseconds. The edit is made, checked and previewed where every code action's
is: by ``codeAction/resolve``, ``codeflow.refactor`` or ``codeflow.previewEdit``, with the action's ``data``.
"""

from __future__ import annotations

import asyncio
from typing import Any

from lsprotocol import types

from context.refactor.model_offers import instruction_offer
from lsp_server.code_action import selection_of, source_of
from lsp_server.offer_data import Offered, to_data
from lsp_server.server import CodeFlowServer


def register(server: CodeFlowServer) -> None:
    """Add the handler to ``server``."""

    @server.feature("codeflow/edit")
    async def edit(params: Any) -> types.CodeAction | None:
        """None, with a sentence for the user, where there is nothing to do or to do it to."""
        words = str(getattr(params, "instruction", "") or "").strip()
        uri = str(getattr(getattr(params, "textDocument", None), "uri", ""))
        document, where = server.files.document(uri), getattr(params, "range", None)
        if document is None or where is None or not words:
            server.tell("An edit takes an open document, a range in it, and what is to be done there.")
            return None
        start, end = (types.Position(int(one.line), int(one.character)) for one in (where.start, where.end))
        selection = selection_of(server, document, types.Range(start, end))
        source = await asyncio.to_thread(source_of, server, document)
        offer = instruction_offer(document, source, selection, words)
        preview = bool(getattr(params, "preview", False))
        data = to_data(Offered(uri, document.version, offer, preview=preview))
        return types.CodeAction(title=offer.title, kind=types.CodeActionKind(offer.kind), data=data)
