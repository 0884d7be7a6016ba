"""workspace/executeCommand, CodeFlow's own requests, and the notifications that Copilot's clients send.

Own requests: ``codeflow/status``, ``codeflow/account`` (what one suggestion cost), ``codeflow/lastAccount``
(the same of the latest answer, shown or not), ``codeflow/stats``.
"""

from __future__ import annotations

from typing import Any

from lsp_server.server import CodeFlowServer
from lsp_server.to_lsp import ACCEPTED_COMMAND


def register(server: CodeFlowServer) -> None:
    """Add the handlers to ``server``."""

    @server.command(ACCEPTED_COMMAND)
    def accepted(key: str) -> None:
        server.stats.was_accepted(key)

    @server.feature("textDocument/didShowCompletion")
    def did_show(_: Any) -> None:
        server.stats.was_shown()

    @server.feature("textDocument/didPartiallyAcceptCompletion")
    def did_partially_accept(_: Any) -> None:
        server.stats.was_partly_accepted()

    @server.feature("codeflow/status")
    def status(_: Any) -> dict[str, Any]:
        return server.status()

    @server.feature("codeflow/stats")
    def stats(_: Any) -> dict[str, Any]:
        return server.stats.as_json()

    @server.feature("codeflow/account")
    def account(params: Any) -> dict[str, Any] | None:
        accounts = server.ghost_text.accounts
        found = accounts.get(str(getattr(params, "key", ""))) if params is not None else None
        return found.as_json() if found else None

    @server.feature("codeflow/lastAccount")
    def last_account(_: Any) -> dict[str, Any] | None:
        latest = next(reversed(server.ghost_text.accounts.values()), None)
        return latest.as_json() if latest else None
