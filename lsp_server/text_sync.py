"""didOpen, didChange, didClose, didFocus: the editor's text into the workspace. Synchronous, no disk."""

from __future__ import annotations

import logging
from typing import Any

from lsprotocol import types

from context.workspace import Closed, Opened, Viewed
from lsp_server.from_lsp import apply_changes, opened_document
from lsp_server.server import CodeFlowServer

logger = logging.getLogger(__name__)


def register(server: CodeFlowServer) -> None:
    """Add the handlers to ``server``."""

    @server.feature(types.TEXT_DOCUMENT_DID_OPEN)
    def did_open(params: types.DidOpenTextDocumentParams) -> None:
        server.files.apply(Opened(opened_document(params.text_document, server.folders)))

    @server.feature(types.TEXT_DOCUMENT_DID_CHANGE)
    def did_change(params: types.DidChangeTextDocumentParams) -> None:
        uri, version = params.text_document.uri, params.text_document.version
        document = server.files.document(uri)
        if document is None:
            logger.warning("a document changed that was never opened; ignored")
            return
        changes = list(params.content_changes)
        server.files.apply(Opened(apply_changes(document, version, changes, server.encoding)))

    @server.feature(types.TEXT_DOCUMENT_DID_CLOSE)
    def did_close(params: types.DidCloseTextDocumentParams) -> None:
        server.files.apply(Closed(params.text_document.uri))
        server.ghost_text.forget(params.text_document.uri)

    @server.feature("textDocument/didFocus")
    def did_focus(params: Any) -> None:
        focused = getattr(params, "textDocument", None)
        if focused is not None:
            server.files.apply(Viewed(str(focused.uri)))
