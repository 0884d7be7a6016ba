"""`codeflow-lsp stats`: what became of the suggestions since a date, and a way to begin the counting anew.

Reads the file that servers add to; what a running one has not written yet (a minute's worth) is not in it.
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any


def add_parser(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command `stats` and its verb; each sets ``func``, a handler that returns the exit code."""
    stats = verbs.add_parser("stats", help="show what became of the suggestions, or begin the counting anew")
    stats.add_argument("--json", action="store_true", help="as JSON")
    stats.set_defaults(func=_show)
    verb = stats.add_subparsers(metavar="VERB").add_parser("clear", help="begin the counting anew")
    verb.set_defaults(func=_clear)


def _show(arguments: argparse.Namespace) -> int:
    from lsp_server.counts_file import CountsFile

    kept = CountsFile().read()
    if arguments.json:
        total, since = (kept.counts.as_json(), kept.since) if kept else (None, None)
        sys.stdout.write(json.dumps({"total": total, "since": since}, indent=2) + "\n")
        return 0
    if kept is None:
        sys.stdout.write("No suggestions were counted yet.\n")
        return 0
    counts = kept.counts.as_json()
    facts = {"since": kept.since[:10], **_facts(counts)}
    if sys.stdout.isatty():
        _draw(facts, counts["languages"])
    else:
        sys.stdout.writelines(f"{name}\t{value}\n" for name, value in facts.items())
        for language, numbers in sorted(counts["languages"].items()):
            sys.stdout.write(f"{language}\t{_in_language(numbers)}\n")
    return 0


def _facts(counts: dict[str, Any]) -> dict[str, str]:
    """The counts in words; "-" where there was nothing to measure."""
    kept = f"{counts['kept'] / counts['kept_of']:.0%} of it after 30 s" if counts["kept_of"] else "-"
    cached = f"{counts['cache_share']:.0%} of all prompt tokens" if counts["cache_share"] is not None else "-"
    waited = "-"
    if counts["p50_ms"] is not None:
        waited = f"{counts['p50_ms']:,.0f} ms in the median, 95 of 100 within {counts['p95_ms']:,.0f} ms"
    return {
        "suggestions": f"{counts['suggestions']:,}",
        "shown": f"{counts['shown']:,}, as far as editors say",
        "accepted": f"{counts['accepted']:,} whole, {counts['partly_accepted']:,} in part",
        "characters": f"{counts['accepted_characters']:,} that nobody had to type",
        "kept": kept,
        "time": waited,
        "cache": cached,
    }


def _in_language(numbers: dict[str, int]) -> str:
    accepted = numbers["accepted"] + numbers["partly_accepted"]
    return f"{numbers['suggestions']:,} suggestions, {accepted:,} accepted"


def _clear(_: argparse.Namespace) -> int:
    from lsp_server.counts_file import CountsFile

    file = CountsFile()
    try:
        cleared = file.clear()
    except OSError as error:
        sys.stderr.write(f"{file.path} cannot be cleared: {error.strerror or error}.\n")
        return 1
    sys.stdout.write("The counting begins anew.\n" if cleared else "No suggestions were counted yet.\n")
    return 0


def _draw(facts: dict[str, str], languages: dict[str, dict[str, int]]) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False)
    for name, value in facts.items():
        console.print(Text.assemble((f"{name:13s}", "bold"), value), soft_wrap=True)
    for language, numbers in sorted(languages.items()):
        console.print(Text.assemble((f"{language:13s}", "cyan"), _in_language(numbers)), soft_wrap=True)
    console.print(Text("These numbers never leave this machine.", "dim"))
