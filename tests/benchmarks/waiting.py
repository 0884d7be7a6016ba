"""What the measurements of context share: a cache directory of their own, and waiting for the context."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pygls.exceptions import JsonRpcMethodNotFound

from context.items import SOURCES as SOURCES
from engine.catalog.store import cache_dir, models_dir
from tests.lsp_client import Editor

CODE_POINTS = ["utf-32"]  # the position encoding to offer: characters are then Python's
NO_CONTEXT = ["all"]  # the value of context.disabledSources that leaves the file itself alone
_ASKED_EVERY_S = 0.1


@contextmanager
def own_cache() -> Iterator[Path]:
    """A fresh CODEFLOW_HOME for the servers started inside, with the models and measured speeds of the
    usual one: nothing is downloaded again, and nothing indexed before is found."""
    before, usual, models = os.environ.get("CODEFLOW_HOME"), cache_dir(), models_dir()
    with tempfile.TemporaryDirectory(prefix="codeflow-bench-", ignore_cleanup_errors=True) as name:
        home = Path(name)
        (home / "models").symlink_to(models, target_is_directory=True)
        if (usual / "speeds.json").is_file():
            shutil.copy(usual / "speeds.json", home)
        os.environ["CODEFLOW_HOME"] = name
        try:
            yield home
        finally:
            if before is None:
                del os.environ["CODEFLOW_HOME"]
            else:
                os.environ["CODEFLOW_HOME"] = before


def scripted(prefill: float = 0.0) -> list[str]:
    """The command that serves without weights; ``prefill`` in tokens per second, 0 for no time at all."""
    return [sys.executable, "-m", "tests.benchmarks.scripted", "--prefill", str(prefill)]


async def indexed(wire: Editor, within_s: float = 600.0) -> float | None:
    """Wait until the workspace is indexed; the seconds waited, None where the server says nothing of it."""
    started = time.perf_counter()
    async with asyncio.timeout(within_s):
        while True:
            state = (await index_state(wire)).get("state", "off")
            if state in ("ready", "off"):
                return time.perf_counter() - started if state == "ready" else None
            await asyncio.sleep(_ASKED_EVERY_S)


async def index_state(wire: Editor) -> dict[str, Any]:
    """What the server says of its index: state, done, total, seconds; {} where it says nothing."""
    found = plain(await wire.request("codeflow/status")).get("index")
    return found if isinstance(found, dict) else {}


async def context_ready(wire: Editor, uri: str, line: int = 0) -> bool:
    """Wait for what the server gathers about a place in a document; False (and a word on standard error)
    where it gave up, or is a server that gathers nothing."""
    try:
        ready = bool(await wire.request("codeflow/contextReady", {"uri": uri, "line": line}))
    except JsonRpcMethodNotFound:
        ready = False
    if not ready:
        print(f"no context was made ready for {uri}", file=sys.stderr)
    return ready


async def last_account(wire: Editor) -> dict[str, Any]:
    """The account of the latest answer, {} where there is none."""
    return plain(await wire.request("codeflow/lastAccount")) or {}


def plain(value: Any) -> Any:
    """pygls hands untyped JSON over as named tuples; dictionaries again, all the way down."""
    if hasattr(value, "_asdict"):
        return {name: plain(item) for name, item in value._asdict().items()}
    return [plain(item) for item in value] if isinstance(value, list | tuple) else value


def percentile(values: Sequence[float], share: float) -> float:
    """The value that ``share`` (0 to 1) of ``values`` do not exceed; 0 where there are none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0
