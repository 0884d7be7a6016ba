"""``codeflow-lsp serve --http HOST:PORT``: the model for editors that ask an OpenAI-compatible server."""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lsp_server.http_server import CompletionServer

_CONTEXT_TOKENS = 4096  # a prompt and its answer; each of five sequences takes memory for as many


def add_parser(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb to the command line."""
    parser = verbs.add_parser(
        "serve", help="answer /v1/completions on this machine alone, for editors such as Zed"
    )
    parser.add_argument(
        "--http", required=True, metavar="HOST:PORT", help="such as 127.0.0.1:8012; port 0 takes a free one"
    )
    parser.add_argument(
        "--token-file",
        type=Path,
        metavar="FILE",
        help="keeps the token that clients have to send; made where it is missing. Without it, "
        "CODEFLOW_HTTP_TOKEN is the token, or a new one is printed at each start",
    )
    parser.add_argument(
        "--model", default="auto", help="a model name, or the path of a GGUF file or of a checkpoint's folder"
    )
    parser.add_argument(
        "--context-tokens",
        type=int,
        default=_CONTEXT_TOKENS,
        metavar="N",
        help=f"room for a prompt and its answer; {_CONTEXT_TOKENS} unless said otherwise",
    )
    parser.set_defaults(func=_run)


def _run(options: argparse.Namespace) -> int:
    from lsp_server.http_guard import NotServed, loopback_address, token_from
    from lsp_server.http_server import CompletionServer

    if options.context_tokens < 1:
        return _fail("--context-tokens takes a number from 1.", 2)
    try:
        host, port = loopback_address(options.http)
        token, kept = token_from(options.token_file)
    except NotServed as error:
        return _fail(str(error), 2)
    try:
        server = CompletionServer(host, port, token)
    except OSError as error:
        return _fail(f"{options.http} cannot be served on: {error.strerror}.", 1)
    signal.signal(signal.SIGTERM, _stop)
    with server:
        return _serve(server, options, kept)


def _serve(server: CompletionServer, options: argparse.Namespace, kept: str) -> int:
    from lsp_server.model_session import open_session
    from lsp_server.settings import EngineSettings, ModelSettings, Settings
    from lsp_server.show import Terminal

    terminal = Terminal()
    settings = Settings(
        model=ModelSettings(name=options.model),
        engine=EngineSettings(context_tokens=options.context_tokens, saved_mb=0),
    )
    with terminal.progress() as report:
        session = open_session(settings, report)
    try:
        terminal.say(f"{session.name} answers at {server.url}, until Ctrl+C.")
        terminal.say(f"token: the one in {kept}" if kept else f"token: {server.guard.token}")
        sys.stdout.flush()
        server.serve(session)
    finally:
        session.engine.close()
    return 0


def _stop(signum: int, frame: FrameType | None) -> None:
    del signum, frame
    raise SystemExit(0)


def _fail(sentence: str, status: int) -> int:
    print(f"codeflow-lsp: {sentence}", file=sys.stderr)  # noqa: T201
    return status
