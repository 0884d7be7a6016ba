"""`codeflow-lsp cache`: what is kept of evaluated prompts for the next start, and a way to be rid of it."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any


def add_parser(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command `cache` and its verb; each sets ``func``, a handler that returns the exit code."""
    as_json: dict[str, Any] = {"action": "store_true", "help": "as JSON"}
    cache = verbs.add_parser("cache", help="show or remove the evaluated prompts kept for the next start")
    cache.add_argument("--json", **as_json)
    cache.set_defaults(func=_show)
    verb = cache.add_subparsers(metavar="VERB").add_parser("clear", help="remove all of them, without asking")
    verb.add_argument("--json", **as_json, default=argparse.SUPPRESS)  # `cache --json clear` says it too
    verb.set_defaults(func=_clear)


def _show(arguments: argparse.Namespace) -> int:
    from rich.filesize import decimal

    from engine.saved_prefixes import LIMIT_BYTES, prefixes_dir, usage

    directory = prefixes_dir()
    try:
        kept = usage(directory)
    except OSError as error:
        return _failed(f"{directory} cannot be read: {error.strerror or error}.")
    if arguments.json:
        _write_json(
            {
                "directory": str(directory),
                "prompts": kept.prompts,
                "size_bytes": kept.size_bytes,
                "limit_bytes": LIMIT_BYTES,
            }
        )
        return 0
    facts = {
        "directory": str(directory),
        "saved prompts": f"{kept.prompts:,}",
        "size": decimal(kept.size_bytes),
        "limit": decimal(LIMIT_BYTES),
    }
    if sys.stdout.isatty():
        _draw(facts)
    else:
        sys.stdout.writelines(f"{name}\t{value}\n" for name, value in facts.items())
    return 0


def _clear(arguments: argparse.Namespace) -> int:
    from rich.filesize import decimal

    from engine.saved_prefixes import clear, prefixes_dir, usage

    directory = prefixes_dir()
    try:
        before = usage(directory)
        freed_bytes = clear(directory)
        left = usage(directory)
    except OSError as error:
        return _failed(f"{directory} cannot be read: {error.strerror or error}.")
    removed = max(0, before.prompts - left.prompts)  # a server may have written one meanwhile
    if arguments.json:
        _write_json({"directory": str(directory), "removed": removed, "freed_bytes": freed_bytes})
    elif not before.size_bytes:
        sys.stdout.write("There were no saved prompts.\n")
    else:
        prompts = "1 saved prompt" if removed == 1 else f"{removed:,} saved prompts"
        sys.stdout.write(f"Removed {prompts}; {decimal(freed_bytes)} are free again.\n")
    if left.size_bytes:
        return _failed(
            f"{decimal(left.size_bytes)} are still in {directory}: close the editors that use CodeFlow, "
            "see that the folder is yours, and try again."
        )
    return 0


def _failed(text: str) -> int:
    sys.stderr.write(text + "\n")
    return 1


def _write_json(value: object) -> None:
    sys.stdout.write(json.dumps(value, indent=2) + "\n")


def _draw(facts: dict[str, str]) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False)
    for name, value in facts.items():
        console.print(Text.assemble((f"{name:15s}", "bold"), value), soft_wrap=True)
