"""Texts that are shown and not saved: a plan's diff, an explanation.

Shown by the client's own means, in this order: as a document of the server's
(``workspace/textDocumentContent``, LSP 3.18), as a file in a private folder (``window/showDocument``), as a
message. The latest are kept.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lsprotocol import types

from lsp_server.edit_plan import EditPlan
from lsp_server.shown_texts import SCHEME
from lsp_server.unified import unified

if TYPE_CHECKING:
    from lsp_server.server import CodeFlowServer

_MESSAGE = 2000  # characters of a message; editors cut longer ones
_UNUSUAL = re.compile(r"[^\w.-]+")


def register(server: CodeFlowServer) -> None:
    """Add the handler to ``server``."""

    @server.feature(types.WORKSPACE_TEXT_DOCUMENT_CONTENT, types.TextDocumentContentOptions(schemes=[SCHEME]))
    def content(params: types.TextDocumentContentParams) -> types.TextDocumentContentResult:
        return types.TextDocumentContentResult(server.shown_texts.text_of(params.uri) or "")


async def show_plan(server: CodeFlowServer, plan: EditPlan) -> None:
    """Show a plan as a unified diff, with what the checks said above it."""
    said = [plan.title, *filter(None, (plan.checks.summary, *plan.notes))]
    head = "".join(f"# {line}\n" for line in said)
    await show_text(server, f"{_UNUSUAL.sub('-', plan.title).strip('-')}.diff", f"{head}\n{unified(plan)}")


async def show_text(server: CodeFlowServer, name: str, text: str) -> None:
    """Show a text under a file's name."""
    can = server.client_capabilities
    if can.window and can.window.show_document and can.window.show_document.support:
        served = can.workspace and can.workspace.text_document_content
        uri = server.shown_texts.keep(name, text) if served else server.shown_texts.write(name, text).as_uri()
        shown = await server.window_show_document_async(types.ShowDocumentParams(uri, take_focus=True))
        if shown.success:
            return
    cut = text if len(text) <= _MESSAGE else text[:_MESSAGE] + "…"
    server.window_show_message(types.ShowMessageParams(types.MessageType.Info, cut))
