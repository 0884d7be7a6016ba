"""``codeflow-lsp context FILE --line L --character C``: what a completion there would be told, and why."""

from __future__ import annotations

import argparse
import json
import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from context.prompt import Encode, PromptFormat

_DEFAULT_BUDGET = 4096  # what a quick machine gives a ghost text
_INDEX_WITHIN_S = 600.0
_BAR = 24  # characters of the widest bar
_CHARACTERS_PER_TOKEN = 4  # where no tokenizer is at hand: code has 3 to 4


def add_parser(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb to the command line."""
    parser = verbs.add_parser("context", help="show what a completion would be told, and why")
    parser.add_argument("file", type=Path)
    parser.add_argument("--line", type=int, required=True, help="zero-based, as in LSP")
    parser.add_argument("--character", type=int, required=True, help="zero-based UTF-16 units, as in LSP")
    parser.add_argument("--budget", type=int, default=_DEFAULT_BUDGET, help="tokens (512 to 131072)")
    parser.add_argument("--model", default="auto", help="whose tokenizer counts")
    parser.add_argument("--folder", type=Path, help="the workspace folder (default: the repository, or here)")
    parser.add_argument("--without", action="append", default=[], metavar="SOURCE", help="leave a source out")
    parser.add_argument("--text", action="store_true", help="print every piece's text as well")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(func=_run)


def _run(options: argparse.Namespace) -> int:
    problem = _problem(options)
    if problem:
        print(f"codeflow-lsp: {problem}", file=sys.stderr)  # noqa: T201
        return 2
    from lsp_server.show import Terminal

    terminal = Terminal(quiet=options.json)
    found = examine(options, terminal)
    if options.json:
        print(json.dumps(found))  # noqa: T201
        return 0
    _show(found, terminal, with_text=options.text)
    return 0


def examine(options: argparse.Namespace, terminal: Any) -> dict[str, Any]:
    """Index the folder, gather, assemble: the explanation, and how long each step took in milliseconds."""
    from lsprotocol import types

    from context import Query, Workspace, assemble
    from context.tokenised import TokenisedItems
    from context.workspace import Opened
    from lsp_server.explain import explanation
    from lsp_server.from_lsp import opened_document, position_in
    from lsp_server.one_shot import folder_of, gather

    file = options.file.resolve()
    root = (options.folder or folder_of(file)).resolve()
    text = file.read_bytes().decode("utf-8", "replace")
    document = opened_document(types.TextDocumentItem(file.as_uri(), "", 0, text), [root.as_uri()])
    at = types.Position(options.line, options.character)
    position = position_in(document, at, types.PositionEncodingKind.Utf16)
    workspace = Workspace()
    workspace.apply(Opened(document))
    name, encode, form = _tokenizer(options.model)
    tokenised = TokenisedItems(encode, form)
    started = time.perf_counter()
    with terminal.progress() as report:
        dossier, notes = gather(
            workspace.snapshot(),
            document,
            position.line,
            root,
            budget_tokens=options.budget,
            report=report,
            within_s=_INDEX_WITHIN_S,
        )
    gathered = time.perf_counter()
    assembled = partial(
        assemble,
        workspace.snapshot(),
        Query(document.uri, position),
        form=form,
        encode=encode,
        tokenised=tokenised,
        budget_tokens=options.budget,
        repository=root.name,
        dossier=dossier,
        disabled=tuple(options.without),
    )
    assembled()
    tokenised_at = time.perf_counter()
    found = assembled()  # as on a keystroke: every text has been tokenised before
    done = time.perf_counter()
    return {
        "file": document.path,
        "folder": str(root),
        "line": position.line,
        "budget_tokens": options.budget,
        "tokenizer": name,
        **explanation(found, tokenised, with_text=options.text),
        "notes": notes,
        "gather_ms": round((gathered - started) * 1e3, 1),
        "tokenise_ms": round((tokenised_at - gathered) * 1e3, 1),
        "assemble_ms": round((done - tokenised_at) * 1e3, 1),
    }


def _problem(options: argparse.Namespace) -> str:
    from context.items import SOURCES

    if not options.file.is_file():
        return f"there is no file {options.file}"
    if options.line < 0 or options.character < 0:
        return "--line and --character count from 0"
    if not 512 <= options.budget <= 131_072:
        return "--budget should be between 512 and 131072 tokens"
    if unknown := [name for name in options.without if name not in (*SOURCES, "all")]:
        return f"{unknown[0]} is no source; these are: {', '.join(SOURCES)}"
    if options.folder and not options.file.resolve().is_relative_to(options.folder.resolve()):
        return f"{options.file} is not in {options.folder}"
    return ""


def _tokenizer(model: str) -> tuple[str, Encode, PromptFormat]:
    """A real tokenizer, or where no model is here an estimate that says so."""
    from context.prompt import PromptFormat
    from engine import EngineError
    from lsp_server.model_session import any_tokenizer

    try:
        return any_tokenizer(model)
    except EngineError:
        if model != "auto":
            raise

    def estimate(text: str) -> tuple[int, ...]:
        return (0,) * -(-len(text) // _CHARACTERS_PER_TOKEN)

    form = PromptFormat(prefix=(0,), suffix=(0,), middle=(0,), file_separator=(0,))
    return "estimated: no model is on this machine yet", estimate, form


def _show(found: dict[str, Any], terminal: Any, *, with_text: bool) -> None:
    from lsp_server.explain import by_source

    terminal.say(f"{found['file']}, line {found['line'] + 1}", "bold")
    terminal.say(
        f"{found['prompt_tokens']} of {found['budget_tokens']} tokens ({found['tokenizer']}); "
        f"gathered in {found['gather_ms']:.0f} ms, tokenised in {found['tokenise_ms']:.0f} ms, "
        f"assembled in {found['assemble_ms']:.1f} ms",
        "dim",
    )
    sums = by_source(found["pieces"])
    most = max((tokens for _, tokens in sums), default=1)
    for source, tokens in sums:
        bar = "█" * max(1, round(_BAR * tokens / most)) if tokens else ""
        terminal.say(f"  {source:14s} {tokens:7d}  {bar}")
    terminal.say("In the prompt's order", "bold")
    for piece in found["pieces"]:
        commits = " ".join(sha[:8] for sha in piece["commits"][:3])
        why = " · ".join(part for part in (piece["why"], commits) if part)
        terminal.say(
            f"  {piece['tokens']:7d}  {piece['path']}  ({piece['source']}{': ' + why if why else ''})"
        )
        if with_text and piece.get("text"):
            for line in piece["text"].splitlines():
                terminal.say(f"           │ {line}", "dim")
    for note in (*found["notes"], *([found["note"]] if found["note"] else [])):
        terminal.say(f"Note: {note}", "yellow")
