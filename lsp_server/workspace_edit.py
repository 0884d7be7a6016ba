"""An ``EditPlan`` as an LSP WorkspaceEdit: versioned, minimal, with a label and what the checks said.

A plan that fails its checks is never given to be applied at once: where the client honours change annotations
the edit needs confirmation, which opens its preview; elsewhere there is no edit (LSP 3.18, "WorkspaceEdit").
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lsprotocol import types

from context.document import Document, Edit
from lsp_server.edit_plan import EditPlan, PlanRefused
from lsp_server.to_lsp import position_of

if TYPE_CHECKING:
    from lsp_server.server import CodeFlowServer

_LABEL = "codeflow"
_TextEdits = list[types.TextEdit | types.AnnotatedTextEdit | types.SnippetTextEdit]
_Operation = types.TextDocumentEdit | types.CreateFile | types.RenameFile | types.DeleteFile


def workspace_edit(server: CodeFlowServer, plan: EditPlan, *, preview: bool) -> types.WorkspaceEdit | None:
    """The plan for this client; None where it may only be looked at and the client has no preview of its own.

    Raises PlanRefused where the client cannot do what it takes.
    """
    can = _capabilities(server)
    annotated = honours_annotations(server)
    if not plan.checks.applies and not annotated:
        return None
    operations = can.resource_operations or [] if can else []
    if plan.created and types.ResourceOperationKind.Create not in operations:
        raise PlanRefused(
            "This editor cannot create a file for a language server; update it, or copy the diff."
        )
    if plan.renamed and types.ResourceOperationKind.Rename not in operations:
        raise PlanRefused(
            "This editor cannot rename a file for a language server; update it, or copy the diff."
        )
    if not (can and can.document_changes):
        return types.WorkspaceEdit(
            changes={
                change.document.uri: [_text_edit(server, change.document, edit) for edit in change.edits]
                for change in plan.changes
            }
        )
    label = _LABEL if annotated else None
    changes: list[_Operation] = [
        types.TextDocumentEdit(
            types.OptionalVersionedTextDocumentIdentifier(
                change.document.uri, change.document.version if _is_open(server, change.document) else None
            ),
            _edits(server, change.document, change.edits, label),
        )
        for change in plan.changes
    ]
    for path, text in plan.created:
        uri, start = plan.uri_of(path), types.Position(0, 0)
        changes += [
            types.CreateFile(uri, options=types.CreateFileOptions(overwrite=False), annotation_id=label),
            types.TextDocumentEdit(
                types.OptionalVersionedTextDocumentIdentifier(uri, None),
                [_annotated(types.TextEdit(types.Range(start, start), text), label)],
            ),
        ]
    for old, new in plan.renamed:
        changes.append(types.RenameFile(plan.uri_of(old), plan.uri_of(new), annotation_id=label))
    confirm = preview or not plan.checks.applies
    title = f"{plan.title} ({plan.checks.verdict})" if plan.checks.verdict else plan.title
    annotation = types.ChangeAnnotation(
        label=title, needs_confirmation=confirm, description=_description(plan)
    )
    return types.WorkspaceEdit(
        document_changes=changes, change_annotations={_LABEL: annotation} if annotated else None
    )


def honours_annotations(server: CodeFlowServer) -> bool:
    """Whether this client shows labels and asks for confirmation where an edit needs it."""
    can, documents = _capabilities(server), server.client_capabilities.text_document
    action = documents.code_action if documents else None
    return bool(
        can
        and can.document_changes
        and can.change_annotation_support
        and action
        and action.honors_change_annotations
    )


def _description(plan: EditPlan) -> str:
    return "; ".join((plan.checks.summary, *plan.notes)).strip("; ")


def _capabilities(server: CodeFlowServer) -> types.WorkspaceEditClientCapabilities | None:
    workspace = server.client_capabilities.workspace
    return workspace.workspace_edit if workspace else None


def _is_open(server: CodeFlowServer, document: Document) -> bool:
    return document.uri in server.files.snapshot().documents


def _edits(
    server: CodeFlowServer, document: Document, edits: Sequence[Edit], label: str | None
) -> _TextEdits:
    return [_annotated(_text_edit(server, document, edit), label) for edit in edits]


def _annotated(edit: types.TextEdit, label: str | None) -> types.TextEdit | types.AnnotatedTextEdit:
    return types.AnnotatedTextEdit(label, edit.range, edit.new_text) if label else edit


def _text_edit(server: CodeFlowServer, document: Document, edit: Edit) -> types.TextEdit:
    start, end = edit.start, edit.end
    assert start is not None and end is not None  # noqa: S101 - ``difference`` sets both
    return types.TextEdit(
        types.Range(
            position_of(document, start, server.encoding), position_of(document, end, server.encoding)
        ),
        edit.text,
    )
