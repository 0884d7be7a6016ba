"""workspace/executeCommand, CodeFlow's own requests, and the notifications that Copilot's clients send.

Own requests: ``codeflow/status``, ``codeflow/account`` (what one suggestion cost), ``codeflow/lastAccount``
(the same of the latest answer, shown or not), ``codeflow/stats``. What clients report is told to the
statistics; a report that makes no sense counts as nothing.
"""

from __future__ import annotations

import asyncio
from typing import Any

from lsp_server.from_lsp import suggestion_named, suggestion_of
from lsp_server.server import CodeFlowServer
from lsp_server.to_lsp import ACCEPTED_COMMAND


def register(server: CodeFlowServer) -> None:
    """Add the handlers to ``server``."""

    @server.command(ACCEPTED_COMMAND)
    def accepted(*arguments: Any) -> None:
        """``key`` and, where it is not the first, the number of the candidate."""
        server.stats.was_accepted(*suggestion_named(arguments))

    @server.command("codeflow.stats.clear")
    async def clear_stats() -> None:
        try:
            await asyncio.to_thread(server.stats.clear)
        except OSError as error:
            server.tell(f"The statistics cannot be cleared: {error}.")

    @server.feature("textDocument/didShowCompletion")
    def did_show(params: Any) -> None:
        server.stats.was_shown(suggestion_of(params)[0])

    @server.feature("textDocument/didPartiallyAcceptCompletion")
    def did_partially_accept(params: Any) -> None:
        key, number = suggestion_of(params)
        text, length = (
            getattr(getattr(params, "item", None), "insertText", None),
            getattr(params, "acceptedLength", 0),
        )
        server.stats.was_partly_accepted(
            key,
            number,
            item=text if isinstance(text, str) else None,
            units=length if isinstance(length, int) else 0,
        )

    @server.feature("codeflow/status")
    def status(_: Any) -> dict[str, Any]:
        return server.status()

    @server.feature("codeflow/stats")
    async def stats(_: Any) -> dict[str, Any]:
        return await asyncio.to_thread(server.stats.as_json)

    @server.feature("codeflow/account")
    def account(params: Any) -> dict[str, Any] | None:
        accounts = server.ghost_text.accounts
        found = accounts.get(str(getattr(params, "key", ""))) if params is not None else None
        return found.as_json() if found else None

    @server.feature("codeflow/lastAccount")
    def last_account(_: Any) -> dict[str, Any] | None:
        latest = next(reversed(server.ghost_text.accounts.values()), None)
        return latest.as_json() if latest else None
