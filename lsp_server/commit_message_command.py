"""``codeflow-lsp commit-message``: a message for what is staged, in the repository's own form.

Prints the message and nothing else, so that a git hook can use it; never commits.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from context.review.change import ReviewedChange
    from context.review.message_habit import Habit

_LEARNT_FROM = 200  # commits


def add_parser(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb to the command line."""
    parser = verbs.add_parser("commit-message", help="propose a message for what is staged (docs/review.md)")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--staged", action="store_true", help="what is staged (the default)")
    what.add_argument("--all", action="store_true", help="all that is not committed, new files too")
    parser.add_argument("--repo", type=Path, default=Path(), metavar="PATH", help="default: this folder")
    parser.add_argument("--model", default="auto", help="a model name, a GGUF file or a checkpoint's folder")
    parser.add_argument(
        "--no-model", action="store_true", help="from what syntax trees say of the change alone"
    )
    parser.set_defaults(func=_run)


def _run(options: argparse.Namespace) -> int:
    from context.history.git import Git, GitError
    from context.history.log import commits
    from context.history.values import Limits
    from context.review.change import read_staged
    from context.review.message_habit import habit_of
    from lsp_server.review_command import top_of

    try:
        with Git(top_of(options.repo)) as git:
            change = read_staged(git, whole=options.all)
            head = git.head.commit
            past = commits(git, [head], _LEARNT_FROM, Limits(), timeout_s=10) if head else ()
    except (GitError, OSError) as error:
        return _failed(str(error))
    if not change.names:
        return _failed(
            "nothing has changed" if options.all else "nothing is staged; git add first, or use --all"
        )
    return _say(change, habit_of(past), options)


def _say(change: ReviewedChange, habit: Habit, options: argparse.Namespace) -> int:
    from context.privacy.secrets import redact
    from context.review.plain_message import plain_subject
    from lsp_server.review_formats.report import plain_lines

    message = "" if options.no_model else asyncio.run(_asked(change, habit, options.model))
    message = redact(message or plain_subject(change, habit))
    sys.stdout.write("\n".join(plain_lines(message)) + "\n")
    return 0


async def _asked(change: ReviewedChange, habit: Habit, model: str) -> str:
    """The model's message; "" where it gave none that is one, or no model is here: both are said."""
    from rich.console import Console

    from engine.errors import EngineError
    from lsp_server.commit_message import MOST_TOKENS, message_of, question
    from lsp_server.model_session import open_session
    from lsp_server.question import answer
    from lsp_server.settings import EngineSettings, ModelSettings, Settings

    asked = question(change, habit)
    room = EngineSettings(context_tokens=1024 + MOST_TOKENS + len(asked) // 2, saved_mb=0)
    console = Console(stderr=True, highlight=False)
    try:
        with console.status("opening the model") as status:
            session = await asyncio.to_thread(
                open_session,
                Settings(model=ModelSettings(name=model), engine=room),
                lambda what, _: status.update(what),
            )
            try:
                status.update(f"asking {session.name}")
                found = await answer(session, asked, "instruct", max_tokens=MOST_TOKENS)
            finally:
                await asyncio.to_thread(session.engine.close)
    except EngineError as error:
        print(f"codeflow-lsp: {error} The message is made without a model.", file=sys.stderr)  # noqa: T201
        return ""
    message = message_of(found.text, change, habit)
    if not message:
        print("codeflow-lsp: the model's answer was no message; made without it.", file=sys.stderr)  # noqa: T201
    return message


def _failed(why: str) -> int:
    from lsp_server.review_formats.report import plain

    print(f"codeflow-lsp: {plain(why)}", file=sys.stderr)  # noqa: T201
    return 1
