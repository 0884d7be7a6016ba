"""`codeflow-lsp adapt`: teaches a model the habits of one repository, from its own history.

Progress and what went wrong go to stderr, what came of it to stdout. Ctrl-C leaves nothing behind.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from lsp_server.models_command import INTERRUPTED, Subparsers

if TYPE_CHECKING:
    from engine.catalog import ResolvedModel
    from lsp_server.adapting import Adapted

PLAIN_STEP = 0.2  # one line for each such share, where there is no terminal to draw a bar on


def add_parser(subparsers: Subparsers) -> None:
    """Add the command `adapt`; it sets ``func``, a handler that returns the exit code."""
    verb = subparsers.add_parser("adapt", help="teach a model this repository's habits, from its history")
    verb.add_argument("--repo", metavar="PATH", type=Path, default=Path(), help="default: this folder")
    verb.add_argument(
        "--minutes", metavar="N", type=float, default=20.0, help="most minutes of learning (default: 20)"
    )
    verb.add_argument(
        "--model",
        metavar="NAME",
        default="",
        help="a checkpoint's folder, hf:OWNER/NAME, or the name or path of a GGUF file of a Llama",
    )
    verb.add_argument("--json", action="store_true", help="what came of it as JSON")
    verb.set_defaults(func=run)


def run(arguments: argparse.Namespace) -> int:
    """Adapt; 0 also where the adapter did not help, 1 with a sentence on stderr, 130 after Ctrl-C."""
    from context.codeflow.export import ExportError
    from engine.errors import EngineError
    from lsp_server.adapting import NotAdapted, adapt

    root = arguments.repo.resolve()
    try:
        model = _model(arguments.model)
        with (
            _progress() as report,
            tempfile.TemporaryDirectory(prefix="codeflow-adapter-") as scratch,
        ):
            staged = Path(scratch) / "adapter"
            staged.mkdir()
            found = adapt(root, model, staged, minutes=arguments.minutes, report=report)
    except (NotAdapted, ExportError, EngineError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except OSError as error:
        sys.stderr.write(f"The adapter cannot be written: {error.strerror or error}.\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("\nStopped; nothing was installed.\n")
        return INTERRUPTED
    sys.stdout.write(json.dumps(found.as_json()) + "\n" if arguments.json else _words(found))
    return 0


def _model(name: str) -> ResolvedModel:
    """The model as a folder of safetensors. Raises EngineError."""
    from importlib.util import find_spec

    from engine.catalog import ResolvedModel, resolve
    from engine.errors import BackendError

    if find_spec("torch") is None:
        raise BackendError("adapt needs torch: pip install 'codeflow-lsp[train]'.")
    if not name:
        raise BackendError(
            "Which model is to be adapted? Give --model: the folder of a checkpoint, hf:OWNER/NAME, or "
            "smollm2-135m."
        )
    found = resolve(name, allow_smaller=False)
    if found.path.is_dir():
        return found
    from engine.training.gguf_checkpoint import whole_checkpoint

    return ResolvedModel(whole_checkpoint(found.path), found.entry)


def _words(found: Adapted) -> str:
    """What came of it, for people."""
    before, after = found.before, found.after
    lines = [
        f"Learned {found.learned:,} changes ({found.passes:g} passes, {found.seconds / 60:.1f} min) and "
        f"compared on {found.held_back} newer ones:",
        f"  nats per byte of what was written: {before.nats_per_byte:.4f} before, "
        f"{after.nats_per_byte:.4f} after",
        f"  first lines completed exactly:     {before.exact} before, {after.exact} after",
    ]
    if not found.installed:
        lines.append("That does not help, so nothing was installed.")
        return "\n".join(lines) + "\n"
    lines += [
        f"Installed for {found.workspace}; the server uses it there with",
        f"  model.name = {found.model}",
        '(completion.adapter = "none" turns it off).',
    ]
    return "\n".join(lines) + "\n"


@contextlib.contextmanager
def _progress() -> Iterator[Callable[[str, float | None], None]]:
    """A function that shows on stderr what is being done: a bar, or a line now and then."""
    if not sys.stderr.isatty():
        yield _plain()
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task, latest = bar.add_task("starting", total=None), ""

        def draw(what: str, share: float | None) -> None:
            nonlocal latest
            kind = what.partition(",")[0]
            if kind != latest:
                bar.reset(task)
                latest = kind
            bar.update(task, description=what, completed=share or 0, total=None if share is None else 1)

        yield draw


def _plain() -> Callable[[str, float | None], None]:
    said: dict[str, float] = {}

    def say(what: str, share: float | None) -> None:
        kind = what.partition(",")[0]
        if kind not in said or (share is not None and share >= said[kind] + PLAIN_STEP):
            said[kind] = share or 0.0
            sys.stderr.write(what + (f": {share:.0%}\n" if share else "\n"))

    return say
