"""A finding's fix as a unified diff, for people and ``git apply``; none where it would show a secret."""

from __future__ import annotations

from difflib import unified_diff

from context.privacy.secrets import redact
from context.review.change import ChangedFile
from context.review.values import Fix

_CONTEXT = 2  # lines around


def suggested_diff(file: ChangedFile, fix: Fix) -> str:
    """The diff with file names ``a/...`` and ``b/...``; "" where it cannot be shown as it is."""
    before = [line + "\n" for line in file.pair.after.lines]
    if before and before[-1] == "\n":
        before.pop()
    if fix.end_line >= len(before) or not (file.after or "").endswith("\n"):
        return ""
    after = [*before[: fix.line], *fix.text.splitlines(keepends=True), *before[fix.end_line + 1 :]]
    diff = "".join(unified_diff(before, after, f"a/{file.path}", f"b/{file.path}", n=_CONTEXT))
    return diff if redact(diff) == diff else ""
