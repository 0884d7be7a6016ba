"""`codeflow-lsp models`: see, download, locate and check the models the catalog knows.

Turns the catalog's values and errors into lines on a terminal. Results go to stdout, progress and errors
to stderr, so that `$(codeflow-lsp models path NAME)` is a path and nothing else.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from engine import catalog
from engine.catalog import ModelEntry, Progress
from engine.errors import EngineError, ModelUnavailable

INTERRUPTED = 130  # what a shell expects of a command that Ctrl-C ended
PLAIN_STEP_PERCENT = 10  # one line for each, where there is no terminal to draw a bar on

Handler = Callable[[argparse.Namespace], int]


class Subparsers(Protocol):
    """What argparse's add_subparsers returns; argparse keeps its type private."""

    def add_parser(self, name: str, **kwargs: Any) -> argparse.ArgumentParser:
        """A parser for one more command."""
        ...


def add_parser(subparsers: Subparsers) -> None:
    """Add the command `models` with its verbs; each sets ``func``, a handler that returns the exit code."""
    models = subparsers.add_parser("models", help="list, download, locate or check models")
    verbs = models.add_subparsers(metavar="VERB", required=True)

    verb = verbs.add_parser("list", help="the models known by name, and which are on this machine")
    verb.add_argument("--json", action="store_true", help="as JSON")
    verb.set_defaults(func=_guarded(_list))

    verb = verbs.add_parser("pull", help="download a model, or finish a download")
    verb.add_argument("name", metavar="NAME", help="or hf:OWNER/NAME, a repository of Hugging Face")
    verb.add_argument("--sha256", metavar="HASH", help="for a model whose hash the catalog does not know")
    verb.set_defaults(func=_guarded(_pull))

    verb = verbs.add_parser("path", help="print where a model lies; a path of your own is checked")
    verb.add_argument("name", metavar="NAME")
    verb.add_argument("--json", action="store_true", help="as JSON")
    verb.set_defaults(func=_guarded(_path))

    verb = verbs.add_parser("verify", help="read a downloaded model through and compare its hash")
    verb.add_argument("name", metavar="NAME")
    verb.add_argument("--sha256", metavar="HASH", help="for a model whose hash the catalog does not know")
    verb.add_argument("--json", action="store_true", help="as JSON")
    verb.set_defaults(func=_guarded(_verify))


def _guarded(handler: Handler) -> Handler:
    """``handler`` with its errors as sentences: 1 for what a user can act on, 130 for Ctrl-C."""

    def run(arguments: argparse.Namespace) -> int:
        try:
            return handler(arguments)
        except EngineError as error:
            sys.stderr.write(f"{error}\n")
            return 1
        except KeyboardInterrupt:
            sys.stderr.write("\nCancelled. What has arrived is kept; the next pull goes on from there.\n")
            return INTERRUPTED

    return run


def _list(arguments: argparse.Namespace) -> int:
    rows = [(entry, catalog.local_path(entry)) for entry in catalog.load_catalog()]
    if arguments.json:
        _write_json([{**_facts(entry), "path": str(path) if path else None} for entry, path in rows])
        return 0
    header = ("NAME", "SIZE", "CONTEXT", "STATE", "LICENCE")
    lines = [
        (
            entry.name,
            _readable(entry.size_bytes),
            f"{entry.trained_context:,}",
            _state(entry, downloaded=path is not None),
            entry.licence,
        )
        for entry, path in rows
    ]
    if sys.stdout.isatty():
        _draw_table(header, lines)
    else:
        sys.stdout.writelines("\t".join(line) + "\n" for line in (header, *lines))
    return 0


def _pull(arguments: argparse.Namespace) -> int:
    if catalog.is_checkpoint_name(arguments.name):
        with _reporter(arguments.name) as report:
            path = catalog.pull_checkpoint(arguments.name, report=report)
        sys.stdout.write(f"{path}\n")
        return 0
    entry = catalog.find_entry(arguments.name)
    with _reporter(entry.name) as report:
        path = catalog.pull(entry, report=report, sha256=arguments.sha256)
    sys.stdout.write(f"{path}\n")
    return 0


