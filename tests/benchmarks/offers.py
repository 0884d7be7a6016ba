"""How long it takes to say what is offered at a selection: all code actions, through the real server.

    python -m tests.benchmarks.offers [--selections N] [--seed S]

Random selections (cursors, words, lines) in installed Python and JavaScript files; each file is opened once,
and every third time a key is typed first, so that its tree has to be parsed again.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import time
from pathlib import Path
from typing import Any

from lsprotocol import types

from tests.benchmarks.reporting import report
from tests.benchmarks.waiting import CODE_POINTS, percentile
from tests.lsp_client import Editor, editor, like_vscode

ROOT = Path(__file__).parents[2]
SCRIPTED = [sys.executable, "-m", "tests.scripted_server"]
LANGUAGES = {".py": "python", ".js": "javascript"}
_LARGEST = 120_000  # bytes
_PER_FILE = 10


def files(suffix: str, generator: random.Random) -> list[Path]:
    """Installed files of a language, in a random order."""
    found = [
        path
        for path in sorted((ROOT / ".venv").rglob(f"*{suffix}"))
        if path.is_file() and 2_000 < path.stat().st_size < _LARGEST and "test" not in path.name
    ]
    generator.shuffle(found)
    return found


async def measure(selections: int, seed: int) -> list[dict[str, Any]]:
    """A row for each language."""
    rows = []
    async with editor(command=SCRIPTED, adjust=like_vscode, encodings=CODE_POINTS) as wire:
        await wire.ready()
        for suffix, language in LANGUAGES.items():
            generator = random.Random(seed)
            times: list[float] = []
            offers = 0
            for path in files(suffix, generator):
                if len(times) >= selections:
                    break
                text = path.read_text(encoding="utf-8", errors="replace")
                found = await _in_file(wire, path.as_uri(), language, text, generator)
                times += [ms for ms, _ in found]
                offers += sum(count for _, count in found)
            rows.append(
                {
                    "language": language,
                    "selections": len(times),
                    "offers": offers,
                    "p50 ms": round(percentile(times, 0.5), 1),
                    "p95 ms": round(percentile(times, 0.95), 1),
                    "worst ms": round(max(times), 1),
                }
            )
    return rows


async def _in_file(
    wire: Editor, uri: str, language: str, text: str, generator: random.Random
) -> list[tuple[float, int]]:
    wire.open(uri, text, language)
    lines, found = text.split("\n"), []
    for number in range(_PER_FILE):
        line = generator.randrange(len(lines))
        length = len(lines[line])
        start = generator.randrange(length + 1)
        end = generator.choice([start, min(length, start + generator.randrange(1, 30)), length])
        if number % 3 == 0:
            wire.change(uri, 2 + 2 * number, " ", (line, length))
            wire.change(uri, 3 + 2 * number, "", (line, length), (line, length + 1))
        where = types.Range(types.Position(line, start), types.Position(line, end))
        params = types.CodeActionParams(types.TextDocumentIdentifier(uri), where, types.CodeActionContext([]))
        began = time.perf_counter()
        actions = await wire.request(types.TEXT_DOCUMENT_CODE_ACTION, params)
        found.append(((time.perf_counter() - began) * 1e3, len(actions)))
    wire.close(uri)
    return found[1:]  # the first one parses the file


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.offers")
    parser.add_argument("--selections", type=int, default=300, help="of each language")
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    report({"offers": asyncio.run(measure(options.selections, options.seed))}, "offers")


if __name__ == "__main__":
    main()
