"""A review as SARIF 2.1.0 (OASIS standard), which code scanners of forges read.

Lines and columns count from 1; addresses are relative to the root of the repository (``%SRCROOT%``).
"""

from __future__ import annotations

import hashlib
from typing import Any
from urllib.parse import quote

from context.review import RULES
from lsp_server import __version__
from lsp_server.review_formats.report import NAMES, Entry, Report, plain

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def as_sarif(report: Report, prefix: str = "") -> dict[str, Any]:
    """The log as plain values. ``prefix``: the folder's path in its repository, with a slash, or ""."""
    used = sorted({entry.finding.rule for entry in report.entries})
    return {
        "$schema": _SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "codeflow-lsp",
                        "version": __version__,
                        "semanticVersion": __version__,
                        "rules": [_rule(name) for name in used],
                    }
                },
                "columnKind": "unicodeCodePoints",
                "originalUriBaseIds": {"%SRCROOT%": {"description": {"text": "The root of the repository."}}},
                "results": [_result(entry, used, prefix) for entry in report.entries],
                "invocations": [
                    {
                        "executionSuccessful": True,
                        "toolExecutionNotifications": [
                            {"level": "note", "message": {"text": plain(note)}}
                            for note in report.review.notes
                        ],
                    }
                ],
            }
        ],
    }


def _rule(name: str) -> dict[str, Any]:
    rule = RULES[name]
    return {
        "id": name,
        "name": name.title().replace("-", ""),
        "shortDescription": {"text": f"{rule.title}."},
        "fullDescription": {"text": rule.about},
        "help": {"text": rule.about},
        "defaultConfiguration": {"level": NAMES[rule.severity]},
        "properties": {"precision": "low" if name == "suspected" else "high"},
    }


def _result(entry: Entry, rules: list[str], prefix: str) -> dict[str, Any]:
    finding = entry.finding
    result: dict[str, Any] = {
        "ruleId": finding.rule,
        "ruleIndex": rules.index(finding.rule),
        "level": entry.severity,
        "message": {"text": finding.sentence},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": _artifact(prefix + finding.path),
                    "region": {"startLine": finding.line + 1, "endLine": finding.end_line + 1},
                }
            }
        ],
        "partialFingerprints": {"codeflow/v1": _fingerprint(entry)},
    }
    if finding.elsewhere:
        result["relatedLocations"] = [
            {
                "id": number,
                "physicalLocation": {
                    "artifactLocation": _artifact(prefix + place.path),
                    "region": {"startLine": place.line + 1},
                },
                "message": {"text": plain(place.sentence)},
            }
            for number, place in enumerate(finding.elsewhere, start=1)
        ]
    if entry.diff and finding.fix:
        result["fixes"] = [
            {
                "description": {"text": entry.rule.title},
                "artifactChanges": [
                    {
                        "artifactLocation": _artifact(prefix + finding.path),
                        "replacements": [
                            {
                                # to the beginning of the next line, so that whole lines go
                                "deletedRegion": {
                                    "startLine": finding.fix.line + 1,
                                    "startColumn": 1,
                                    "endLine": finding.fix.end_line + 2,
                                    "endColumn": 1,
                                },
                                "insertedContent": {"text": finding.fix.text},
                            }
                        ],
                    }
                ],
            }
        ]
    return result


def _artifact(path: str) -> dict[str, str]:
    return {"uri": quote(path, safe="/", errors="surrogateescape"), "uriBaseId": "%SRCROOT%"}


def _fingerprint(entry: Entry) -> str:
    """The same while lines above it come and go: by rule, file and words."""
    said = "\0".join((entry.finding.rule, entry.finding.path, entry.finding.sentence))
    return hashlib.sha256(said.encode("utf-8", "surrogateescape")).hexdigest()[:32]
