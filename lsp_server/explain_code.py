"""``codeflow.explainCode``: what a piece of code does and what could go wrong in it, in words.

The model of the role *thinking* is asked, with progress that can be cancelled; its answer is shown and saved
nowhere.
"""

from __future__ import annotations

import asyncio
from typing import Any

from context.privacy import may_be_prompted, redact
from context.refactor.model_offers import instruction_of
from engine.errors import EngineError
from lsp_server.offer_data import Offered, from_data, plain
from lsp_server.question import answer
from lsp_server.server import CodeFlowServer
from lsp_server.show_text import show_text
from lsp_server.work_progress import WorkProgress

EXPLAIN_COMMAND = "codeflow.explainCode"
_MOST_TOKENS = 512
_ROLE = "thinking"


def register(server: CodeFlowServer) -> None:
    """Add the command to ``server``."""

    @server.command(EXPLAIN_COMMAND)
    async def explain(data: Any) -> bool:
        offered = from_data(plain(data))
        if offered is None:
            server.tell("This command takes what a code action brings along; choose one in the menu.")
            return False
        task = asyncio.ensure_future(_explanation(server, offered, lambda piece: progress.tell(piece)))
        progress = WorkProgress(server, offered.offer.title, task.cancel)
        try:
            text = await task
        except EngineError as error:
            server.tell(str(error))
            return False
        except asyncio.CancelledError:
            task.cancel()
            if progress.is_cancelled:
                return False
            raise
        finally:
            progress.end()
        if text is None:
            return False
        await show_text(server, "explanation.md", f"# {offered.offer.title}\n\n{text.strip()}\n")
        return True


async def _explanation(server: CodeFlowServer, offered: Offered, tell: Any) -> str | None:
    document = server.files.document(offered.uri)
    if document is None or not may_be_prompted(document.path):
        server.tell("There is nothing here that a model may be shown.")
        return None
    session = await server.model.session_for(_ROLE)
    if session is None:
        server.tell(f"The model is not there: {server.model.message}")
        return None
    start, end = (document.clamp(one) for one in offered.offer.selection)
    text = redact("".join(document.lines[start.line : end.line + 1]))
    said = [(document.path, text)]
    question = instruction_of(offered.offer)
    found = await answer(session, question, _ROLE, files=said, tell=tell, max_tokens=_MOST_TOKENS)
    return found.text
