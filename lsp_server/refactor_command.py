"""``codeflow-lsp refactor FILE`` and ``codeflow-lsp edit FILE``: what the code actions do, without an editor.

``refactor`` does one of the offers at a range, ``edit`` what an instruction says; both print a diff, or write
the file. Exit codes: 0 done, 1 refused or fails its checks, 2 a command that cannot be carried out.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from lsp_server.file_change import NOT_DONE, UNUSABLE, NamedFile, Unusable, add_outcome, deliver

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from context.refactor.values import Offer, Rewrite
    from lsp_server.edit_plan import EditPlan


def add_parser(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verbs to the command line."""
    refactor = verbs.add_parser(
        "refactor", help="refactor a piece of a file: see what, see the diff, apply it"
    )
    refactor.add_argument("file", type=Path)
    refactor.add_argument(
        "--range", required=True, metavar="A:B", help="lines, or places as LINE.COLUMN:LINE.COLUMN; from 1"
    )
    refactor.add_argument("--action", metavar="NAME", help="which refactoring; without it they are listed")
    refactor.add_argument("--name", default="", metavar="NAME", help="what to call what comes of it")
    edit = verbs.add_parser("edit", help="change a piece of a file by an instruction")
    edit.add_argument("file", type=Path)
    edit.add_argument("--instruction", required=True, metavar="TEXT", help="what to do")
    edit.add_argument("--range", metavar="A:B", help="lines that may be changed; default: the whole file")
    for parser, run in ((refactor, _refactor), (edit, _edit)):
        parser.add_argument(
            "--model", default="auto", help="a model name, a GGUF file or a checkpoint's folder"
        )
        add_outcome(parser)
        parser.set_defaults(func=lambda options, run=run: _guarded(run(options)))


def _guarded(work: Coroutine[None, None, int]) -> int:
    from context.refactor.values import Refused
    from engine.errors import EngineError
    from lsp_server.edit_plan import PlanRefused

    try:
        return asyncio.run(work)
    except Unusable as error:
        return _say(str(error), UNUSABLE)
    except (Refused, PlanRefused, EngineError) as error:
        return _say(str(error), NOT_DONE)


async def _refactor(options: argparse.Namespace) -> int:
    from context.refactor.actions import exact_offers, perform
    from context.refactor.model_offers import model_offers
    from context.refactor.source_tree import SourceTree

    file = NamedFile.read(options.file)
    where, tree = file.selection(options.range), SourceTree.of(file.document)
    exact = exact_offers(tree, where) if tree is not None else []
    offers = [*exact, *(one for one in model_offers(file.document, tree, where) if one.kind)]
    if options.action is None:
        return _list(offers)
    offer = next((one for one in offers if one.action == options.action), None)
    if offer is None:
        there = ", ".join(one.action for one in offers) or "nothing"
        raise Unusable(f"{options.action} is not offered there; what is: {there}.")
    if offer.disabled:
        return _say(offer.disabled, NOT_DONE)
    if offer.exact:
        rewrite = perform(file.document, offer, options.name)
    else:
        rewrite = await _by_model(file, offer, options)
    return deliver(_plan(file, rewrite, offer.title, options.test), options)


async def _edit(options: argparse.Namespace) -> int:
    from context.document import Position
    from context.refactor.values import Offer, Selection

    file = NamedFile.read(options.file)
    last = len(file.document.lines) - 1
    everything = Selection(Position(0, 0), Position(last, len(file.document.line(last))))
    where = file.selection(options.range) if options.range else everything
    title = " ".join(options.instruction.split())
    offer = Offer("edit", "", title, where, options.instruction, exact=False)
    return deliver(_plan(file, await _by_model(file, offer, options), title, options.test), options)


def _plan(file: NamedFile, rewrite: Rewrite, title: str, tests: str) -> EditPlan:
    from context.privacy import walk
    from lsp_server.edit_plan import plan_from_rewrite
    from lsp_server.tested_plan import TestsNotRun, tested

    plan = plan_from_rewrite(rewrite, title, [file.root])
    if not tests:
        return plan
    try:  # whoever names a command here trusts it with this folder
        return tested(plan, file.root, (one.path for one in walk(file.root)), tests, trusted=True)
    except TestsNotRun as error:
        raise Unusable(str(error)) from error


async def _by_model(file: NamedFile, offer: Offer, options: argparse.Namespace) -> Rewrite:
    from lsp_server.model_session import open_session
    from lsp_server.refactoring import rewritten
    from lsp_server.settings import EngineSettings, ModelSettings, Settings
    from lsp_server.show import Terminal
    from lsp_server.written_tests import write_tests

    terminal = Terminal(quiet=options.json)
    start, end = offer.selection
    letters = sum(map(len, file.document.lines[start.line : end.line + 1]))
    settings = Settings(
        model=ModelSettings(name=options.model),
        engine=EngineSettings(
            context_tokens=4096 + letters, saved_mb=0
        ),  # for the lines, twice, and the rest
    )
    with terminal.progress() as report:
        session = await asyncio.to_thread(open_session, settings, report)
        try:
            report(f"{session.name} writes", None)
            if offer.action == "write-tests":
                return await write_tests(session, file.document, offer, file.root, None)
            return await rewritten(session, file.document, offer)
        finally:
            await asyncio.to_thread(session.engine.close)


def _list(offers: list[Offer]) -> int:
    from rich.console import Console
    from rich.table import Table

    if not offers:
        return _say("Nothing is offered there.", NOT_DONE)
    if not sys.stdout.isatty():
        for one in offers:
            print(f"{one.action}\t{one.title}{f' ({one.disabled})' if one.disabled else ''}")  # noqa: T201
        return 0
    table = Table("action", "what it does", "by", box=None)
    for one in offers:
        style = "dim" if one.disabled else ""
        table.add_row(one.action, one.disabled or one.title, "engine" if one.exact else "model", style=style)
    Console().print(table)
    return 0


def _say(sentence: str, code: int) -> int:
    print(f"codeflow-lsp: {sentence}", file=sys.stderr)  # noqa: T201
    return code
