"""``codeflow-lsp complete FILE --line L --character C``: one ghost text without an editor."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from pathlib import Path

_TIMEOUT_MS = 120_000  # who asks in a terminal waits
_GATHER_WITHIN_S = 20.0  # a larger workspace is used as far as it was read


def add_parser(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb to the command line."""
    parser = verbs.add_parser("complete", help="complete a file at a position, and print it")
    parser.add_argument("file", type=Path)
    parser.add_argument("--line", type=int, required=True, help="zero-based, as in LSP")
    parser.add_argument("--character", type=int, required=True, help="zero-based UTF-16 units, as in LSP")
    parser.add_argument("--model", default="auto", help="a model name, or the path of a GGUF file")
    parser.add_argument("--candidates", type=int, default=1, choices=[1, 2, 3])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(func=_run)


def _run(options: argparse.Namespace) -> int:
    try:
        text = options.file.read_bytes().decode("utf-8", "replace")
    except OSError as error:
        print(f"codeflow-lsp: {options.file}: {error.strerror}", file=sys.stderr)  # noqa: T201
        return 1
    if options.line < 0 or options.character < 0:
        print("codeflow-lsp: --line and --character count from 0", file=sys.stderr)  # noqa: T201
        return 2
    return asyncio.run(_complete(options, text))


async def _complete(options: argparse.Namespace, text: str) -> int:
    from lsprotocol import types

    from context import Query, Workspace
    from context.workspace import Opened
    from lsp_server.ask import Ask
    from lsp_server.from_lsp import opened_document, position_in
    from lsp_server.ghost_text import GhostText
    from lsp_server.model_session import open_session
    from lsp_server.one_shot import folder_of, gather
    from lsp_server.place import Place
    from lsp_server.settings import CompletionSettings, ModelSettings, Settings
    from lsp_server.show import Terminal

    file = options.file.resolve()
    root = folder_of(file)
    uri = file.as_uri()
    document = opened_document(types.TextDocumentItem(uri, "", 0, text), [root.as_uri()])
    position = position_in(
        document, types.Position(options.line, options.character), types.PositionEncodingKind.Utf16
    )
    terminal = Terminal(quiet=options.json)
    settings = Settings(
        model=ModelSettings(name=options.model), completion=CompletionSettings(timeout_ms=_TIMEOUT_MS)
    )
    with terminal.progress() as report:
        session = await asyncio.to_thread(open_session, settings, report)
        workspace, ghost_text = Workspace(), GhostText()
        workspace.apply(Opened(document))
        dossier, _ = await asyncio.to_thread(
            gather,
            workspace.snapshot(),
            document,
            position.line,
            root,
            budget_tokens=session.budget_tokens,
            report=report,
            within_s=_GATHER_WITHIN_S,
        )
    try:
        ask = Ask(workspace.snapshot(), Query(uri, position), session, settings, root.name, dossier)
        found = await ghost_text.suggest(ask, candidates=options.candidates)
    finally:
        await asyncio.to_thread(session.engine.close)
    account = next(reversed(ghost_text.accounts.values()), None)
    if options.json:
        items = [{"insertText": one.shown.text, "replaced": one.shown.replaced} for one in found]
        costs = account.as_json() if account else None
        print(json.dumps({"model": session.name, "items": items, "account": costs}))  # noqa: T201
        return 0
    place = Place(document, position)
    for one in found:
        terminal.show(place, one.shown)
    if not found:
        terminal.say("Nothing useful to suggest here.")
    if account:
        terminal.say_cost(account.as_json())
    return 0
