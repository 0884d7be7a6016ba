"""The real language server with a scripted model: ``python -m tests.scripted_server [SECONDS_PER_CHUNK]``.

What it answers depends on the cursor's line alone, so that a test can say what it expects. With the name of a
shared process behind the seconds it is that process (`tests.scripted_proxy` starts it).
"""

from __future__ import annotations

import asyncio
import sys
from functools import lru_cache
from pathlib import Path
from typing import Any

from context.prompt import PromptFormat
from context.tokenised import TokenisedItems
from engine.decoding import Decoder
from engine.engine import BRANCHES, SEQUENCES, Engine
from engine.speed import Speed
from lsp_server import cli, model_opening, server
from lsp_server.model_session import ModelSession
from lsp_server.settings import Settings
from lsp_server.shared import process
from lsp_server.shared.models import SharedModels
from tests.scripted_backend import MIDDLE, PREFIX, SUFFIX, ScriptedBackend

ANSWERS = {
    b"return a": b" + b",  # its indentation ends the prefix part
    b"x = ": b"1",
    b"def f(": b"a, b):\n    return a + b",
    "😀 = ".encode(): "'😀'".encode(),
    "é = '😀'; 😀 = ".encode(): "'é'".encode(),
    b"for one in ": b"all:\n\tprint(one)",
    b"    for each in ": b"all:\n        print(each)",
    "name = '😀'; count = ".encode(): b"1",
    b"print(": b"'hello')",
    b"y = pre": b"fix + 1",
    b"y = prefix": b" + 1",
    b"total = ": b"first(1)",
    b"total = first(1)": b" + second(2)",
}


def answer(said: bytes) -> bytes:
    """The scripted continuation of what stands on the cursor's line."""
    return ANSWERS.get(said.rsplit(b"\n", 1)[-1], b"")


def open_scripted(settings: Settings, report: Any, cancelled: Any = None) -> ModelSession:
    """In place of ``open_session``."""
    report("loading the script", 0.5)
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 0.0
    backend = ScriptedBackend(answer, context_tokens=1 << 16, sequences=SEQUENCES, chunk_s=seconds)
    backends.append(backend)
    engine = Engine(
        lambda: backend, open_decoder=lambda opened: Decoder(opened, BRANCHES, speed=Speed(800, 500))
    )
    engine.opened.result()
    encode = lru_cache(1 << 16)(backend.tokenizer.encode)
    form = PromptFormat(prefix=(PREFIX,), suffix=(SUFFIX,), middle=(MIDDLE,))
    return ModelSession(
        engine=engine,
        encode=encode,
        form=form,
        tokenised=TokenisedItems(encode, form),
        budget_tokens=settings.context.budget_tokens or 2000,
        name="scripted",
        path=Path("scripted"),
        reason="a test",
        speed=Speed(1000.0, 1000.0),
    )


def create_watched(backend: str = "", **options: Any) -> server.CodeFlowServer:
    """Answers two more requests: how many prompt tokens were evaluated, and when nothing is under way."""
    made = create(backend, **options)

    @made.feature("bench/settled")
    async def settled(_: Any) -> None:
        quiet = 0
        while quiet < 5:  # between two pieces of work there is a moment without one
            await asyncio.sleep(0.02)
            quiet = quiet + 1 if made.session is not None and made.session.engine.idle else 0

    @made.feature("bench/evaluated")
    def evaluated(_: Any) -> int:
        return backends[-1].evaluated

    return made


if __name__ == "__main__":
    create, backends = server.create_server, list[ScriptedBackend]()
    model_opening.open_session = open_scripted
    server.create_server = create_watched
    if len(sys.argv) > 2:
        raise SystemExit(process.main(sys.argv[2], lambda: SharedModels(open_scripted)))
    raise SystemExit(cli.main(["--stdio", "--alone"]))
