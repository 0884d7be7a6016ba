"""Without a model, in a second a case: does the prompt hold the words that the truth needs?

    python -m tests.benchmarks.recall [--only cceval|hunks] [--part tuning|reporting] [--budget N ...]
                                      [--limit N] [--sources] [--code FOLDER ...]

Of each case of ``context_gain``, or of ``uses`` for folders of code, the words of the truth are taken
(identifiers of three letters and more) that its file lacks and another file, of the workspace or of the
editor, holds; cases without any are left out. *Recall* is the share of these words that stand in the prompt.
It says nothing of what a model makes of them, but it tells within minutes whether a weight or a source brings
what is needed.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.benchmarks import uses
from tests.benchmarks.cases import PARTS, Case, Opened
from tests.benchmarks.context_gain import BUDGET, WITH, chosen
from tests.benchmarks.prompts import MOST_OF_A_FOLDER, prompts_of, vocabulary
from tests.benchmarks.waiting import SOURCES, own_cache

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
    code: Sequence[Path] = (),
) -> list[dict[str, Any]]:
    """A row for each budget, kind of case and configuration. ``model`` lends its tokenizer; ``limit`` is the
    most cases in all, or of each folder of ``code``."""
    found: dict[tuple[int, str, str], list[Found]] = {}
    pieces = [bytes.fromhex(piece) for piece in vocabulary(model)["pieces"]]
    with (
        own_cache(),
        tempfile.TemporaryDirectory(prefix="codeflow-cases-", ignore_cleanup_errors=True) as into,
    ):
        if code:
            cases = [case for one in code for case in uses.cases_of(one, limit or MOST_OF_A_FOLDER)]
        else:
            cases = chosen(Path(into).resolve(), only, part, 0)
        cases = [case for case in cases if to_be_had(case)][: None if code else limit or None]
        for case in cases:
            reachable, kind = to_be_had(case), _kind(case)
            for row, prompt, _ in prompts_of(case, model, budgets, SOURCES if sources else ())[1]:
                text = b"".join(pieces[token] for token in prompt).decode("utf-8", "replace")
                one = _found(reachable, text, row["pieces"])
                found.setdefault((row["budget"], kind, row["configuration"]), []).append(one)
                if row["configuration"] == WITH:
                    lacks = sorted(one.reachable - one.there)
                    print(f"{row['budget']}: {case.key}: lacks {lacks}", file=sys.stderr)
    return [_row(*key, some) for key, some in found.items()]


def _kind(case: Case) -> str:
    known = {"cceval25_python": "cceval", "cceval25_java": "cceval", uses.ELSEWHERE: uses.ELSEWHERE}
    return known.get(case.group, "hunks")


def _found(reachable: frozenset[str], text: str, pieces: Sequence[tuple[str, str, int]]) -> Found:
    tokens: dict[str, int] = {}
    for source, _, count in pieces:
        tokens[source] = tokens.get(source, 0) + count
    return Found(reachable, reachable & _words(text), tokens)


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


def _row(budget: int, kind: str, configuration: str, found: Sequence[Found]) -> dict[str, Any]:
    reachable = sum(len(one.reachable) for one in found)
    tokens = {name: sum(one.tokens.get(name, 0) for one in found) for name in SOURCES}
    return {
        "budget": budget,
        "cases": f"{kind} ({len(found)})",
        "prompts": configuration,
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
    parser.add_argument("--code", type=Path, action="append", default=[], help="a folder of code")
    options = parser.parse_args()
    rows = run(
        only=options.only,
        part=options.part,
        budgets=options.budget or (BUDGET,),
        limit=options.limit,
        sources=options.sources,
        code=[path.resolve() for path in options.code],
    )
    report({"recall": rows}, "recall")


if __name__ == "__main__":
    main()
