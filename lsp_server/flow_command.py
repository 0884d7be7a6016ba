"""`codeflow-lsp flow export`: a repository's history as changes, one commit a line, for training.

The lines go to a file (whole, or not at all under its name) or to stdout; progress and errors go to stderr.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from lsp_server import tasks_command
from lsp_server.models_command import INTERRUPTED, Subparsers

if TYPE_CHECKING:
    from context.codeflow.export import Line, Selection

PLAIN_STEP_PERCENT = 10  # one line for each, where there is no terminal to draw a bar on


@dataclass(frozen=True, slots=True)
class Summary:
    """What an export wrote: ``commits`` lines behind the header."""

    out: str
    commits: int
    bytes: int


def add_parser(subparsers: Subparsers) -> None:
    """Add the command `flow` with its verb; it sets ``func``, a handler that returns the exit code."""
    flow = subparsers.add_parser("flow", help="a repository's history as changes")
    verbs = flow.add_subparsers(metavar="VERB", required=True)
    verb = verbs.add_parser("export", help="write them as JSON lines, for training (docs/flow-export.md)")
    verb.add_argument("--repo", metavar="PATH", type=Path, default=Path(), help="default: this folder")
    verb.add_argument("--out", metavar="FILE", required=True, help="a file, or - for standard output")
    verb.add_argument("--from", metavar="SHARE", type=float, default=0.4, dest="start", help="default: 0.4")
    verb.add_argument("--to", metavar="SHARE", type=float, default=0.8, dest="end", help="default: 0.8")
    verb.add_argument("--all", action="store_true", help="the project's whole life: --from 0 --to 1")
    verb.add_argument("--limit", metavar="N", type=int, default=0, help="at most N commits")
    verb.add_argument("--json", action="store_true", help="the summary as JSON")
    verb.set_defaults(func=run)
    tasks_command.add_parser(verbs)


def run(arguments: argparse.Namespace) -> int:
    """Export; 0, 1 with a sentence on stderr, or 130 after Ctrl-C."""
    from context.codeflow.export import ExportError, Selection

    start, end = (0.0, 1.0) if arguments.all else (arguments.start, arguments.end)
    selection = Selection(start, end, max(arguments.limit, 0))
    root = arguments.repo.resolve()
    try:
        if arguments.out == "-":
            return _to_stdout(root, selection)
        summary = _to_file(root, selection, Path(arguments.out))
    except ExportError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except OSError as error:
        sys.stderr.write(f"{arguments.out} cannot be written: {error.strerror or error}.\n")
        return 1
    if summary is None:
        return INTERRUPTED
    if arguments.json:
        sys.stdout.write(json.dumps(asdict(summary)) + "\n")
    else:
        sys.stdout.write(f"{summary.out}: {summary.commits:,} commits, {summary.bytes / 1e6:,.1f} MB\n")
    return 0


def _to_stdout(root: Path, selection: Selection) -> int:
    from context.codeflow.export import export

    try:
        with _reporter() as report:
            _write(sys.stdout, export(root, selection), report)
    except KeyboardInterrupt:
        sys.stderr.write("Stopped; the lines written are whole.\n")
        return INTERRUPTED
    except BrokenPipeError:
        return 0  # the reader has seen enough
    return 0


def _to_file(root: Path, selection: Selection, out: Path) -> Summary | None:
    """Write to FILE.part and rename; after Ctrl-C the part stays, cut to whole lines: None is returned."""
    from context.codeflow.export import ExportError, export

    part = out.with_name(out.name + ".part")
    lines = export(root, selection)
    first = next(lines)  # what is wrong with the repository is said before a file is made
    count = -1  # the header is no commit
    try:
        with part.open("w", encoding="utf-8", newline="\n") as stream, _reporter() as report:
            count += _write(stream, _behind(first, lines), report)
        part.replace(out)
    except KeyboardInterrupt:
        whole = _cut_to_whole_lines(part)
        sys.stderr.write(
            f"\nStopped. {part} holds {max(whole - 1, 0):,} commits; every line of it is whole.\n"
        )
        return None
    except (ExportError, OSError):
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        raise
    return Summary(str(out), count, out.stat().st_size)


def _write(stream: TextIO, lines: Iterator[Line], report: Callable[[int, int, int], None]) -> int:
    count = 0
    for line in lines:
        stream.write(line.text + "\n")
        count += 1
        report(line.done, line.total, count - 1)
    stream.flush()
    return count


def _behind(first: Line, rest: Iterator[Line]) -> Iterator[Line]:
    yield first
    yield from rest


def _cut_to_whole_lines(part: Path) -> int:
    """Remove what stands behind the last line end; how many lines are left."""
    try:
        with part.open("rb+") as stream:
            count = length = at = 0
            while block := stream.read(1 << 20):
                count += block.count(b"\n")
                end = block.rfind(b"\n")
                if end >= 0:
                    length = at + end + 1
                at += len(block)
            stream.truncate(length)
            return count
    except OSError:
        return 0


@contextlib.contextmanager
def _reporter() -> Iterator[Callable[[int, int, int], None]]:
    """A function of (done, total, written) that shows progress on stderr: a bar, or a line now and then."""
    if not sys.stderr.isatty():
        yield _plain_reporter()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("reading commits", total=None)
        yield lambda done, total, written: bar.update(
            task, completed=done, total=total or None, description=f"{written:,} written, read"
        )


def _plain_reporter() -> Callable[[int, int, int], None]:
    said = -PLAIN_STEP_PERCENT

    def say(done: int, total: int, written: int) -> None:
        nonlocal said
        percent = 100 * done // total if total else 100
        if percent >= said + PLAIN_STEP_PERCENT:
            said = percent - percent % PLAIN_STEP_PERCENT
            sys.stderr.write(f"{percent} % of {total:,} commits read, {written:,} written\n")

    return say
