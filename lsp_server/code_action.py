"""textDocument/codeAction and codeAction/resolve: offers without a model, then the edit of the chosen one.

An offer comes from the syntax tree, the selection and the diagnostics, within milliseconds. What it does is
made when it is resolved (``refactoring``) and checked before the client gets it (LSP 3.18, "Code Action
Request"). Clients that cannot resolve get a command instead, which applies the edit by workspace/applyEdit.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from lsprotocol import types
from pygls.exceptions import JsonRpcException

from context.document import Document
from context.refactor import Offer, Selection
from context.refactor.actions import exact_offers
from context.refactor.model_offers import Diagnostic, model_offers
from context.refactor.source_tree import SourceTree
from lsp_server import propagation
from lsp_server.edit_plan import EditPlan
from lsp_server.explain_code import EXPLAIN_COMMAND
from lsp_server.from_lsp import position_in
from lsp_server.offer_data import Offered, from_data, plain, to_data
from lsp_server.refactoring import RENAME, NotPossible, plan_of
from lsp_server.server import CodeFlowServer
from lsp_server.show_text import show_plan
from lsp_server.tested_plan import TestsNotRun, tested
from lsp_server.work_progress import WorkProgress
from lsp_server.workspace_edit import honours_annotations, workspace_edit

logger = logging.getLogger(__name__)
REFACTOR_COMMAND = "codeflow.refactor"
PREVIEW_COMMAND = "codeflow.previewEdit"
TEST_COMMAND = "codeflow.testEdit"
_KINDS = [
    types.CodeActionKind.QuickFix,
    types.CodeActionKind.RefactorExtract,
    types.CodeActionKind.RefactorInline,
    types.CodeActionKind.RefactorRewrite,
]
_CONTENT_MODIFIED = -32801  # LSP 3.18, "ErrorCodes"


def register(server: CodeFlowServer) -> None:
    """Add the handlers to ``server``."""

    @server.feature(
        types.TEXT_DOCUMENT_CODE_ACTION,
        types.CodeActionOptions(code_action_kinds=_KINDS, resolve_provider=True),
    )
    async def code_action(params: types.CodeActionParams) -> list[types.CodeAction | types.Command]:
        document = server.files.document(params.text_document.uri)
        if document is None or not server.settings.refactor.enabled:
            return []
        selection = selection_of(server, document, params.range)
        diagnostics = [
            Diagnostic(selection_of(server, document, one.range), one.message)
            for one in params.context.diagnostics
        ]
        offers = await asyncio.to_thread(offers_at, server, document, selection, diagnostics)
        if not params.context.only:  # what cannot be done is told where somebody looks for just that
            offers = [offer for offer in offers if not offer.disabled]
        actions = [
            action
            for offer in offers
            if _is_wanted(offer.kind, params.context.only)
            for action in _actions(server, document, offer, params.context.diagnostics)
        ]
        can = _capabilities(server)
        if can is not None and can.code_action_literal_support is not None:
            return [*actions]
        return [action.command for action in actions if action.command is not None]

    @server.feature(types.CODE_ACTION_RESOLVE)
    async def resolve(action: types.CodeAction) -> types.CodeAction:
        offered = from_data(plain(action.data))
        if offered is None or action.edit is not None:
            return action
        try:
            plan = await plan_of(server, offered)
        except NotPossible as error:
            server.tell(str(error))
            return action
        _refuse_stale(server, offered)
        action.edit = workspace_edit(server, plan, preview=offered.preview)
        if action.edit is None:  # it fails its checks, and this client has no preview of its own
            await show_plan(server, plan)
        return action

    @server.command(REFACTOR_COMMAND)
    async def refactor(data: Any) -> bool:
        """Make and apply an offer, for clients that resolve nothing, and for ``codeflow/edit``."""
        offered = from_data(plain(data))
        if (plan := await _plan(server, offered)) is None:
            return False
        preview = offered is not None and offered.preview
        edit = workspace_edit(server, plan, preview=preview)
        if edit is None:
            await show_plan(server, plan)
            return False
        applied = await server.workspace_apply_edit_async(types.ApplyWorkspaceEditParams(edit, plan.title))
        if not applied.applied and not preview:  # a preview that is closed says enough
            server.tell(f"The editor did not apply it: {applied.failure_reason or 'it gave no reason'}.")
        return applied.applied

    @server.command(PREVIEW_COMMAND)
    async def preview(data: Any) -> bool:
        """Show an offer's edit as a unified diff."""
        if (plan := await _plan(server, from_data(plain(data)))) is None:
            return False
        await show_plan(server, plan)
        return True

    @server.command(TEST_COMMAND)
    async def test(data: Any) -> bool:
        """Show an offer's edit with what the project's tests say of it."""
        if (plan := await _plan(server, from_data(plain(data)))) is None:
            return False
        try:
            plan = await _tested(server, plan)
        except TestsNotRun as error:
            server.tell(str(error))
            return False
        await show_plan(server, plan)
        return plan.checks.applies


async def _tested(server: CodeFlowServer, plan: EditPlan) -> EditPlan:
    """Raises TestsNotRun."""
    if not plan.changes or server.librarian is None or plan.folder is None:
        raise TestsNotRun("Tests are not run: the document is in no workspace folder.")
    settings, uri = server.settings.refactor, plan.changes[0].document.uri
    paths = server.librarian.facts(uri, server.files.snapshot()).layout.names
    progress = WorkProgress(server, "running tests")
    try:
        return await asyncio.to_thread(
            tested, plan, plan.folder, paths, settings.test_command, trusted=settings.trusted
        )
    finally:
        progress.end()


