"""The texts in an outline: a definition's head on one line, and the first line of what documents it."""

from __future__ import annotations

import re
from collections.abc import Iterable

MOST_SIGNATURE = 200  # characters; two screen lines hold any head worth prompting
MOST_VALUE = 80  # characters of a constant's value: enough for a path, a pattern or a short table
MOST_DOC = 120  # characters: a docstring's first line by every style guide
MOST_ATTRIBUTE = 40  # characters; a decorator's longer arguments say little about what it decorates

_BREAK = re.compile(r"\s*\n\s*")
_AFTER_OPEN = re.compile(r"([(\[<{])\s*\n\s*")
_BEFORE_CLOSE = re.compile(r",?\s*\n\s*([)\]>}])")
_SPACES = re.compile(r"[ \t]{2,}")
_OPENS_CODE = re.compile(r"(?:\s*(?:\{|(?<![=<>!])=|:|\bdo|\bthen|;?\s+end))+\s*$")
_OPENS_MEMBERS = re.compile(r"(?:\s*(?:\{|:|;?\s+end))+\s*$")
_COMMENT_SIGN = re.compile(r"^\s*(?:/\*+!?|//+!?|#+!?|--+(?:\[=*\[)?|\*+(?!/))?\s?")
_COMMENT_END = re.compile(r"\s*(?:\*+/|\]=*\])\s*$")
_QUOTES = re.compile(r"^[rRbBuUfF]{0,2}(\"\"\"|'''|\"|')(.*?)(?:\1)?$", re.DOTALL)
_NO_DOC = re.compile(  # what tools and lawyers write above a definition
    r"(?i)copyright|licen[sc]e|spdx|eslint|prettier|@ts-|noqa|pylint|pragma|clang-format|nolint|[-=*_~#/\s]*$"
)

Span = tuple[int, int]


def signature(head: str, value: str = "", *, opens: str = "") -> str:
    """``head`` on one line; then ``value``, cut when it is long.

    What opens the body is left out: of "code" (a function) or of "members" (a class, or an object's ``= {``).
    """
    line = one_line(head)
    if opens:
        line = (_OPENS_CODE if opens == "code" else _OPENS_MEMBERS).sub("", line)
    if value:
        gap = " " if value[0].isspace() else ""
        value = one_line(value, squeeze=False)
        line = f"{line}{gap}{value if len(value) <= MOST_VALUE else value[:MOST_VALUE].rstrip() + '...'}"
    line = line.rstrip(" ;,")
    return line if len(line) <= MOST_SIGNATURE else line[: MOST_SIGNATURE - 3].rstrip() + "..."


def one_line(text: str, *, squeeze: bool = True) -> str:
    """``text`` with its line breaks folded; where ``squeeze`` says so, runs of blanks too."""
    if "\n" in text:
        text = _BREAK.sub(" ", _BEFORE_CLOSE.sub(r"\1", _AFTER_OPEN.sub(r"\1", text)))
    text = text.strip()
    return _SPACES.sub(" ", text) if squeeze and not any(quote in text for quote in "\"'`") else text


def without(source: bytes, start: int, end: int, spans: Iterable[Span]) -> str:
    """The text from byte ``start`` to byte ``end``, leaving out ``spans`` (sorted)."""
    kept, at = [], start
    for first, last in spans:
        kept.append(source[at:first])
        at = max(at, last)
    kept.append(source[at:end])
    return b"".join(kept).decode("utf-8", "replace")


def short_attribute(text: str) -> str:
    """A decorator or annotation, without its arguments where they are long."""
    text = one_line(text)
    return text if len(text) <= MOST_ATTRIBUTE else text.partition("(")[0][:MOST_ATTRIBUTE] + "(...)"


def doc_line(comment: str) -> str:
    """The first line of a docstring or comment that says something, without its signs; "" where none does."""
    quoted = _QUOTES.match(comment.strip())
    text = quoted[2] if quoted else _COMMENT_END.sub("", comment)
    for raw in text.splitlines():
        line = (raw if quoted else _COMMENT_END.sub("", _COMMENT_SIGN.sub("", raw))).strip()
        if line.startswith(("@", "\\param", ":param")):
            return ""
        if not _NO_DOC.match(line):
            line = re.sub(r"^</?summary>\s*|\s*</summary>$", "", line)
            if line:
                return line if len(line) <= MOST_DOC else line[: MOST_DOC - 3].rstrip() + "..."
    return ""
