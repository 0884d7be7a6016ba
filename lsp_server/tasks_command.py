"""`codeflow-lsp flow tasks`: edit tasks for training, as the server asks a chat model and reads its answers.

From a repository's past edits (their commits' messages are the instructions), and made-up exercises with a
check. JSON lines, to `engine.training.instruct` and `engine.training.think`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from lsp_server.models_command import INTERRUPTED, Subparsers

if TYPE_CHECKING:
    from engine.training.tasks import Task

_MOST_COMMITS = 20_000


def add_parser(verbs: Subparsers) -> None:
    """Add the verb to those of `flow`."""
    verb = verbs.add_parser("tasks", help="write edit tasks as JSON lines, for training (docs/training.md)")
    verb.add_argument("--out", metavar="FILE", type=Path, required=True)
    verb.add_argument("--repo", metavar="PATH", type=Path, help="tasks from the past of this repository")
    verb.add_argument("--exercises", metavar="N", type=int, default=0, help="and so many made-up ones")
    verb.add_argument("--seed", metavar="N", type=int, default=1, help="of the exercises")
    verb.set_defaults(func=run)


def run(arguments: argparse.Namespace) -> int:
    """Write; 0, 1 with a sentence on stderr, or 130 after Ctrl-C."""
    from context.codeflow.export import ExportError
    from engine.training.tasks import write_tasks

    if arguments.repo is None and arguments.exercises < 1:
        sys.stderr.write("There is nothing to write: give --repo, --exercises, or both.\n")
        return 1
    try:
        count = write_tasks(arguments.out, _tasks(arguments))
    except ExportError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except OSError as error:
        sys.stderr.write(f"{arguments.out} cannot be written: {error.strerror or error}.\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("\nStopped; no file was written.\n")
        return INTERRUPTED
    sys.stdout.write(f"{arguments.out}: {count:,} tasks\n")
    return 0


def _tasks(arguments: argparse.Namespace) -> Iterator[Task]:
    from lsp_server.past_hunks import read_hunks
    from lsp_server.past_questions import edit_tasks, exercise_tasks

    yield from exercise_tasks(arguments.seed, arguments.exercises)
    if arguments.repo is not None:
        for hunk in read_hunks(arguments.repo.resolve(), _MOST_COMMITS):
            yield from edit_tasks(hunk)
