"""``codeflow-lsp review``: what is wrong with, and what is missing from, the change since the branch began.

Exit codes for CI: 0 nothing as bad as ``--fail-on``, 1 something, 2 it could not be reviewed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from context.review import Finding, Review
    from lsp_server.review_formats.report import Report

FAILED = 2
_SEVERITIES = ("error", "warning", "note", "never")


def add_parser(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb to the command line."""
    parser = verbs.add_parser(
        "review", help="review the change since the branch began, committed or not (docs/review.md)"
    )
    parser.add_argument("paths", nargs="*", type=Path, help="only these files and folders")
    parser.add_argument("--base", default="", metavar="REV", help="compare with where HEAD left it")
    parser.add_argument("--repo", type=Path, default=Path(), metavar="PATH", help="default: this folder")
    parser.add_argument("--format", default="text", choices=["text", "markdown", "sarif", "json"])
    parser.add_argument(
        "--fail-on", default="error", choices=_SEVERITIES, help="the least severity that ends with code 1"
    )
    parser.add_argument(
        "--deep",
        action="store_true",
        help="let a model look at each changed function; what it says is marked",
    )
    parser.add_argument("--model", default="auto", help="for --deep: a model name, or a GGUF file")
    parser.add_argument("--color", default="auto", choices=["auto", "always", "never"])
    parser.set_defaults(func=_run)


def _run(options: argparse.Namespace) -> int:
    from rich.console import Console

    from context.history.git import GitError
    from context.review import Severity, review
    from engine.errors import EngineError
    from lsp_server.review_formats.report import Report

    root = top_of(options.repo)
    errors = Console(stderr=True, highlight=False)
    try:
        paths = [_inside(path, root) for path in options.paths]
        with errors.status("reviewing") as status:
            found = review(root, options.base, paths, report=lambda what: status.update(what))
    except (GitError, ValueError, OSError) as error:
        print(f"codeflow-lsp: {_printable(str(error))}", file=sys.stderr)  # noqa: T201
        return FAILED
    try:
        suspected, model = asyncio.run(_suspect(options, found)) if options.deep else ((), "")
    except EngineError as error:
        print(f"codeflow-lsp: {_printable(str(error))}", file=sys.stderr)  # noqa: T201
        return FAILED
    report = Report(found, suspected, model)
    _write(report, options)
    if options.fail_on == "never":
        return 0
    return int(found.at_least(Severity[options.fail_on.upper()]))


def top_of(folder: Path) -> Path:
    """The repository that a folder lies in, by its ``.git``; the folder itself where there is none."""
    here = folder.resolve()
    return next((at for at in (here, *here.parents) if (at / ".git").exists()), here)


def _inside(path: Path, root: Path) -> str:
    found = path.resolve()
    if not found.is_relative_to(root):
        raise ValueError(f"{path} is not in {root}")
    return found.relative_to(root).as_posix()


def _printable(text: str) -> str:
    from lsp_server.review_formats.report import plain

    return plain(text)


def _write(report: Report, options: argparse.Namespace) -> None:
    if options.format == "text":
        from rich.console import Console

        from lsp_server.review_formats.terminal import show

        colour = {"auto": None, "always": True, "never": False}[options.color]
        show(report, Console(force_terminal=colour, no_color=colour is False, highlight=False))
        return
    if options.format == "markdown":
        from lsp_server.review_formats.markdown import render

        text = render(report)
    elif options.format == "sarif":
        from lsp_server.review_formats.sarif import as_sarif

        text = json.dumps(as_sarif(report), indent=2, ensure_ascii=False) + "\n"
    else:
        from lsp_server.review_formats.objects import as_object

        text = json.dumps(as_object(report)) + "\n"
    sys.stdout.write(text.encode("utf-8", "replace").decode("utf-8"))


async def _suspect(options: argparse.Namespace, found: Review) -> tuple[tuple[Finding, ...], str]:
    from lsp_server.suspicions import suspicions_of

    return await suspicions_of(found, options.model)
