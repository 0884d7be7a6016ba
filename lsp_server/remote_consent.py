"""Whether prompts may leave this machine for a server: the user's word, given once for each.

Settings come through the editor, and editors mix in what a workspace brings along: ``.vscode/settings.json``,
``.helix/languages.toml``. The language server cannot tell whose a setting is, so the setting alone does not
send anybody's code away. A server on this machine needs no consent.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from lsprotocol import types

if TYPE_CHECKING:
    from pathlib import Path

    from engine.remote.address import Address
    from lsp_server.server import CodeFlowServer

ALLOW_VARIABLE = "CODEFLOW_REMOTE_ALLOW"
_ALLOW = "Allow"


async def ask_consent(server: CodeFlowServer, address: Address) -> None:
    """Return where prompts may be sent to ``address``; RemoteError where the user has not said so."""
    from engine.catalog import cache_dir
    from engine.errors import RemoteError

    path = cache_dir() / "remote-servers.json"
    allowed = _kept(path)
    if address.is_local or address.origin in allowed or address.origin in _from_environment():
        return
    answer = None
    if address.origin not in server.declined:
        question = types.ShowMessageRequestParams(
            types.MessageType.Warning,
            f"CodeFlow is set to send code from this workspace to {address.origin}, in place of a model on "
            "this machine. Allow it, if that is your own setting and you trust that server.",
            [types.MessageActionItem(_ALLOW), types.MessageActionItem("Do not send")],
        )
        try:
            answer = await server.window_show_message_request_async(question)
        except Exception:  # a client that cannot ask
            answer = None
    if answer is None or answer.title != _ALLOW:
        server.declined.add(address.origin)
        raise RemoteError(
            f"nothing is sent to {address.origin}, since you have not allowed it; allow it when asked, put "
            f"it in the environment variable {ALLOW_VARIABLE}, or unset codeflow.remote.url"
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(sorted({*allowed, address.origin})), "utf-8")


def _from_environment() -> list[str]:
    return [part.strip().rstrip("/") for part in os.environ.get(ALLOW_VARIABLE, "").split(",")]


def _kept(path: Path) -> set[str]:
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return set()
    return {entry for entry in found if isinstance(entry, str)} if isinstance(found, list) else set()
