"""A commit typed character by character: how much of each prompt the cache holds.

    python -m tests.benchmarks.tracing [--model NAME] [--scripted [--prefill N]] [--budget N] [--keys N]
                                       [--pace SECONDS]

The commit's hunks are typed into its files in the order of the files, each from its top to its bottom, in the
project's repository as it was before (``replayed``); a line break brings the next line's indentation along,
as in an editor, and after each key a completion is asked for. Answers that needed no model are not counted.
A *full re-prefill* is a request, the very first excepted, that evaluated more than half of its prompt.

With --scripted the weights are not loaded: the prompts, the tokenizer and the prefix store are the real ones,
so the shares are true, and hundreds of keys take no longer than a typist does. What the server evaluates
ahead, while nobody waits, is then counted too (``evaluated_ahead``, and in the full re-prefills); --prefill
sets how many tokens a second evaluating takes, since a slow machine may not get done ahead.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.benchmarks.cases import PATIENCE_MS, At
from tests.benchmarks.hunks import LANGUAGES
from tests.benchmarks.replayed import Trace, after, lines_of, replay, traces
from tests.benchmarks.waiting import (
    CODE_POINTS,
    context_ready,
    indexed,
    last_account,
    own_cache,
    percentile,
    scripted,
)
from tests.lsp_client import Editor, editor

TRACE = "pallets/click@80efdf6c10c5"  # four files, seven hunks, some 800 characters
BUDGET = 16_384
PACE_S = 0.1  # between keys: a fast typist


@dataclass(frozen=True, slots=True)
class Key:
    """One change of a document and where the cursor is after it."""

    start: At
    end: At
    text: str
    cursor: At
    asks: bool = True


@dataclass(frozen=True, slots=True)
class Typist:
    """How a trace is typed (``keys`` at most, 0: all; ``pace_s`` apart), and into which server; ``prefill``
    is the tokens a second of one without weights, 0 for no time at all."""

    model: str = "qwen2.5-coder-0.5b"
    without_weights: bool = False
    prefill: float = 0.0
    budget: int = BUDGET
    keys: int = 0
    pace_s: float = PACE_S


def run(typist: Typist, trace: str = TRACE) -> list[dict[str, Any]]:
    """Type a trace; one row."""
    with (
        own_cache(),
        tempfile.TemporaryDirectory(prefix="codeflow-trace-", ignore_cleanup_errors=True) as into,
    ):
        rows = traces()[trace.partition("@")[0]]
        row, root = next(replay(rows, {trace}, Path(into).resolve()))
        found = asyncio.run(_type(typist, row, root))
    model = "none" if typist.without_weights else typist.model
    return [{"model": model, "trace": trace, "budget": typist.budget} | found]


async def _type(typist: Typist, row: Trace, root: Path) -> dict[str, Any]:
    settings = {
        "completion": {"deadlineMs": 0, "timeoutMs": 4 * PATIENCE_MS, "maxTokens": 4},
        "context": {"budgetTokens": typist.budget},
        "engine": {"savedMb": 0, "ahead": "never"},
    }
    accounts, switches, typed, done = [], [], 0, 0
    async with editor(
        model=typist.model,
        settings=settings,
        folders=[root.as_uri()],
        encodings=CODE_POINTS,
        command=scripted(typist.prefill) if typist.without_weights else None,
    ) as wire:
        status = await wire.ready()
        if status.state != "ready":
            raise RuntimeError(f"the server is {status.state}: {status.message}")
        await indexed(wire)
        for edit in row["edits"]:
            uri = (root / edit["path"]).as_uri()
            language = LANGUAGES.get(Path(edit["path"]).suffix, "plaintext")
            wire.open(uri, edit["before"], language)
            await context_ready(wire, uri, int(edit["hunks"][0]["b0"]))
            switches.append(len(accounts))
            for version, key in enumerate(keys_of(edit), 2):
                if typist.keys and typed >= typist.keys:
                    break
                wire.change(uri, version, key.text, key.start, key.end)
                if key.asks:
                    typed += 1
                    await wire.complete(uri, *key.cursor)
                    account = await last_account(wire)
                    await asyncio.sleep(typist.pace_s)
                    before, done = done, await evaluated(wire) if typist.without_weights else 0
                    if account.get("source") == "model":
                        new = account["prompt_tokens"] - account["cached_tokens"]
                        accounts.append({**account, "new": new, "ahead": max(0, done - before - new)})
    return {"keys": typed} | summary(accounts, switches)


async def evaluated(wire: Editor) -> int:
    """Prompt tokens that a scripted server has evaluated so far."""
    return int(await wire.request("bench/evaluated"))


def summary(accounts: list[dict[str, Any]], switches: list[int]) -> dict[str, Any]:
    """Figures from the accounts of the answers; ``switches`` are the numbers of the first ones in a file."""
    later, new = accounts[1:], [account["new"] for account in accounts]
    full = sum(map(is_full, later))
    return {
        "asked_the_model": len(accounts),
        "prompt_tokens": round(percentile([account["prompt_tokens"] for account in accounts], 0.5)),
        "from_cache": share(later),
        "from_cache_with_first": share(accounts),
        "full_prefills": full,
        "full_because": "; ".join(
            f"key {i}: {changed(accounts[i - 1], one)}"
            for i, one in enumerate(accounts)
            if i and is_full(one)
        ),
        "full_per_100": round(100 * full / max(1, len(later)), 2),
        "evaluated_p50": percentile(new[1:], 0.5),
        "evaluated_p95": percentile(new[1:], 0.95),
        "evaluated_most": sorted(new[1:], reverse=True)[:8],
        "evaluated_first_in_a_file": [new[i] for i in switches if i < len(new)],
        "evaluated_ahead": sum(account["ahead"] for account in later),
        "assemble_p95_ms": round(percentile([account["assemble_ms"] for account in accounts], 0.95), 1),
        "total_p50_ms": round(percentile([account["total_ms"] for account in accounts], 0.5)),
        "total_p95_ms": round(percentile([account["total_ms"] for account in accounts], 0.95)),
    }


def is_full(account: dict[str, Any]) -> bool:
    """Whether more than half of a prompt was evaluated, when it was asked for or ahead of the next one."""
    return 2 * max(account["new"], account["ahead"]) > account["prompt_tokens"]


def changed(before: dict[str, Any], now: dict[str, Any]) -> str:
    """The first piece in which a prompt differs from the one before it."""
    for old, new in itertools.zip_longest(before["pieces"], now["pieces"]):
        if old != new:
            return f"{old} became {new}"
    return "no piece changed its size"


def share(accounts: list[dict[str, Any]]) -> float:
    """Percent of the prompts' tokens that the cache held."""
    prompted = sum(account["prompt_tokens"] for account in accounts)
    return round(100 * sum(account["cached_tokens"] for account in accounts) / max(1, prompted), 2)


