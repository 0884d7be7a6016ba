"""The one helper of the tests that speak LSP: the real server process, and an editor's side of the wire.

Each server is alone in its process, so that tests share nothing. ``CODEFLOW_TESTS_SHARED=1`` has all of them
go the way of users, by a proxy and a shared process: one for each editor, which ends with it.
"""

from __future__ import annotations

import asyncio
import os
import sys
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from lsprotocol import types
from pygls.lsp.client import LanguageClient

from lsp_server.shared.rendezvous import IDLE_VARIABLE

INVOKED = types.InlineCompletionTriggerKind.Invoked
AUTOMATIC = types.InlineCompletionTriggerKind.Automatic
NOT_COUNTED = {"keepStatistics": False}  # what tests accept is not what the user of this machine accepted
SHARED_VARIABLE = "CODEFLOW_TESTS_SHARED"  # part of a shared process's name, as all that begins like this


@dataclass
class Editor:
    """A connected client. ``encodings`` are what it offers; positions are given in the one agreed on."""

    client: LanguageClient
    capabilities: types.ServerCapabilities
    statuses: list[Any] = field(default_factory=list)
    messages: list[types.ShowMessageParams] = field(default_factory=list)
    questions: list[str] = field(default_factory=list)
    progress: list[types.ProgressParams] = field(default_factory=list)
    applied: list[types.WorkspaceEdit] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)  # uris of documents that the server had shown
    logged: list[str] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def ready(self, within_s: float = 600.0) -> Any:
        """Wait for the model; the status that said so."""
        async with asyncio.timeout(within_s):
            while not self.statuses or self.statuses[-1].state not in ("ready", "error", "off"):
                self.changed.clear()
                await self.changed.wait()
        return self.statuses[-1]

    def open(self, uri: str, text: str, language: str = "python", version: int = 1) -> None:
        item = types.TextDocumentItem(uri, language, version, text)
        self.client.text_document_did_open(types.DidOpenTextDocumentParams(item))

    def change(
        self, uri: str, version: int, text: str, at: tuple[int, int], to: tuple[int, int] | None = None
    ) -> None:
        start, end = types.Position(*at), types.Position(*(to or at))
        change = types.TextDocumentContentChangePartial(types.Range(start, end), text)
        document = types.VersionedTextDocumentIdentifier(version, uri)
        self.client.text_document_did_change(types.DidChangeTextDocumentParams(document, [change]))

    def configure(self, settings: dict[str, Any]) -> None:
        """These settings from now on, and no earlier ones."""
        params = types.DidChangeConfigurationParams({"codeflow": NOT_COUNTED | settings})
        self.client.workspace_did_change_configuration(params)

    def close(self, uri: str) -> None:
        document = types.TextDocumentIdentifier(uri)
        self.client.text_document_did_close(types.DidCloseTextDocumentParams(document))

    def ask(
        self,
        uri: str,
        line: int,
        character: int,
        trigger: types.InlineCompletionTriggerKind = AUTOMATIC,
        selected: types.SelectedCompletionInfo | None = None,
        request_id: str | None = None,
    ) -> asyncio.Future[Any]:
        """Send textDocument/inlineCompletion; ``cancel`` takes its ``request_id``."""
        params = types.InlineCompletionParams(
            types.InlineCompletionContext(trigger, selected),
            types.TextDocumentIdentifier(uri),
            types.Position(line, character),
        )
        return asyncio.wrap_future(
            self.client.protocol.send_request(
                types.TEXT_DOCUMENT_INLINE_COMPLETION, params, msg_id=request_id
            )
        )

    def cancel(self, request_id: str) -> None:
        self.client.protocol.notify(types.CANCEL_REQUEST, types.CancelParams(request_id))

    async def complete(
        self, uri: str, line: int, character: int, **options: Any
    ) -> list[types.InlineCompletionItem]:
        answer = await self.ask(uri, line, character, **options)
        return list(answer.items)

    async def request(self, method: str, params: Any = None) -> Any:
        return await self.client.protocol.send_request_async(method, params)

    async def account(self, item: types.InlineCompletionItem) -> Any:
        assert item.command is not None and item.command.arguments
        return await self.request("codeflow/account", {"key": item.command.arguments[0]})


