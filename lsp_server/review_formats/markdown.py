"""A review as Markdown, for a comment on a pull request."""

from __future__ import annotations

import re
from itertools import groupby

from lsp_server.review_formats.report import Entry, Report, plain, plain_lines

_SIGNS = {"error": "❌", "warning": "⚠️", "note": "💡"}
_QUOTED = re.compile(r"`([^`]+)`")
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~])")


def render(report: Report) -> str:
    """The whole comment."""
    parts = ["## Review", "", text(report.summary), ""]
    for path, entries in groupby(report.entries, key=lambda entry: entry.finding.path):
        parts += [f"### {code(path)}", ""]
        for entry in entries:
            parts += _entry(entry)
        parts.append("")
    if report.hotspots:
        parts += [
            "### Changed functions by cost",
            "",
            "| function | paths | before | nesting | commits in a year | cost |",
            "|---|---:|---:|---:|---:|---:|",
        ]
        for spot in report.hotspots:
            where = f"{code(spot.symbol)} {text(f'({spot.path}:{spot.line + 1})')}"
            before = spot.before or "new"
            parts.append(
                f"| {where} | {spot.complexity} | {before} | {spot.nesting} | {spot.commits} | {spot.debt} |"
            )
        parts.append("")
    parts += [f"> {text(note)}" for note in report.review.notes]
    if report.model:
        parts.append(f"What is suspected comes from {code(report.model)}, and may be wrong.")
    return "\n".join(parts).rstrip() + "\n"


def _entry(entry: Entry) -> list[str]:
    finding = entry.finding
    lines = [
        f"- {_SIGNS[entry.severity]} **line {finding.line + 1}** · {text(finding.sentence)} "
        f"<sub>{finding.rule}</sub>"
    ]
    lines += [
        f"  - {code(f'{place.path}:{place.line + 1}')} {text(place.sentence)}"
        for place in finding.elsewhere[1:]
    ]
    if entry.diff:
        fence = "`" * max(3, 1 + max((len(run) for run in re.findall(r"`+", entry.diff)), default=0))
        lines += [
            "",
            f"  {fence}diff",
            *(f"  {line}" for line in plain_lines(entry.diff)[2:-1]),
            f"  {fence}",
            "",
        ]
    return lines


def text(value: str) -> str:
    """A sentence whose signs mean nothing to Markdown, and which calls nobody by ``@``; `names` are code."""
    parts = _QUOTED.split(plain(value))
    return "".join(code(part) if number % 2 else _inert(part) for number, part in enumerate(parts))


def _inert(value: str) -> str:
    return _SPECIAL.sub(r"\\\1", value).replace("@", "@\u200b").replace("://", ":\u200b//")


def code(value: str) -> str:
    """A piece of code; a name with backticks loses them."""
    return f"`{plain(value).replace('`', chr(39))}`"
