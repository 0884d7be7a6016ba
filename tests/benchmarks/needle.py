"""A definition in one of 300 closed files, and the place where it is used: is it completed?

    python -m tests.benchmarks.needle [--model NAME] [--budget N ...] [--assemble-only]

Only the definition tells what comes at the cursor (``needles.txt``). With a model the answer is checked; with
--assemble-only the server runs without weights, and what is checked is that the telling part of the
definition stands in the prompt that the engine was given. A needle is asked in its language's workspace with
nothing else open; every needle of a language lies hidden there at once.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.benchmarks import haystack
from tests.benchmarks.cases import PATIENCE_MS
from tests.benchmarks.waiting import (
    CODE_POINTS,
    context_ready,
    indexed,
    last_account,
    own_cache,
    scripted,
)
from tests.lsp_client import Editor, editor

BUDGETS = (8_192, 32_768, 131_072)
CURSOR = "‸"


@dataclass(frozen=True, slots=True)
class Needle:
    """``definition`` lies in the module ``hidden``; ``text`` is open as ``path``, its cursor marked. A right
    answer begins with ``expected``; ``telling`` is the part of the definition that has to be known for it."""

    name: str
    language: str
    hidden: str
    definition: str
    telling: str
    path: str
    text: str
    expected: str


def needles() -> list[Needle]:
    """The needles of ``needles.txt``."""
    text = Path(__file__).with_name("needles.txt").read_text("utf-8")
    return [_needle(part) for part in text.split("==== ")[1:]]


def _needle(part: str) -> Needle:
    title, hidden, telling, opened, expected = part.split("\n---- ")
    path, definition = hidden.removeprefix("hidden in ").split("\n", 1)
    where, text = opened.removeprefix("open ").split("\n", 1)
    return Needle(
        name=title,
        language=title.split(":")[0],
        hidden=path,
        definition=definition + "\n",
        telling=telling.removeprefix("telling "),
        path=where,
        text=text + "\n",
        expected=expected.removeprefix("expected ").strip(),
    )


def run(model: str, *, budgets: Sequence[int] = BUDGETS, assemble_only: bool = False) -> list[dict[str, Any]]:
    """Ask for every needle at every budget; one row each, and one for each budget as a whole."""
    with (
        own_cache(),
        tempfile.TemporaryDirectory(prefix="codeflow-needles-", ignore_cleanup_errors=True) as into,
    ):
        return asyncio.run(_run(model, write(Path(into).resolve()), budgets, assemble_only))


async def _run(
    model: str, roots: dict[str, Path], budgets: Sequence[int], assemble_only: bool
) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for budget in budgets:
        found = []
        for language, root in roots.items():
            found += await _ask_language(model, language, root, budget, assemble_only)
        rows += [*found, _together(found)]
    return rows


def write(into: Path) -> dict[str, Path]:
    """The workspace of each language, its needles hidden in it, and the files that use them."""
    roots: dict[str, Path] = {}
    for language in haystack.LANGUAGES:
        here = [one for one in needles() if one.language == language]
        roots[language] = root = into / language / "depot"
        haystack.write(language, root, {one.hidden: one.definition for one in here})
        for one in here:
            (root / one.path).parent.mkdir(parents=True, exist_ok=True)
            (root / one.path).write_text(one.text.replace(CURSOR, ""), encoding="utf-8", newline="\n")
    return roots


async def _ask_language(
    model: str, language: str, root: Path, budget: int, assemble_only: bool
) -> list[dict[str, Any]]:
    settings = {
        "completion": {"deadlineMs": 0, "timeoutMs": 6 * PATIENCE_MS, "maxTokens": 24},
        "context": {"budgetTokens": budget},
        "engine": {"savedMb": 0},
    }
    async with editor(
        model=model,
        settings=settings,
        folders=[root.as_uri()],
        encodings=CODE_POINTS,
        command=scripted() if assemble_only else None,
    ) as wire:
        status = await wire.ready()
        if status.state != "ready":
            raise RuntimeError(f"the server is {status.state}: {status.message}")
        await indexed(wire)
        rows = []
        for one in needles():
            if one.language == language:
                rows.append(await _ask(wire, one, model, root, budget, assemble_only))
                row = rows[-1]
                print(f"{budget}: {one.name}: {row['found']} {row['answer']!r}", file=sys.stderr)
        return rows


async def _ask(
    wire: Editor, one: Needle, model: str, root: Path, budget: int, assemble_only: bool
) -> dict[str, Any]:
    uri = (root / one.path).as_uri()
    before, _, after = one.text.partition(CURSOR)
    wire.open(uri, before + after, language=one.language)
    line, character = before.count("\n"), len(before) - before.rfind("\n") - 1
    await context_ready(wire, uri, line)
    items = await wire.complete(uri, line, character)
    answer = str(items[0].insert_text) if items else ""
    account = await last_account(wire)
    prompt = str(await wire.request("bench/prompt")) if assemble_only else ""
    wire.close(uri)
    return {
        "model": "none" if assemble_only else model,
        "budget": budget,
        "needle": one.name,
        "found": _flat(one.telling) in _flat(prompt) if assemble_only else answer.startswith(one.expected),
        "answer": answer,
        "pieces_of_its_file": ", ".join(
            f"{source} {tokens}" for source, path, tokens in account.get("pieces", ()) if path == one.hidden
        ),
        "prompt_tokens": account.get("prompt_tokens", 0),
        "assemble_ms": round(account.get("assemble_ms", 0.0), 1),
        "total_ms": round(account.get("total_ms", 0.0)),
    }


def _together(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return dict.fromkeys(rows[0], "") | {
        "model": rows[0]["model"],
        "budget": rows[0]["budget"],
        "needle": "ALL",
        "found": f"{sum(row['found'] for row in rows)} of {len(rows)}",
        "prompt_tokens": round(statistics.fmean(row["prompt_tokens"] for row in rows)),
        "assemble_ms": max(row["assemble_ms"] for row in rows),
        "total_ms": round(statistics.fmean(row["total_ms"] for row in rows)),
    }


def _flat(text: str) -> str:
    """Text with every run of white space as one blank."""
    return " ".join(text.split())


def main() -> None:
    """Measure and print."""
    from tests.benchmarks.reporting import report

    parser = argparse.ArgumentParser(prog="needle")
    parser.add_argument("--model", default="qwen2.5-coder-0.5b")
    parser.add_argument("--budget", type=int, action="append", help=f"may be repeated; {BUDGETS} by default")
    parser.add_argument("--assemble-only", action="store_true", help="no weights: is it in the prompt?")
    options = parser.parse_args()
    budgets = options.budget or BUDGETS
    rows = run(options.model, budgets=budgets, assemble_only=options.assemble_only)
    report({"needle": rows}, "needle-assembled" if options.assemble_only else "needle")


if __name__ == "__main__":
    main()
