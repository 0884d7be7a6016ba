"""From an offer to an edit that was checked: the walk of a code action, once somebody has chosen it.

Exact engines do what they can; the model writes the rest. Either way the result becomes an ``EditPlan`` for
the version of the document that the offer was made for. Cancelling the task stops the model.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

from context.document import Document
from context.items import ContextItem
from context.refactor import Offer, Refused, Rewrite
from context.refactor.actions import perform
from context.refactor.model_offers import instruction_of, without_request
from engine.errors import EngineError
from lsp_server import propagation
from lsp_server.edit_plan import EditPlan, PlanRefused, plan_from_rewrite
from lsp_server.from_lsp import file_of
from lsp_server.model_edit import edit
from lsp_server.model_session import ModelSession
from lsp_server.offer_data import Offered
from lsp_server.server import CodeFlowServer
from lsp_server.suggested_name import suggested_name
from lsp_server.work_progress import WorkProgress
from lsp_server.written_tests import write_tests

RENAME = "rename"
T = TypeVar("T")


class NotPossible(Exception):
    """An offer that comes to nothing; the message is a sentence that says why, for the user."""


async def plan_of(server: CodeFlowServer, offered: Offered, name: str = "") -> EditPlan:
    """The edit of an offer, checked. Raises NotPossible."""
    document = server.files.document(offered.uri)
    if document is None:
        raise NotPossible("The document is not open any more; open it and ask again.")
    if document.version != offered.version:
        raise NotPossible("The text was changed meanwhile; ask again.")
    offer = offered.offer
    folders = [path for uri in server.folders if (path := file_of(uri)) is not None]
    try:
        if offer.action == propagation.ACTION:
            rewrite = await propagation.follow(server, document, offer)
        elif offer.exact:
            if offer.action == RENAME and not name:
                name = await _in_progress(server, offer.title, partial(_name, server, document, offer))
            rewrite = await asyncio.to_thread(perform, document, offer, name)
        else:
            rewrite = await _in_progress(server, offer.title, partial(_rewrite, server, document, offer))
        lint = server.settings.refactor.lint
        title = f"{offer.title} ({name})" if name else offer.title
        return await asyncio.to_thread(_plan, rewrite, title, folders, lint)
    except (Refused, PlanRefused, EngineError) as error:
        raise NotPossible(str(error)) from error


def _plan(rewrite: Rewrite, title: str, folders: list[Path], lint: bool) -> EditPlan:
    return plan_from_rewrite(rewrite, title, folders, lint=lint)


async def _in_progress(
    server: CodeFlowServer, title: str, work: Callable[[Callable[[str], None]], Coroutine[None, None, T]]
) -> T:
    """Do what takes the model seconds, with progress that can be cancelled."""
    task = asyncio.ensure_future(work(lambda piece: progress.tell(piece)))
    progress = WorkProgress(server, title, task.cancel)
    try:
        return await task
    except asyncio.CancelledError:
        task.cancel()
        if progress.is_cancelled:
            raise NotPossible("It was cancelled.") from None
        raise
    finally:
        progress.end()


async def _name(server: CodeFlowServer, document: Document, offer: Offer, tell: Callable[[str], None]) -> str:
    return await suggested_name(await _session(server), document, offer, tell)


async def _session(server: CodeFlowServer, role: str = "instruct") -> ModelSession:
    session = await server.model.session_for(role)
    if session is None:
        raise NotPossible(f"The model is not there: {server.model.message}")
    return session


async def _rewrite(
    server: CodeFlowServer, document: Document, offer: Offer, tell: Callable[[str], None]
) -> Rewrite:
    hard = offer.action == "fix-diagnostic" and server.settings.model.thinking
    role = "thinking" if hard else "instruct"
    session = await _session(server, role)
    if offer.action == "write-tests":
        place = server.librarian.place_of(document.uri) if server.librarian is not None else None
        if place is None:
            raise NotPossible("Tests are written beside those of a workspace folder; open the project's.")
        return await write_tests(session, document, offer, place[0], tell)
    dossier = server.librarian.dossier(document.uri) if server.librarian is not None else None
    facts = dossier.items if dossier is not None else ()
    return await rewritten(session, document, offer, role=role, tell=tell, facts=facts)


async def rewritten(
    session: ModelSession,
    document: Document,
    offer: Offer,
    *,
    role: str = "instruct",
    tell: Callable[[str], None] | None = None,
    facts: Sequence[ContextItem] = (),
) -> Rewrite:
    """What the model makes of an offer's lines. Raises EngineError and PlanRefused."""
    text = await edit(
        session,
        document,
        offer.selection,
        instruction_of(offer),
        role=role,
        tell=tell,
        facts=facts,
        action=offer.action,
    )
    return Rewrite(((document, without_request(text) if offer.action == "edit" else text),))
