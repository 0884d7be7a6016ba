"""`codeflow-lsp shared`: the processes that hold models for this user's editors, and a way to end them."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any


def add_parser(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command `shared` and its verb; each sets ``func``, a handler that returns the exit code."""
    as_json: dict[str, Any] = {"action": "store_true", "help": "as JSON"}
    shared = verbs.add_parser("shared", help="show or end the processes that hold models for all editors")
    shared.add_argument("--json", **as_json)
    shared.set_defaults(func=_show)
    verb = shared.add_subparsers(metavar="VERB").add_parser(
        "stop", help="end them; an editor that is connected starts another"
    )
    verb.add_argument("--json", **as_json, default=argparse.SUPPRESS)  # `shared --json stop` says it too
    verb.set_defaults(func=_stop)


def _show(arguments: argparse.Namespace) -> int:
    return _asked(arguments, "status")


def _stop(arguments: argparse.Namespace) -> int:
    return _asked(arguments, "end")


def _asked(arguments: argparse.Namespace, wish: str) -> int:
    """Ask all there are, and say what they answered."""
    from lsp_server.shared.rendezvous import NotShared

    try:
        found = ask_all(wish)
    except NotShared as error:
        sys.stderr.write(f"No process is shared: {error}.\n")
        return 1
    if arguments.json:
        sys.stdout.write(json.dumps(found, indent=2) + "\n")
        return 0
    if not found:
        sys.stdout.write("No process holds a model for editors.\n")
    for one in found:
        sys.stdout.write(_described(one, "ends" if wish == "end" else "runs"))
    return 0


def ask_all(wish: str) -> list[dict[str, Any]]:
    """The answers of all processes of this user, whichever version or environment they are of."""
    if sys.platform == "win32":
        return []
    import os
    from pathlib import Path

    from lsp_server.shared.rendezvous import Place, connect, greet, private_folder

    folder, answers = private_folder(os.environ), list[dict[str, Any]]()
    for path in sorted(Path(folder).glob("*.sock")):
        if (connection := connect(Place(folder, path.stem))) is not None:
            with connection:
                if (answer := greet(connection, wants=wish)) is not None:
                    answers.append(answer)
    return answers


def _described(one: dict[str, Any], does: str) -> str:
    from rich.filesize import decimal

    lines = [f"process {one['pid']} {does}: version {one['version']}, {decimal(one['memory_bytes'])}"]
    for model in one["models"]:
        lines.append(f"  model   {model['name']} ({model['state']}), {_editors(model['clients'])}")
    for client in one["clients"]:
        folders = ", ".join(client["folders"]) or "no folder"
        lines.append(f"  editor  process {client['pid']}, {folders}, for {client['seconds'] // 60} min")
    if not one["clients"]:
        lines.append(f"  nobody is connected; it ends after {one['idle_s']:.0f} s without an editor")
    lines.append(f"  log     {one['log']}")
    return "\n".join(lines) + "\n"


def _editors(number: int) -> str:
    return "1 editor" if number == 1 else f"{number} editors"
