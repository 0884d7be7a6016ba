"""A review as one JSON object, for scripts. Lines count from 1, as in the other formats."""

from __future__ import annotations

from typing import Any

from lsp_server.review_formats.report import Report, plain


def as_object(report: Report) -> dict[str, Any]:
    """The review as plain values; docs/review.md describes them."""
    change = report.review.change
    return {
        "base": change.base,
        "baseName": plain(change.base_name),
        "files": [file.path for file in change.files],
        "findings": [
            {
                "rule": entry.finding.rule,
                "severity": entry.severity,
                "path": entry.finding.path,
                "line": entry.finding.line + 1,
                "endLine": entry.finding.end_line + 1,
                "message": entry.finding.sentence,
                "elsewhere": [
                    {"path": place.path, "line": place.line + 1, "message": plain(place.sentence)}
                    for place in entry.finding.elsewhere
                ],
                "diff": entry.diff,
            }
            for entry in report.entries
        ],
        "hotspots": [
            {
                "path": spot.path,
                "symbol": spot.symbol,
                "line": spot.line + 1,
                "complexity": spot.complexity,
                "complexityBefore": spot.before,
                "nesting": spot.nesting,
                "commits": spot.commits,
            }
            for spot in report.hotspots
        ],
        "notes": [plain(note) for note in report.review.notes],
        "model": report.model,
    }
