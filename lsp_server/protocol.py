"""pygls' protocol without its own copy of every document.

Documents live in ``context.Workspace``; a second, mutable copy would cost a 2 MB file some 10 ms a keystroke
and could disagree with ours. So the document notifications go straight to our handlers. Two ways in which a
cancel and an answer may cross are no errors here.
"""

from __future__ import annotations

from typing import Any

from lsprotocol import types
from pygls.protocol import LanguageServerProtocol
from pygls.protocol.language_server import lsp_method


class DocumentlessProtocol(LanguageServerProtocol):
    """Passes didOpen, didChange and didClose on, unchanged."""

    @lsp_method(types.TEXT_DOCUMENT_DID_OPEN)
    def lsp_text_document__did_open(self, params: types.DidOpenTextDocumentParams) -> Any:
        """See LSP 3.18, textDocument/didOpen."""
        return self._pass_on(types.TEXT_DOCUMENT_DID_OPEN, params)

    @lsp_method(types.TEXT_DOCUMENT_DID_CHANGE)
    def lsp_text_document__did_change(self, params: types.DidChangeTextDocumentParams) -> Any:
        """See LSP 3.18, textDocument/didChange."""
        return self._pass_on(types.TEXT_DOCUMENT_DID_CHANGE, params)

    @lsp_method(types.TEXT_DOCUMENT_DID_CLOSE)
    def lsp_text_document__did_close(self, params: types.DidCloseTextDocumentParams) -> Any:
        """See LSP 3.18, textDocument/didClose."""
        return self._pass_on(types.TEXT_DOCUMENT_DID_CLOSE, params)

    def _handle_cancel_notification(self, msg_id: Any) -> None:
        """A cancel that crosses the answer is nothing to warn of: an editor takes a line on standard error
        for a failure."""
        if msg_id in self._request_futures:
            super()._handle_cancel_notification(msg_id)

    def _handle_response(self, msg_id: Any, result: Any = None, error: Any = None) -> None:
        """What the client answers to a question that nobody waits for any more is dropped."""
        future = self._request_futures.get(msg_id)
        if future is not None and future.cancelled():
            del self._request_futures[msg_id]
        else:
            super()._handle_response(msg_id, result, error)

    def _pass_on(self, method: str, params: Any) -> Any:
        handler = self.fm.features.get(method)
        return handler(params) if handler is not None else None
