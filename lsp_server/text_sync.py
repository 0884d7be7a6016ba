"""didOpen, didChange, didSave, didClose, didFocus, diagnostics: what the editor says into the workspace.

Synchronous, no disk: what has to be read because of it, the librarian reads in the background.
"""

from __future__ import annotations

import logging
from typing import Any

from lsprotocol import types

from context.workspace import Closed, Diagnosed, Diagnosis, Edited, Opened, Viewed
from lsp_server.from_lsp import edits_of, opened_document
from lsp_server.server import CodeFlowServer

logger = logging.getLogger(__name__)


def register(server: CodeFlowServer) -> None:
    """Add the handlers to ``server``."""

    @server.feature(types.TEXT_DOCUMENT_DID_OPEN)
    def did_open(params: types.DidOpenTextDocumentParams) -> None:
        server.files.apply(Opened(opened_document(params.text_document, server.folders)))
        server.notice(params.text_document.uri, 0)

    @server.feature(types.TEXT_DOCUMENT_DID_CHANGE)
    def did_change(params: types.DidChangeTextDocumentParams) -> None:
        uri, version = params.text_document.uri, params.text_document.version
        document = server.files.document(uri)
        if document is None:
            logger.warning("a document changed that was never opened; ignored")
            return
        changes = list(params.content_changes)
        server.files.apply(Edited(uri, version, edits_of(document, version, changes, server.encoding)))

    @server.feature(types.TEXT_DOCUMENT_DID_CLOSE)
    def did_close(params: types.DidCloseTextDocumentParams) -> None:
        server.files.apply(Closed(params.text_document.uri))
        server.ghost_text.forget(params.text_document.uri)
        if server.librarian is not None:
            server.librarian.forget(params.text_document.uri)

    @server.feature(types.TEXT_DOCUMENT_DID_SAVE)
    def did_save(params: types.DidSaveTextDocumentParams) -> None:
        server.changed_on_disk([params.text_document.uri])

    @server.feature(types.WORKSPACE_DID_CHANGE_WATCHED_FILES)
    def did_change_watched_files(params: types.DidChangeWatchedFilesParams) -> None:
        server.changed_on_disk([change.uri for change in params.changes])

    @server.feature("textDocument/didFocus")
    def did_focus(params: Any) -> None:
        focused = getattr(params, "textDocument", None)
        if focused is not None:
            server.files.apply(Viewed(str(focused.uri)))

    @server.feature("codeflow/diagnostics")
    def did_diagnose(params: Any) -> None:
        known = [
            Diagnosis(int(one.range.start.line), str(one.message))
            for one in getattr(params, "diagnostics", None) or []
        ]
        server.files.apply(Diagnosed(str(getattr(params, "uri", "")), tuple(known)))
