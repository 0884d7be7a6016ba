"""initialize, initialized, configuration, shutdown; the command that obtains the model."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from lsprotocol import types

from lsp_server import completion
from lsp_server.model_problem import OBTAIN_COMMAND
from lsp_server.server import CodeFlowServer
from lsp_server.settings import Settings, parse_settings

logger = logging.getLogger(__name__)


def register(server: CodeFlowServer) -> None:
    """Add the handlers to ``server``."""

    @server.feature(types.INITIALIZE)
    def initialize(params: types.InitializeParams) -> None:
        folders = [folder.uri for folder in params.workspace_folders or []]
        server.folders = folders or ([params.root_uri] if params.root_uri else [])
        _apply(server, params.initialization_options)
        if completion.is_wanted(server, params.capabilities):
            completion.register_menu(server, params.client_info.name if params.client_info else "")

    @server.feature(types.INITIALIZED)
    async def initialized(_: types.InitializedParams) -> None:
        workspace = server.client_capabilities.workspace
        if workspace and workspace.configuration:
            await _pull_configuration(server)
        if server.settings.completion.enabled:
            server.model.open()  # first: it takes longer, mostly without Python
            server.open_librarian()
        else:
            server.model.set_status("off", "completion.enabled is false")

    @server.command(OBTAIN_COMMAND)
    async def obtain(*_: object) -> bool:
        """Have the model, downloading it where it is missing or damaged; whether it is open then."""
        return server.settings.completion.enabled and await server.model.obtain()

    @server.feature(types.WORKSPACE_DID_CHANGE_CONFIGURATION)
    async def did_change_configuration(params: types.DidChangeConfigurationParams) -> None:
        before = server.settings
        workspace = server.client_capabilities.workspace
        if workspace and workspace.configuration:
            await _pull_configuration(server)
        else:
            _apply(server, _section(params.settings))
        _restart_if_needed(server, before)

    @server.feature(types.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS)
    def did_change_folders(params: types.DidChangeWorkspaceFoldersParams) -> None:
        gone = {folder.uri for folder in params.event.removed}
        server.folders = [uri for uri in server.folders if uri not in gone]
        server.folders += [folder.uri for folder in params.event.added]
        if server.librarian is not None:
            server.open_librarian()

    @server.feature(types.SHUTDOWN)
    async def shutdown(_: None) -> None:
        await asyncio.to_thread(server.close_librarian)
        await asyncio.to_thread(server.close)


async def _pull_configuration(server: CodeFlowServer) -> None:
    items = [types.ConfigurationItem(section="codeflow")]
    try:
        answer = await asyncio.wait_for(
            server.workspace_configuration_async(types.ConfigurationParams(items)), timeout=5
        )
    except Exception as error:  # a client that announces it and fails is served with what is there
        logger.warning("the client did not give its configuration: %s", error)
        return
    if answer and answer[0]:
        _apply(server, answer[0])


def _apply(server: CodeFlowServer, raw: Any) -> None:
    if raw is None:
        return
    settings, problems = parse_settings(_plain(_section(raw)))
    server.settings = server.with_overrides(settings)
    server.set_log_level(settings.log_level)
    for problem in problems:
        logger.warning("%s", problem)
    if problems and server.session is not None:
        message = types.ShowMessageParams(types.MessageType.Warning, "CodeFlow: " + " ".join(problems))
        server.window_show_message(message)


def _restart_if_needed(server: CodeFlowServer, before: Settings) -> None:
    after = server.settings
    if after.completion.enabled and server.librarian is None:
        server.open_librarian()
    if not after.completion.enabled:
        server.close()
        server.model.set_status("off", "completion.enabled is false")
    elif _of_model(before) != _of_model(after) or (server.session is None and not before.completion.enabled):
        server.model.open()


def _of_model(settings: Settings) -> tuple[object, ...]:
    """What a session is made by."""
    return settings.model, settings.engine, settings.remote, settings.context


def _section(raw: Any) -> Any:
    """Settings may come bare, or under the name of their section."""
    plain = _plain(raw)
    return plain["codeflow"] if isinstance(plain, dict) and "codeflow" in plain else plain


def _plain(value: Any) -> Any:
    """pygls hands untyped JSON over as named tuples; dictionaries again, all the way down."""
    if hasattr(value, "_asdict"):
        value = value._asdict()
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