def like_vscode(can: types.ClientCapabilities) -> None:
    """What VS Code's client says of itself."""
    assert can.text_document and can.window
    can.text_document.code_action = types.CodeActionClientCapabilities(
        code_action_literal_support=types.ClientCodeActionLiteralOptions(
            types.ClientCodeActionKindOptions(value_set=[types.CodeActionKind.Refactor])
        ),
        disabled_support=True,
        data_support=True,
        resolve_support=types.ClientCodeActionResolveOptions(properties=["edit"]),
        honors_change_annotations=True,
    )
    can.workspace = types.WorkspaceClientCapabilities(
        workspace_edit=types.WorkspaceEditClientCapabilities(
            document_changes=True,
            resource_operations=[types.ResourceOperationKind.Create, types.ResourceOperationKind.Rename],
            change_annotation_support=types.ChangeAnnotationsSupportOptions(groups_on_label=True),
        )
    )
    can.window.show_document = types.ShowDocumentClientCapabilities(support=True)


def _way(command: list[str]) -> tuple[list[str], dict[str, str]]:
    """How a server is started, and with which environment."""
    environment = dict(os.environ)
    if SHARED_VARIABLE not in environment:
        return [*command, *(["--alone"] if "--stdio" in command else [])], environment
    if environment[SHARED_VARIABLE] == "1":
        environment |= {SHARED_VARIABLE: str(uuid.uuid4()), IDLE_VARIABLE: "1"}
    return [word.replace("scripted_server", "scripted_proxy") for word in command], environment


@asynccontextmanager
async def editor(
    *,
    model: str = "qwen2.5-coder-0.5b",
    encodings: list[str] | None = None,
    settings: dict[str, Any] | None = None,
    folders: list[str] | None = None,
    inline: bool = True,
    work_done_progress: bool = False,
    command: list[str] | None = None,
    answer: str | None = None,
    adjust: Callable[[types.ClientCapabilities], None] | None = None,
) -> AsyncIterator[Editor]:
    """Start the server over stdio, initialize it, and shut it down in the end.

    ``answer`` is what the user chooses wherever the server asks something; ``adjust`` has the last word on
    what the client says that it can.
    """
    client = LanguageClient("tests", "1")
    command, environment = _way(command or [sys.executable, "-m", "lsp_server.cli", "--stdio"])
    await client.start_io(*command, env=environment)
    found = Editor(client, types.ServerCapabilities())

    @client.feature("codeflow/status")
    def on_status(status: Any) -> None:
        found.statuses.append(status)
        found.changed.set()

    @client.feature(types.WINDOW_SHOW_MESSAGE)
    def on_message(message: types.ShowMessageParams) -> None:
        found.messages.append(message)

    @client.feature(types.WINDOW_LOG_MESSAGE)
    def on_log(line: types.LogMessageParams) -> None:
        found.logged.append(line.message)

    @client.feature(types.WINDOW_SHOW_MESSAGE_REQUEST)
    def on_question(question: types.ShowMessageRequestParams) -> types.MessageActionItem | None:
        found.questions.append(question.message)
        return types.MessageActionItem(answer) if answer else None

    @client.feature(types.WORKSPACE_APPLY_EDIT)
    def on_edit(params: types.ApplyWorkspaceEditParams) -> types.ApplyWorkspaceEditResult:
        found.applied.append(params.edit)
        return types.ApplyWorkspaceEditResult(applied=True)

    @client.feature(types.WINDOW_SHOW_DOCUMENT)
    def on_document(params: types.ShowDocumentParams) -> types.ShowDocumentResult:
        found.shown.append(params.uri)
        return types.ShowDocumentResult(success=True)

    @client.feature(types.WINDOW_WORK_DONE_PROGRESS_CREATE)
    def on_progress_create(_: types.WorkDoneProgressCreateParams) -> None:
        return None

    @client.feature(types.PROGRESS)
    def on_progress(params: types.ProgressParams) -> None:
        found.progress.append(params)

    inline_capability = types.InlineCompletionClientCapabilities() if inline else None
    capabilities = types.ClientCapabilities(
        general=types.GeneralClientCapabilities(
            position_encodings=[types.PositionEncodingKind(e) for e in encodings] if encodings else None
        ),
        text_document=types.TextDocumentClientCapabilities(inline_completion=inline_capability),
        window=types.WindowClientCapabilities(work_done_progress=work_done_progress),
    )
    if adjust is not None:
        adjust(capabilities)
    result = await client.initialize_async(
        types.InitializeParams(
            capabilities,
            workspace_folders=[types.WorkspaceFolder(uri, "folder") for uri in folders or []],
            initialization_options={
                "model": {"name": model},
                "engine": {"savedMb": 0},
                **NOT_COUNTED,
                **(settings or {}),
            },
        )
    )
    found.capabilities = result.capabilities
    client.initialized(types.InitializedParams())
    try:
        yield found
    finally:
        await asyncio.wait_for(client.shutdown_async(None), 30)
        client.exit(None)
        await asyncio.wait_for(client.stop(), 30)
