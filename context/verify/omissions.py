"""A new text to what its writer left out of it, or let slip into it.

Small models shorten what they were shown to "# ... rest of the code": it parses, and the user's lines are
gone. Letters that no editor shows as they are (control letters, halves of characters, marks that turn the
direction of text) have no business in an edit either. Only what the edit brings counts.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from context.refactor.difference import LineChange
from context.verify.checks import Finding

_SIGN = r"^\s*(?:#|//|/\*|--|;|<!--|\{/\*|\*|\"\"\")?\s*"
_DOTS = r"(?:\.\.\.|…)"
_THING = r"(?:code|functions?|methods?|implementations?|logic|class|file|body|lines?|imports?|content|module)"
_KEPT = r"(?:unchanged|the same|here|before|above|omitted)"
_LEFT = r"(?:rest|remainder|remaining|existing|previous|original|other|same|unchanged)"
_OMISSION = re.compile(
    rf"{_SIGN}(?:"
    rf"{_DOTS}\s*\(?\s*{_LEFT}\b(?:\s+\w.*|\s*{_DOTS}.*)|"  # ... existing code ...
    rf"\[?\(?\s*(?:the |your )?{_LEFT}\b(?: of)?(?: the| your| this)?(?: \w+)? {_THING}\b.*"
    rf"(?:{_DOTS}|unchanged|(?:goes|remains?|stays?|is|are|as) {_KEPT}).*|"
    rf"{_DOTS}\s*\(?(?:omitted|unchanged|snip).*|"
    rf"(?:(?:add |insert |put )?your {_THING} (?:goes )?|the {_THING} goes )here\b.*|"
    r"<(?:snip|omitted)>.*"
    r")$",
    re.IGNORECASE,
)
_ODD = {"Cc": "a control character", "Cs": "half a character"}
_BLANK = "\t\n\r\f"
# Boucher and Anderson, "Trojan Source"
_TURNS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def omissions(
    path: str, old: Sequence[str], new: Sequence[str], changes: Sequence[LineChange]
) -> list[Finding]:
    """Lines of the new text that stand for others which were left out."""
    known = {line.strip() for change in changes for line in old[change.old_from : change.old_to]}
    return [
        Finding("omission", path, line, f"`{_shown(new[line])}` stands in place of code", "omission")
        for change in changes
        for line in range(change.new_from, change.new_to)
        if len(new[line]) < 200 and new[line].strip() not in known and _OMISSION.match(new[line])
    ]


def _shown(line: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in line.strip()[:60])


def odd_characters(
    path: str, old: Sequence[str], new: Sequence[str], changes: Sequence[LineChange]
) -> list[Finding]:
    """Characters that the edit brings and that cannot be seen, saved or trusted; one of each kind."""
    known = {letter for change in changes for line in old[change.old_from : change.old_to] for letter in line}
    found: dict[str, Finding] = {}
    for change in changes:
        for line in range(change.new_from, change.new_to):
            if new[line].isascii() and new[line].rstrip(_BLANK).isprintable():
                continue
            for letter in set(new[line]) - known:
                if said := _oddness(letter):
                    code = f"U+{ord(letter):04X}"
                    sentence = f"{said} ({code}) would be written"
                    found.setdefault(said, Finding("odd character", path, line, sentence, code))
    return list(found.values())


def _oddness(letter: str) -> str:
    if letter in _BLANK:
        return ""
    if letter in _TURNS:
        return "a mark that turns the direction of text"
    if letter == "\ufffd":
        return "a replacement character"
    return _ODD.get(unicodedata.category(letter), "")