def keys_of(edit: dict[str, Any]) -> Iterator[Key]:
    """The keys that turn a file's text before the commit into the text after it.

    Each hunk's old lines go at once; its new lines are typed each on a line of its own, which a line break
    has opened with the right indentation.
    """
    lines = lines_of(str(edit["before"]))
    for hunk in edit["hunks"]:
        line, gone = int(hunk["b0"]), int(hunk["a1"]) - int(hunk["a0"])
        new = lines_of(str(hunk["new"]))
        if gone:
            yield Key((line, 0), (line + gone, 0), "", (line, 0), asks=False)
        for number, text in enumerate(new, line):
            body = text.rstrip("\n")
            blanks = len(body) - len(body.lstrip())
            yield Key((number, 0), (number, 0), body[:blanks] + "\n", (number, blanks))
            for column in range(blanks, len(body)):
                yield Key((number, column), (number, column), body[column], (number, column + 1))
        lines[line : line + gone] = new
    if "".join(lines) != after(edit):
        raise ValueError(f"{edit['path']} does not come out as the trace says")


def main() -> None:
    """Measure and print."""
    from tests.benchmarks.reporting import report

    parser = argparse.ArgumentParser(prog="tracing")
    parser.add_argument("--model", default="qwen2.5-coder-0.5b")
    parser.add_argument("--scripted", action="store_true", help="without weights")
    parser.add_argument("--budget", type=int, default=BUDGET)
    parser.add_argument("--keys", type=int, default=0, help="most keys; 0 is the whole trace")
    parser.add_argument("--pace", type=float, default=PACE_S, help="seconds between keys")
    parser.add_argument("--prefill", type=float, default=0.0, help="tokens per second, scripted; 0: no time")
    parser.add_argument("--trace", default=TRACE, help="task_id of a commit of typing_traces")
    options = parser.parse_args()
    typist = Typist(
        options.model, options.scripted, options.prefill, options.budget, options.keys, options.pace
    )
    rows = run(typist, options.trace)
    report({"tracing": rows}, "tracing")


if __name__ == "__main__":
    main()
