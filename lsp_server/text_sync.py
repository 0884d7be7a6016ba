"""didOpen, didChange, didSave, didClose, didFocus, diagnostics: what the editor says into the workspace.

Synchronous, no disk: what has to be read because of it, the librarian reads in the background.
"""

from __future__ import annotations

import logging
from typing import Any

from lsprotocol import types

from context.document import end_of
from context.workspace import Closed, Diagnosed, Diagnosis, Edited, Opened, Viewed
from lsp_server.from_lsp import edits_of, opened_document, position_in
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
        edits = edits_of(document, version, changes, server.encoding)
        server.files.apply(Edited(uri, version, edits))
        if edits and (start := edits[-1].start) is not None:
            server.rests(uri, end_of(start, edits[-1].text))

    @server.feature(types.TEXT_DOCUMENT_DID_CLOSE)
    def did_close(params: types.DidCloseTextDocumentParams) -> None:
        server.files.apply(Closed(params.text_document.uri))
        server.forget(params.text_document.uri)

    @server.feature(types.TEXT_DOCUMENT_DID_SAVE)
    def did_save(params: types.DidSaveTextDocumentParams) -> None:
        server.changed_on_disk([params.text_document.uri])
        server.rests(params.text_document.uri)

    @server.feature(types.WORKSPACE_DID_CHANGE_WATCHED_FILES)
    def did_change_watched_files(params: types.DidChangeWatchedFilesParams) -> None:
        server.changed_on_disk([change.uri for change in params.changes])

    @server.feature("textDocument/didFocus")
    def did_focus(params: Any) -> None:
        focused = getattr(params, "textDocument", None)
        if focused is not None:
            server.files.apply(Viewed(str(focused.uri)))

    @server.feature("codeflow/cursor")
    def cursor_moved(params: Any) -> None:
        """The cursor rests at ``position`` of ``uri``: what a request there needs may be evaluated."""
        uri, at = str(getattr(params, "uri", "")), getattr(params, "position", None)
        document = server.files.document(uri)
        if document is not None and at is not None:
            position = types.Position(int(at.line), int(at.character))
            server.rests(uri, position_in(document, position, server.encoding))

    @server.feature("codeflow/diagnostics")
    def did_diagnose(params: Any) -> None:
        known = [
            Diagnosis(int(one.range.start.line), str(one.message))
            for one in getattr(params, "diagnostics", None) or []
        ]
        server.files.apply(Diagnosed(str(getattr(params, "uri", "")), tuple(known)))
