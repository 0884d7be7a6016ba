"""The command line: ``codeflow-lsp --stdio`` for editors, and a few verbs for people.

Imports little: ``codeflow-lsp --version`` must answer at once; each verb imports what it needs.
"""

from __future__ import annotations

import argparse
import faulthandler
import gc
import os
import sys
import threading
from contextlib import suppress
from itertools import takewhile

from lsp_server import __version__

_SWITCH_S = 0.001  # a background thread may hold up the event loop for that long, not for Python's usual 5 ms
# New objects between collections of the three generations. By Python's own (700, 10, 10) a full collection,
# which stops the loop for some 100 ms once caches are full, comes again and again while other threads work.
_COLLECT_AFTER = (2_000, 50, 200)


def main(arguments: list[str] | None = None) -> int:
    """Run one command; the exit status. 2 for a wrong command line, 1 for a failure, 130 after Ctrl-C."""
    words = sys.argv[1:] if arguments is None else arguments
    parser = _parser()
    options_first = set(takewhile(lambda word: word.startswith("-"), words))
    if not {"--stdio", "--version"} & options_first:  # an editor waits, and asks for no verb
        _add_verbs(parser)
    options = parser.parse_args(words)
    try:
        if options.stdio and not options.alone and (status := _share(options)) is not None:
            return status
        if options.stdio or options.tcp is not None:
            return _serve(options.tcp, options.log_level, options.backend)
        if getattr(options, "func", None) is None:
            parser.print_help()
            return 2
        if options.backend:
            parser.error(
                "--backend is for serving an editor, with --stdio or --tcp. Tell a command what to run by "
                "its own --model: a model's name, a GGUF file or a checkpoint's folder."
            )
        return options.func(options)
    except KeyboardInterrupt:
        print("codeflow-lsp: stopped", file=sys.stderr)  # noqa: T201
        return 130
    except Exception as error:
        from engine import EngineError

        if isinstance(error, EngineError):
            print(f"codeflow-lsp: {error}", file=sys.stderr)  # noqa: T201
            return 1
        raise


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="codeflow-lsp", description="A private, local coding assistant for any LSP editor."
    )
    parser.add_argument("--version", action="version", version=f"codeflow-lsp {__version__}")
    way = parser.add_mutually_exclusive_group()
    way.add_argument("--stdio", action="store_true", help="serve one editor over standard input and output")
    way.add_argument(
        "--tcp", type=int, metavar="PORT", help="serve one editor on 127.0.0.1:PORT, for debugging"
    )
    parser.add_argument(
        "--alone",
        action="store_true",
        help="with --stdio: hold the model in this process, not in one that all editors share "
        "(as CODEFLOW_SHARED=0 in the environment)",
    )
    parser.add_argument(
        "--backend",
        default="",
        choices=["auto", "llama", "loop", "remote"],
        help="with --stdio or --tcp: what runs the model, in place of the setting engine.backend",
    )
    parser.add_argument("--log-level", default="warning", choices=["debug", "info", "warning", "error"])
    parser.add_argument(
        "--clientProcessId", type=int, help=argparse.SUPPRESS
    )  # vscode-languageclient adds it
    return parser


def _add_verbs(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(title="commands", metavar="COMMAND")
    from lsp_server import (
        adapt_command,
        ask_command,
        cache_command,
        commit_message_command,
        complete_command,
        context_command,
        demo,
        doctor,
        flow_command,
        models_command,
        refactor_command,
        review_command,
        serve_command,
        shared_command,
        stats_command,
    )

    for command in (
        demo,
        complete_command,
        ask_command,
        commit_message_command,
        context_command,
        flow_command,
        adapt_command,
        models_command,
        refactor_command,
        review_command,
        serve_command,
        cache_command,
        stats_command,
        shared_command,
        doctor,
    ):
        command.add_parser(verbs)


def _share(options: argparse.Namespace) -> int | None:
    """Serve an editor by the process that all of them share; None where this one has to do it."""
    from lsp_server.shared.rendezvous import ALONE_VARIABLE

    if sys.platform == "win32" or os.environ.get(ALONE_VARIABLE) == "0":
        return None
    from lsp_server.shared import proxy

    try:
        return proxy.serve(options.backend, options.log_level)
    except (proxy.NotShared, OSError) as reason:
        print(f"codeflow-lsp: this editor gets a process of its own: {reason}", file=sys.stderr)  # noqa: T201
        return None


def set_up_process() -> None:
    """What a process that serves editors wants of Python; logging is configured before."""
    import logging

    logger = logging.getLogger("pygls")
    logger.setLevel(max(logging.WARNING, logging.getLogger().level))  # it logs whole messages
    from lsp_server import server  # noqa: F401 - stays for good, as all that is imported by now

    faulthandler.enable()  # a crash in a library's C code says at least which call it was
    sys.setswitchinterval(_SWITCH_S)
    gc.set_threshold(*_COLLECT_AFTER)
    gc.freeze()  # modules and grammars stay for good: no collection need look at them
    threading.Thread(target=_import_engine, name="imports", daemon=True).start()


def _serve(port: int | None, log_level: str, backend: str) -> int:
    import logging

    logging.basicConfig(
        stream=sys.stderr, level=log_level.upper(), format="%(levelname)s %(name)s: %(message)s"
    )
    set_up_process()
    from lsp_server.server import create_server

    server = create_server(backend)
    try:
        if port is None:
            server.start_io()
        else:
            server.start_tcp("127.0.0.1", port)
    finally:
        server.close_librarian()
        server.close()
    return 0


def _import_engine() -> None:
    """While the editor says hello: what opening a model needs, a quarter of a second of imports."""
    from engine.errors import EngineError

    with suppress(ImportError, OSError, EngineError):  # the opening will say what is wrong
        from engine import catalog, chat, choice, decoding, kept_vocabulary  # noqa: F401
        from engine import engine as _engine  # noqa: F401
        from engine.llama import opening

        opening.has_gpu()  # loads llama.cpp itself


if __name__ == "__main__":
    raise SystemExit(main())
