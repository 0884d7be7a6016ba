"""A review for a terminal: by file, in colours; plain where it is piped."""

from __future__ import annotations

from itertools import groupby

from rich.console import Console
from rich.text import Text

from lsp_server.review_formats.report import Report, plain, plain_lines

_STYLES = {"error": "bold red", "warning": "yellow", "note": "cyan"}
_DIFF = {"+": "green", "-": "red", "@": "dim"}


def show(report: Report, console: Console) -> None:
    """Print it."""

    def say(text: Text | str, style: str = "") -> None:
        console.print(text, style=style, markup=False, highlight=False, soft_wrap=True)

    for path, entries in groupby(report.entries, key=lambda entry: entry.finding.path):
        say(plain(path), "bold")
        for entry in entries:
            finding = entry.finding
            line = Text(f"  {finding.line + 1:5d}  ")
            line.append(f"{entry.severity:7s}", _STYLES[entry.severity])
            line.append(f"  {finding.sentence}").append(f"  [{finding.rule}]", "dim")
            say(line)
            for place in finding.elsewhere[1:]:
                say(f"                  {plain(place.path)}:{place.line + 1}: {plain(place.sentence)}", "dim")
            for text in plain_lines(entry.diff)[2:-1]:
                say(f"           {text}", _DIFF.get(text[:1], ""))
    if report.hotspots:
        say("Changed functions by cost (paths × commits of the last year)", "bold")
        for spot in report.hotspots:
            was = f" ({spot.before} before)" if spot.before not in (0, spot.complexity) else ""
            say(
                f"  {spot.debt:5d}  {plain(spot.path)}:{spot.line + 1}  {plain(spot.symbol)}: "
                f"{spot.complexity} paths{was}, {spot.nesting} deep, {spot.commits} commits"
            )
    for note in report.review.notes:
        say(f"Note: {plain(note)}", "yellow")
    if report.model:
        say(f"What is suspected comes from {plain(report.model)}, and may be wrong.", "dim")
    say(report.summary, "bold")
