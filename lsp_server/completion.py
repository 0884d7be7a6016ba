"""textDocument/completion: the same suggestions as menu entries, where inline completion is lacking."""

from __future__ import annotations

import time

from lsprotocol import types

from lsp_server.inline_completion import count_offered, suggestions
from lsp_server.server import CodeFlowServer
from lsp_server.to_lsp import menu_item


def register(server: CodeFlowServer) -> None:
    """Nothing yet: whether the menu is served is known only once the client has said what it can do."""
    del server


def is_wanted(server: CodeFlowServer, client: types.ClientCapabilities) -> bool:
    """Whether to serve the menu: as the setting says, or where the client lacks inline completion."""
    menu = server.settings.completion.menu
    inline = client.text_document is not None and client.text_document.inline_completion is not None
    return menu == "always" or (menu == "auto" and not inline)


def register_menu(server: CodeFlowServer) -> None:
    """Add the handler, during initialize."""

    @server.feature(types.TEXT_DOCUMENT_COMPLETION, types.CompletionOptions(trigger_characters=list(".( =:")))
    async def completion(params: types.CompletionParams) -> types.CompletionList:
        uri, asked_at = params.text_document.uri, time.perf_counter()
        place, found = await suggestions(server, uri, params.position, invoked=False)
        if place is None:
            return types.CompletionList(is_incomplete=True, items=[])
        count_offered(server, place, found, waited_ms=(time.perf_counter() - asked_at) * 1e3)
        items = [menu_item(place, one.shown, one.key, server.encoding) for one in found]
        return types.CompletionList(is_incomplete=True, items=items)
