"""From settings to a server's model in place of one on this machine: the same session, with another engine.

Blocking; the server runs it on a thread. What it opens asks the configured server and no other.
"""

from __future__ import annotations

import threading
from functools import lru_cache

from context.tokenised import TokenisedItems
from lsp_server.model_session import (
    ON_GPU,
    REMEMBERED_BLOCKS,
    ModelSession,
    Report,
    affordable,
    format_of,
    room,
)
from lsp_server.settings import Settings

_DENSE = (
    0.8  # of the room that is used: some texts have more tokens for a piece than the one that was counted
)


def open_remote_session(
    settings: Settings, report: Report, cancelled: threading.Event | None = None
) -> ModelSession:
    """Connect to the server that ``settings`` name. Raises RemoteError with a sentence.

    The session counts in pieces, of which a prompt has about as many as tokens; how many exactly the server
    says on opening, and the budget is measured by that.
    """
    from engine.engine import Engine
    from engine.remote.address import key_for, parse_address
    from engine.remote.opening import open_remote
    from engine.remote.request_runner import RemoteRunner

    address = parse_address(settings.remote.url)
    report(f"connecting to {address.origin}", None)
    engine = Engine(
        lambda: open_remote(
            address,
            key_for(address),
            name=settings.remote.model,
            family=settings.remote.markers,
            context_tokens=settings.engine.context_tokens,
            stop=cancelled.is_set if cancelled is not None else lambda: False,
        ),
        open_decoder=RemoteRunner,
    )
    model = engine.opened.result()
    budget = settings.context.budget_tokens or affordable(model.speed, min(model.context_tokens, ON_GPU))
    most = _DENSE * (model.context_tokens - room(settings, model.context_tokens))
    encode, form = (
        lru_cache(REMEMBERED_BLOCKS)(model.pieces.encode),
        format_of(model.markers, model.pieces.encode),
    )
    open_to_all = not (address.is_encrypted or address.is_local)
    return ModelSession(
        engine=engine,
        encode=encode,
        form=form,
        tokenised=TokenisedItems(encode, form),
        budget_tokens=max(1, int(min(budget, most) / model.tokens_per_piece)),
        name=model.name,
        path=None,
        reason=f"remote.url is set: {address.origin} answers, which is sent every prompt",
        speed=model.speed,
        notice=f"prompts travel unencrypted to {address.origin}; https:// would protect them"
        if open_to_all
        else None,
    )
