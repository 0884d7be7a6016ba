"""Without a model, in seconds a case: does the prompt hold the words that the truth needs?

    python -m tests.benchmarks.recall [--only cceval|hunks] [--part tuning|reporting] [--budget N ...]
                                      [--limit N] [--sources]

Of each case of ``context_gain`` the words of the truth are taken (identifiers of three letters and more) that
its file lacks and another file, of the workspace or of the editor, holds; cases without any are left out.
*Recall* is the share of these words that stand in the prompt. It says nothing of what a model makes of them,
but it tells within minutes whether a weight or a source brings what is needed.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.benchmarks.cases import PARTS, Case, Opened, at_cursor
from tests.benchmarks.context_gain import BUDGET, chosen
from tests.benchmarks.waiting import SOURCES, last_account, own_cache, scripted

_IDENTIFIER = re.compile(r"[^\W\d]\w{2,}")


@dataclass(frozen=True, slots=True)
class Found:
    """Of one case: the words needed that can be had, those of them in the prompt, its sources' tokens."""

    reachable: frozenset[str]
    there: frozenset[str]
    tokens: dict[str, int]


def run(
    *,
    model: str = "qwen2.5-coder-0.5b",
    only: str = "",
    part: str = "all",
    budgets: Sequence[int] = (BUDGET,),
    limit: int = 0,
    sources: bool = False,
) -> list[dict[str, Any]]:
    """A row for each budget, kind of case and configuration. ``model`` lends its tokenizer."""
    rows = []
    with (
        own_cache(),
        tempfile.TemporaryDirectory(prefix="codeflow-cases-", ignore_cleanup_errors=True) as into,
    ):
        cases = [case for case in chosen(Path(into).resolve(), only, part, 0) if to_be_had(case)]
        cases = cases[: limit or None]
        for budget in budgets:
            for left_out in ("", *(SOURCES if sources else ())):
                found = asyncio.run(look_at(cases, model, budget, [left_out] if left_out else []))
                pairs = list(zip(cases, found, strict=True))
                for kind in ("cceval", "hunks"):
                    some = [one for case, one in pairs if ("cceval" in case.group) == (kind == "cceval")]
                    if some:
                        rows.append(_row(budget, kind, left_out or "nothing", some))
    return rows


async def look_at(cases: Sequence[Case], model: str, budget: int, disabled: Sequence[str]) -> list[Found]:
    """What the prompt of every case holds; ``cases`` are those where anything can be had."""
    found = []
    for case in cases:
        async with at_cursor(case, model, budget=budget, disabled=disabled, command=scripted()) as (
            wire,
            uri,
        ):
            await wire.complete(uri, *case.cursor)
            prompt, account = str(await wire.request("bench/prompt")), await last_account(wire)
        reachable = to_be_had(case)
        there = reachable & _words(prompt)
        tokens: dict[str, int] = {}
        for source, _, count in account.get("pieces", ()):
            tokens[source] = tokens.get(source, 0) + count
        found.append(Found(reachable, there, tokens))
        print(f"{case.key}: has {sorted(there)}, lacks {sorted(reachable - there)}", file=sys.stderr)
    return found


def words_of(document: Opened) -> frozenset[str]:
    """The words of a document, as it was opened and with what was typed in it."""
    return _words("\n".join((document.text, *(one.text for one in document.typed))))


def to_be_had(case: Case) -> frozenset[str]:
    """The words that the truth needs, its own file lacks and others hold."""
    return (_words(case.truth) - words_of(case.opened[-1])) & words_around(case)


def words_around(case: Case) -> frozenset[str]:
    """The words of the workspace's other files and of the other open documents."""
    opened = {case.root / one.path for one in case.opened}
    found = {word for one in case.opened[:-1] for word in words_of(one)}
    for path in case.root.rglob("*"):
        if path.is_file() and path not in opened and ".git" not in path.parts:
            found |= _words(path.read_text("utf-8", "replace"))
    return frozenset(found)


def _words(text: str) -> frozenset[str]:
    return frozenset(_IDENTIFIER.findall(text))


def _row(budget: int, kind: str, left_out: str, found: Sequence[Found]) -> dict[str, Any]:
    reachable = sum(len(one.reachable) for one in found)
    tokens = {name: sum(one.tokens.get(name, 0) for one in found) for name in SOURCES}
    return {
        "budget": budget,
        "cases": f"{kind} ({len(found)})",
        "left_out": left_out,
        "words": reachable,
        "recall": round(100 * sum(len(one.there) for one in found) / max(1, reachable), 1),
        "cases_with_all": sum(one.reachable == one.there for one in found),
        "mean_tokens": ", ".join(f"{name} {n // len(found)}" for name, n in tokens.items() if n),
    }


def main() -> None:
    """Measure and print."""
    from tests.benchmarks.reporting import report

    parser = argparse.ArgumentParser(prog="recall")
    parser.add_argument("--only", default="", choices=["", "cceval", "hunks"])
    parser.add_argument("--part", default="all", choices=["all", *PARTS])
    parser.add_argument("--budget", type=int, action="append")
    parser.add_argument("--limit", type=int, default=0)
    parser.add_argument("--sources", action="store_true", help="leave each source out alone, too")
    options = parser.parse_args()
    rows = run(
        only=options.only,
        part=options.part,
        budgets=options.budget or (BUDGET,),
        limit=options.limit,
        sources=options.sources,
    )
    report({"recall": rows}, "recall")


if __name__ == "__main__":
    main()