def offers_at(
    server: CodeFlowServer, document: Document, selection: Selection, diagnostics: Sequence[Diagnostic]
) -> list[Offer]:
    """All offers at a selection, exact ones first; a worker thread's."""
    source = source_of(server, document)
    exact: list[Offer] = []
    if source is not None:
        try:
            exact = exact_offers(source, selection)
        except Exception:  # the others are still there
            logger.exception("exact refactorings of a %s document failed", document.language)
    by_model = model_offers(document, source, selection, diagnostics)
    if (follow := propagation.offer_at(server.files.snapshot(), document, selection)) is not None:
        exact.insert(0, follow)
    exact = [_without_name(offer) if offer.action == RENAME else offer for offer in exact]
    fixes = [offer for offer in by_model if offer.kind == "quickfix"]
    return [*fixes, *exact, *(offer for offer in by_model if offer.kind != "quickfix")]


def source_of(server: CodeFlowServer, document: Document) -> SourceTree | None:
    """A document's tree; the latest one is kept, since menus are asked for at every step of a cursor."""
    latest = server.latest_source
    if latest is not None and latest.document is document:
        return latest
    tree = server.librarian.trees.tree_of(document) if server.librarian is not None else None
    source = SourceTree(document, tree) if tree is not None else SourceTree.of(document)
    server.latest_source = source
    return source


def _without_name(offer: Offer) -> Offer:
    """A renaming as a code action: nobody can be asked for the name, so the model is."""
    return replace(offer, title=f"{offer.title.removesuffix('...')} to a clearer name", name="")


def _actions(
    server: CodeFlowServer, document: Document, offer: Offer, diagnostics: Sequence[types.Diagnostic]
) -> list[types.CodeAction]:
    """An offer as entries of the menu: to be applied, and where that is worth a line, to be looked at."""
    can = _capabilities(server)
    if offer.disabled and not (can and can.disabled_support):
        return []
    is_fix = offer.action == "fix-diagnostic"
    fixes = [one for one in diagnostics if is_fix and one.message.strip() in offer.name]
    action = types.CodeAction(
        title=offer.title,
        kind=types.CodeActionKind(offer.kind) if offer.kind else None,
        diagnostics=fixes or None,
        disabled=types.CodeActionDisabled(offer.disabled) if offer.disabled else None,
    )
    if offer.disabled:
        return [action]
    data = to_data(Offered(document.uri, document.version, offer))
    if offer.action == "explain":
        action.command = types.Command(title=offer.title, command=EXPLAIN_COMMAND, arguments=[data])
        return [action]
    if can and can.resolve_support and "edit" in can.resolve_support.properties:
        action.data = data
    else:
        action.command = types.Command(title=offer.title, command=REFACTOR_COMMAND, arguments=[data])
    if offer.action == propagation.ACTION and action.data is not None and honours_annotations(server):
        action.data = to_data(Offered(document.uri, document.version, offer, preview=True))
        return [action]
    wanted = server.settings.refactor.preview
    if wanted == "never" or (wanted == "auto" and offer.exact):
        return [action]
    title = f"{offer.title} (preview…)"
    looked_at = types.CodeAction(title=title, kind=action.kind, diagnostics=fixes or None)
    if action.data is not None and honours_annotations(server):
        looked_at.data = to_data(Offered(document.uri, document.version, offer, preview=True))
    else:
        looked_at.command = types.Command(title=title, command=PREVIEW_COMMAND, arguments=[data])
    return [action, looked_at]


def _capabilities(server: CodeFlowServer) -> types.CodeActionClientCapabilities | None:
    documents = server.client_capabilities.text_document
    return documents.code_action if documents else None


async def _plan(server: CodeFlowServer, offered: Offered | None) -> EditPlan | None:
    """The plan of a command's argument; None where there is none, and the user was told why."""
    if offered is None:
        server.tell("This command takes what a code action brings along; choose one in the menu.")
        return None
    try:
        plan = await plan_of(server, offered)
        _refuse_stale(server, offered)
        return plan
    except NotPossible as error:
        server.tell(str(error))
    except JsonRpcException as error:
        server.tell(error.message)
    return None


def _refuse_stale(server: CodeFlowServer, offered: Offered) -> None:
    document = server.files.document(offered.uri)
    if document is None or document.version != offered.version:
        raise JsonRpcException("The text was changed meanwhile; ask again.", _CONTENT_MODIFIED)


def selection_of(server: CodeFlowServer, document: Document, where: types.Range) -> Selection:
    """A client's range as a selection, whichever end comes first."""
    start, end = (position_in(document, one, server.encoding) for one in (where.start, where.end))
    return Selection(min(start, end), max(start, end))


def _is_wanted(kind: str, only: Sequence[str] | None) -> bool:
    """Whether a kind is one of ``only``, or below one of them (LSP 3.18, "CodeActionKind")."""
    if not only:
        return True
    return any(str(one) == "" or kind == one or kind.startswith(f"{one}.") for one in map(_kind_text, only))


def _kind_text(kind: Any) -> str:
    return str(getattr(kind, "value", kind))
