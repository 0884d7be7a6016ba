"""``codeflow-lsp ask QUESTION``: an answer in words, as it comes."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from pathlib import Path


def add_parser(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb to the command line."""
    parser = verbs.add_parser("ask", help="ask the model a question, about files if you name some")
    parser.add_argument("question")
    parser.add_argument("--file", type=Path, action="append", default=[], help="a file that it is about")
    parser.add_argument("--model", default="auto", help="a model name, a GGUF file or a checkpoint's folder")
    parser.add_argument("--role", default="instruct", choices=["instruct", "thinking"])
    parser.add_argument("--max-tokens", type=int, default=1024, metavar="N", help="of the answer")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(func=_run)


def _run(options: argparse.Namespace) -> int:
    from context.privacy.names import may_be_prompted
    from context.privacy.secrets import redact

    files = []
    for file in options.file:
        if not may_be_prompted(file.name):
            print(f"codeflow-lsp: {file} is left out: its name says that it holds secrets", file=sys.stderr)  # noqa: T201
            continue
        try:
            files.append((str(file), redact(file.read_bytes().decode("utf-8", "replace"))))
        except OSError as error:
            print(f"codeflow-lsp: {file}: {error.strerror}", file=sys.stderr)  # noqa: T201
            return 1
    return asyncio.run(_ask(options, files))


async def _ask(options: argparse.Namespace, files: list[tuple[str, str]]) -> int:
    from lsp_server.model_session import open_session
    from lsp_server.question import answer
    from lsp_server.settings import EngineSettings, ModelSettings, Settings
    from lsp_server.show import Terminal

    terminal = Terminal(quiet=options.json)
    # room for the files and the answer, which completions do not need
    letters = len(options.question) + sum(len(text) for _, text in files)
    settings = Settings(
        model=ModelSettings(name=options.model),
        engine=EngineSettings(context_tokens=2048 + options.max_tokens + letters // 2, saved_mb=0),
    )
    with terminal.progress() as report:
        session = await asyncio.to_thread(open_session, settings, report)
    try:
        found = await answer(
            session,
            options.question,
            options.role,
            files=files,
            tell=None if options.json else lambda piece: print(piece, end="", flush=True),  # noqa: T201
            max_tokens=max(1, options.max_tokens),
        )
    finally:
        await asyncio.to_thread(session.engine.close)
    if options.json:
        print(json.dumps(found.as_json()))  # noqa: T201
        return 0
    print()  # noqa: T201
    terminal.say(
        f"{found.model}: {found.prompt_tokens} tokens read, {found.generated_tokens} written in "
        f"{found.seconds:.1f} s",
        "dim",
    )
    return 0
