"""What context is worth: the same places completed with it and without, and with each source left out alone.

    python -m tests.benchmarks.context_gain [--model NAME] [--only cceval|hunks] [--part tuning|reporting]
                                            [--budget N] [--limit N] [--sources] [--keep without|all]

Cases are CrossCodeEval rows (``crossfile``) and hunks of real commits (``hunks``). Each is asked in a server
of its own, after that has indexed the workspace. Weights are chosen by looking at the part ``tuning`` alone;
``reporting`` is what may be reported of the hunks. An answer is right where it has the truth's lines (the
shared scorer's ``em_line``). *Won* and *lost* are the cases that only one side had right, and *chance* is how
likely so uneven a split would be by chance (exact sign test, two-sided).

Answers go to bench-results as they come. --keep takes them from there instead of asking again: "all" goes on
with a run that was interrupted, "without" keeps those that no change of the context's code can change.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from tests.benchmarks import crossfile, hunks, uses
from tests.benchmarks.cases import PARTS, Answer, Case, ask
from tests.benchmarks.waiting import NO_CONTEXT, SOURCES, own_cache, percentile

BUDGET = 2048  # prompt tokens: what a machine of two cores affords a ghost text
WITH, WITHOUT = "with context", "without"
Answers = dict[tuple[str, str], Answer]  # by configuration and case


def run(
    model: str,
    *,
    only: str = "",
    part: str = "all",
    budget: int = BUDGET,
    limit: int = 0,
    sources: bool = False,
    keep: str = "",
    out: Path,
) -> list[dict[str, Any]]:
    """Ask every case both ways; a row for each group and for each pair of configurations. ``limit`` is the
    most cases of each kind, 0 for all. The answers go to a file under ``out`` as they come."""
    out.mkdir(parents=True, exist_ok=True)
    path = out / f"context-gain-{model}-{budget}.jsonl"
    answers = kept(path, keep)
    with (
        own_cache(),
        tempfile.TemporaryDirectory(prefix="codeflow-cases-", ignore_cleanup_errors=True) as into,
        path.open("a", encoding="utf-8") as file,
    ):
        cases = chosen(Path(into).resolve(), only, part, limit)

        def note(configuration: str, case: Case, answer: Answer) -> None:
            file.write(json.dumps(_as_json(configuration, case, answer)) + "\n")
            file.flush()
            mark = "right" if answer.exact else "wrong"
            print(f"{configuration}: {case.key}: {mark}, {answer.took_ms:.0f} ms", file=sys.stderr)

        asyncio.run(ask_all(cases, model, budget, SOURCES if sources else (), answers, note))
    return rows_of_gain(model, budget, cases, answers, SOURCES if sources else ())


def rows_of_gain(
    model: str, budget: int, cases: Sequence[Case], answers: Answers, sources: Sequence[str]
) -> list[dict[str, Any]]:
    """A row for each group against no context, and for each of ``sources`` against all but that one."""
    groups = {case.group: [one for one in cases if one.group == case.group] for case in cases}
    named = [*groups.items(), *_together(cases)]
    rows = [_row(model, budget, name, some, answers, WITHOUT) for name, some in named if some]
    together = [*_together(cases), ("all", cases)]
    together += [(name, some) for name, some in groups.items() if name in uses.GROUPS]
    return rows + [
        _row(model, budget, name, some, answers, f"without {source}")
        for source in sources
        for name, some in together
        if some
    ]


def chosen(into: Path, only: str, part: str, limit: int) -> list[Case]:
    """The cases asked for, with their workspaces under ``into``."""
    kinds: list[list[Case]] = []
    if only in ("", "cceval"):
        found = [crossfile.cases_of(name, into) for name in crossfile.LANGUAGES]
        kinds += [[case for case in cases if part in ("all", case.part)] for cases in found]
    if only in ("", "hunks"):
        kinds.append(_evenly(hunks.cases_of(into, part)))
    return [case for kind in kinds for case in kind[: limit or None]]


def _evenly(cases: list[Case]) -> list[Case]:
    """The groups in turns, so that a limit takes of each."""
    groups = {case.group: [one for one in cases if one.group == case.group] for case in cases}
    longest = max(map(len, groups.values()), default=0)
    return [some[i] for i in range(longest) for some in groups.values() if i < len(some)]


async def ask_all(
    cases: Sequence[Case],
    model: str,
    budget: int,
    sources: Sequence[str],
    answers: Answers,
    note: Callable[[str, Case, Answer], None],
) -> None:
    """Every case with context and without, and with each of ``sources`` left out, as far as ``answers`` lacks
    them.

    A source that had no piece in a case's prompt cannot be missed there: its answer is the one with context.
    """
    plans = [(case, WITH, []) for case in cases] + [(case, WITHOUT, NO_CONTEXT) for case in cases]
    plans.sort(key=lambda plan: plan[0].key)  # both answers of a case one after the other
    for case, configuration, disabled in plans:
        if (configuration, case.key) not in answers:
            answers[configuration, case.key] = await ask(case, model, budget=budget, disabled=disabled)
            note(configuration, case, answers[configuration, case.key])
    for source in sources:
        for case in cases:
            configuration, whole = f"without {source}", answers[WITH, case.key]
            if source not in whole.sources:
                answers[configuration, case.key] = whole
                continue
            if (configuration, case.key) not in answers:
                answers[configuration, case.key] = await ask(case, model, budget=budget, disabled=[source])
                note(configuration, case, answers[configuration, case.key])


def kept(path: Path, keep: str) -> Answers:
    """Answers of an earlier run that need not be asked for again; the file is left with them alone."""
    lines = path.read_text("utf-8").splitlines(True) if keep and path.is_file() else []
    rows = [(json.loads(line), line) for line in lines]
    rows = [(row, line) for row, line in rows if keep == "all" or row["configuration"] == WITHOUT]
    path.write_text("".join(line for _, line in rows), encoding="utf-8")
    return {
        (row["configuration"], row["task_id"]): Answer(
            row["completion"], row["exact"], row["similarity"], row["took_ms"], row["account"]
        )
        for row, _ in rows
    }


def _together(cases: Sequence[Case]) -> list[tuple[str, list[Case]]]:
    """All CrossCodeEval rows, and all hunks by part."""
    rows = [case for case in cases if case.group in crossfile.LANGUAGES]
    others = [case for case in cases if case.group in hunks.projects()]
    parts = [(f"hunks, {part}", [case for case in others if case.part == part]) for part in PARTS]
    return [("cceval", rows), *parts]


def _row(
    model: str, budget: int, group: str, cases: Sequence[Case], answers: Answers, against: str
) -> dict[str, Any]:
    ours = [answers[WITH, case.key] for case in cases]
    theirs = [answers[against, case.key] for case in cases]
    pairs = list(zip(ours, theirs, strict=True))
    won = sum(a.exact and not b.exact for a, b in pairs)
    lost = sum(b.exact and not a.exact for a, b in pairs)
    return {
        "model": model,
        "budget": budget,
        "cases": group,
        "count": len(cases),
        "against": against,
        "exact_with": _percent(a.exact for a in ours),
        "exact_against": _percent(b.exact for b in theirs),
        "gain": round(100 * (won - lost) / len(cases), 1),
        "won": won,
        "lost": lost,
        "chance": round(sign_test(won, lost), 3),
        "similar_with": _percent(a.similarity for a in ours),
        "similar_against": _percent(b.similarity for b in theirs),
        "prompt_tokens_with": _mean(ours, "prompt_tokens"),
        "prompt_tokens_against": _mean(theirs, "prompt_tokens"),
        "differing_prompts": sum(a.account.get("pieces") != b.account.get("pieces") for a, b in pairs),
        "cold_p50_ms_with": round(percentile([a.took_ms for a in ours], 0.5)),
        "cold_p50_ms_against": round(percentile([b.took_ms for b in theirs], 0.5)),
    }


def sign_test(won: int, lost: int) -> float:
    """Probability of a split at least so uneven where either side is as likely (McNemar's exact test)."""
    count = won + lost
    tail = sum(math.comb(count, i) for i in range(min(won, lost) + 1)) / 2**count
    return min(1.0, 2 * tail)


def _percent(values: Iterable[float]) -> float:
    return round(100 * statistics.fmean(values), 1)


def _mean(answers: Sequence[Answer], name: str) -> int:
    return round(statistics.fmean(answer.account.get(name, 0) for answer in answers))


def _as_json(configuration: str, case: Case, answer: Answer) -> dict[str, Any]:
    return {
        "configuration": configuration,
        "task_id": case.key,
        "group": case.group,
        "part": case.part,
        "truth": case.truth,
        "completion": answer.text,
        "exact": answer.exact,
        "similarity": round(answer.similarity, 4),
        "took_ms": round(answer.took_ms, 1),
        "account": answer.account,
    }


def main() -> None:
    """Measure and print; the rows go to bench-results too."""
    from tests.benchmarks.reporting import OUT, report

    parser = argparse.ArgumentParser(prog="context_gain")
    parser.add_argument("--model", default="qwen2.5-coder-0.5b")
    parser.add_argument("--only", default="", choices=["", "cceval", "hunks"])
    parser.add_argument("--part", default="all", choices=["all", *PARTS])
    parser.add_argument("--budget", type=int, default=BUDGET)
    parser.add_argument("--limit", type=int, default=0)
    parser.add_argument("--sources", action="store_true", help="leave each source out alone, too")
    parser.add_argument("--keep", default="", choices=["", "without", "all"], help="what not to ask again")
    report({"context_gain": run(**vars(parser.parse_args()), out=OUT)}, "context-gain")


if __name__ == "__main__":
    main()
