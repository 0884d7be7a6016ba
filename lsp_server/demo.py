"""``codeflow-lsp demo``: the product's job on a small workspace, by the real server over stdio.

It is a client like any editor: it starts ``codeflow-lsp --stdio``, opens files, asks for inline completions,
and prints what an editor would show.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
import tomllib
from pathlib import Path
from typing import Any

_WORKSPACE = Path(__file__).resolve().parent.parent / "tests" / "workspace"
_MODEL_WITHIN_S = 3600.0  # a download on a slow line
_EDITORS = """
Connect an editor: it starts `{command} --stdio` for every file.
  Neovim 0.12   vim.lsp.config('codeflow', {{ cmd = {{ '{command}', '--stdio' }} }})
                vim.lsp.enable('codeflow'); vim.lsp.inline_completion.enable()
  others        see editors/README.md
"""


def add_parser(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb to the command line."""
    parser = verbs.add_parser("demo", help="show ghost text at three places of a sample workspace")
    parser.add_argument("--model", default="auto", help="a model name, or the path of a GGUF file")
    parser.add_argument("--workspace", type=Path, default=_WORKSPACE, help=argparse.SUPPRESS)
    parser.set_defaults(func=_run)


def _run(options: argparse.Namespace) -> int:
    if not (options.workspace / "places.toml").is_file():
        print("codeflow-lsp: the sample workspace is part of the source repository", file=sys.stderr)  # noqa: T201
        return 1
    return asyncio.run(_demo(options.workspace, options.model))


async def _demo(folder: Path, model: str) -> int:
    from lsprotocol import types
    from pygls.lsp.client import LanguageClient

    from lsp_server import __version__
    from lsp_server.from_lsp import opened_document, position_in
    from lsp_server.place import Place
    from lsp_server.show import Terminal
    from lsp_server.trim import Shown

    terminal = Terminal()
    client = LanguageClient("codeflow-demo", __version__)
    status: asyncio.Queue[Any] = asyncio.Queue()

    @client.feature("codeflow/status")
    def on_status(state: Any) -> None:
        status.put_nowait(state)

    @client.feature("window/showMessage")
    def on_message(_: Any) -> None:
        """The status says the same."""

    started = time.monotonic()
    await client.start_io(sys.executable, "-m", "lsp_server.cli", "--stdio", "--alone")
    capabilities = types.ClientCapabilities(
        text_document=types.TextDocumentClientCapabilities(
            inline_completion=types.InlineCompletionClientCapabilities()
        )
    )
    root = folder.resolve().as_uri()
    await client.initialize_async(
        types.InitializeParams(
            capabilities,
            workspace_folders=[types.WorkspaceFolder(root, folder.name)],
            # what is shown here is asked once: it may wait for all that there is to know
            initialization_options={"model": {"name": model}, "completion": {"deadlineMs": 0}},
        )
    )
    client.initialized(types.InitializedParams())
    with terminal.progress() as report:
        while True:
            state = await asyncio.wait_for(status.get(), _MODEL_WITHIN_S)
            if state.state in ("ready", "error", "off"):
                break
            report(state.message, None)
    if state.state != "ready":
        terminal.say(f"codeflow-lsp: {state.message}")
        await _stop(client)
        return 1
    terminal.say(f"{state.message} · {state.reason}\n")
    shown_any = 0
    for place in tomllib.loads((folder / "places.toml").read_text("utf-8"))["place"]:
        path = folder / place["file"]
        item = types.TextDocumentItem(path.resolve().as_uri(), "", 0, path.read_text("utf-8"))
        document = opened_document(item, [root])
        item.language_id = document.language
        client.text_document_did_open(types.DidOpenTextDocumentParams(item))
        before = item.text[: item.text.index(place["after"]) + len(place["after"])]
        at = types.Position(before.count("\n"), len(before) - before.rfind("\n") - 1)
        asked = time.monotonic()
        answer = await client.text_document_inline_completion_async(
            types.InlineCompletionParams(
                types.InlineCompletionContext(types.InlineCompletionTriggerKind.Automatic),
                types.TextDocumentIdentifier(item.uri),
                at,
            )
        )
        took = time.monotonic() - asked
        if not shown_any:
            terminal.say(
                f"first ghost text {time.monotonic() - started:.1f} s after the server was started\n", "dim"
            )
        items = answer.items if isinstance(answer, types.InlineCompletionList) else answer or []
        terminal.say(place["file"], "bold")
        here = Place(document, position_in(document, at, types.PositionEncodingKind.Utf16))
        for one in items:
            end = one.range.end.character if one.range else at.character
            terminal.show(here, Shown(str(one.insert_text), end - at.character))
            key = (one.command.arguments or [""])[0] if one.command else ""
            account = await client.protocol.send_request_async("codeflow/account", {"key": key})
            terminal.say_cost({**account._asdict(), "total_ms": took * 1e3})
            shown_any += 1
        if not items:
            terminal.say("  nothing useful to suggest here")
        terminal.say("")
    await _stop(client)
    terminal.say(_EDITORS.format(command=_command()).strip("\n"))
    return 0 if shown_any else 1


def _command() -> str:
    installed = Path(sys.executable).parent / "codeflow-lsp"
    return str(installed) if installed.exists() else "codeflow-lsp"


async def _stop(client: Any) -> None:
    await client.shutdown_async(None)
    client.exit(None)
    await asyncio.wait_for(client.stop(), 10)