def _path(arguments: argparse.Namespace) -> int:
    found = catalog.resolve(arguments.name, allow_pull=False, allow_smaller=False)
    if arguments.json:
        _write_json({"name": found.entry.name if found.entry else None, "path": str(found.path)})
    else:
        sys.stdout.write(f"{found.path}\n")
    return 0


def _verify(arguments: argparse.Namespace) -> int:
    entry = catalog.find_entry(arguments.name)
    path = catalog.models_dir() / entry.file
    if not entry.file or not path.exists():
        raise ModelUnavailable(f"{entry.name} is not on this machine. {catalog.remedy(entry)}")
    sha256 = arguments.sha256 or entry.sha256
    if not sha256:
        raise ModelUnavailable(f"No hash is pinned for {entry.name}: pass the published one with --sha256.")
    try:
        catalog.verify(path, sha256, entry.size_bytes)
    except EngineError as error:
        if not arguments.json:
            raise
        _write_json({"name": entry.name, "path": str(path), "ok": False, "error": str(error)})
        return 1
    if arguments.json:
        _write_json({"name": entry.name, "path": str(path), "ok": True, "sha256": sha256})
    else:
        sys.stdout.write(f"{path} is the published file (SHA-256 {sha256}).\n")
    return 0


def _facts(entry: ModelEntry) -> dict[str, object]:
    return {
        "name": entry.name,
        "family": entry.family,
        "engine": entry.engine,
        "origin": entry.origin,
        "size_bytes": entry.size_bytes or None,
        "sha256": entry.sha256 or None,
        "licence": entry.licence,
        "trained_context": entry.trained_context,
        "quantisation": entry.quantisation or None,
        "parameters": entry.parameters,
        "fim": entry.fim,
        "automatic": entry.automatic,
        "pullable": entry.pullable,
    }


def _state(entry: ModelEntry, *, downloaded: bool) -> str:
    if downloaded:
        return "downloaded"
    return "to download" if entry.sources else "by path only"


def _readable(size_bytes: int) -> str:
    if size_bytes >= 1e9:
        return f"{size_bytes / 1e9:,.1f} GB"
    return f"{size_bytes / 1e6:,.0f} MB" if size_bytes else "-"


def _write_json(value: object) -> None:
    sys.stdout.write(json.dumps(value, indent=2) + "\n")


def _draw_table(header: tuple[str, ...], lines: list[tuple[str, ...]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in header:
        table.add_column(title, no_wrap=True, justify="right" if title in ("SIZE", "CONTEXT") else "left")
    for *facts, state, licence in lines:
        short = licence.partition(":")[0]  # its terms are in `--json`, and where the output is piped
        table.add_row(*facts, state, short, style="" if state == "downloaded" else "dim")
    Console().print(table)


@contextlib.contextmanager
def _reporter(name: str) -> Iterator[Callable[[Progress], None]]:
    """A function that shows progress on stderr: a bar on a terminal, otherwise a line now and then."""
    if not sys.stderr.isatty():
        yield _plain_reporter(name)
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn, TransferSpeedColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Bar(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(name, total=None)

        def draw(progress: Progress) -> None:
            bar.update(
                task,
                completed=progress.done_bytes,
                total=progress.total_bytes or None,
                description=f"{name} ({progress.what})",
            )

        yield draw


def _plain_reporter(name: str) -> Callable[[Progress], None]:
    said = -PLAIN_STEP_PERCENT

    def say(progress: Progress) -> None:
        nonlocal said
        percent = 100 * progress.done_bytes // progress.total_bytes if progress.total_bytes else 0
        if percent >= said + PLAIN_STEP_PERCENT:
            said = percent - percent % PLAIN_STEP_PERCENT
            sys.stderr.write(f"{name}: {percent} % of {_readable(progress.total_bytes)} ({progress.what})\n")

    return say
