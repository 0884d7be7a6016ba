"""Questions to a model that answers in words: ``codeflow/ask``, and what ``codeflow-lsp ask`` asks.

The question goes to the model of its role; the answer comes in pieces, without the model's thoughts.
"""

from __future__ import annotations

import asyncio
import codecs
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from lsprotocol import types

from context.privacy.names import may_be_prompted
from context.privacy.secrets import redact
from engine.errors import EngineError
from lsp_server.model_session import ModelSession
from lsp_server.server import CodeFlowServer

_MOST_TOKENS = 2048  # of an answer, thoughts included
_LANE = "question"  # the newest question stops the one before


@dataclass(frozen=True, slots=True)
class Answer:
    """What was said, by which model, and what it took."""

    text: str
    model: str
    finish: str
    prompt_tokens: int
    generated_tokens: int
    seconds: float

    def as_json(self) -> dict[str, Any]:
        """For a client."""
        return {
            "text": self.text,
            "model": self.model,
            "finish": self.finish,
            "promptTokens": self.prompt_tokens,
            "generatedTokens": self.generated_tokens,
            "seconds": round(self.seconds, 2),
        }


async def answer(
    session: ModelSession,
    question: str,
    role: str,
    *,
    files: Sequence[tuple[str, str]] = (),
    tell: Callable[[str], None] | None = None,
    max_tokens: int = _MOST_TOKENS,
) -> Answer:
    """Ask; ``files`` are paths and texts that the question is about. ``tell`` gets the answer as it comes, on
    the engine's thread. Cancelling the task stops the model. Raises EngineError."""
    from engine.conversation import Said, next_turn
    from engine.errors import BackendError
    from engine.request import GenerationRequest, Token
    from engine.roles import INSTRUCT, THINKING
    from engine.thoughts import ThoughtFilter

    template, tokenize = session.template, session.tokenize
    if template is None or tokenize is None:
        raise BackendError(f"{session.name} cannot be asked questions: it has no chat template.")
    began, used = time.monotonic(), THINKING if role == THINKING.name else INSTRUCT
    about = "".join(f"{path}:\n```\n{text}\n```\n\n" for path, text in files)
    said = [Said("user", about + question)]
    turn = await asyncio.to_thread(lambda: next_turn(template(), said, tokenize))
    thoughts, bytes_ = ThoughtFilter(inside=turn.thinking), codecs.getincrementaldecoder("utf-8")("replace")
    parts: list[str] = []

    def on_token(token: Token) -> None:
        if piece := thoughts.feed(bytes_.decode(token.piece)):
            parts.append(piece)
            if tell is not None:
                tell(piece)

    request = GenerationRequest(
        turn.tokens, max_tokens=max_tokens, sampling=used.sampling, lane=_LANE, guesses=False
    )
    handle = session.engine.submit(request, on_token)
    try:
        found = await asyncio.shield(asyncio.wrap_future(handle.result))
    except asyncio.CancelledError:
        handle.cancel()
        raise
    if rest := thoughts.feed(bytes_.decode(b"", final=True)) + thoughts.end():
        parts.append(rest)
        if tell is not None:
            tell(rest)
    return Answer(
        "".join(parts),
        session.name,
        found.finish.value,
        found.timings.prompt_tokens,
        found.timings.generated_tokens,
        time.monotonic() - began,
    )


def register(server: CodeFlowServer) -> None:
    """Add the handler to ``server``."""

    @server.feature("codeflow/ask")
    async def ask(params: Any) -> dict[str, Any]:
        """The answer to ``question``; with a ``partialResultToken`` it comes in pieces before."""
        role, token = (
            str(getattr(params, "role", "") or "instruct"),
            getattr(params, "partialResultToken", None),
        )
        document = server.files.document(str(getattr(params, "uri", "") or ""))
        files = []
        if document is not None and may_be_prompted(document.path):
            files.append((document.path, redact(document.text)))
        loop = asyncio.get_running_loop()

        def tell(piece: str) -> None:
            if token is not None:
                loop.call_soon_threadsafe(server.progress, types.ProgressParams(token, {"text": piece}))

        try:
            session = await server.model.session_for(role)
            if session is None:
                return {"error": server.model.message}
            found = await answer(session, str(params.question), role, files=files, tell=tell)
        except EngineError as error:
            return {"error": str(error)}
        return found.as_json()
