"""Raw model text to what is shown: a pure function, held by the golden cases in tests/golden/shown.toml.

``trim`` never invents code; it cuts, puts indentation and line ends as the document has them, and adds back
closing characters that the editor had typed already and that the item's range replaces.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from context.syntax import statement_end
from lsp_server.place import CLOSERS, OPENERS, Extent, Place, indentation, open_quote, unmatched, width

_SPECIAL = re.compile(
    r"<\|[a-z_▁ ]{2,24}\|>|<(?:fim_\w+|PRE|SUF|MID|EOT|file_sep|repo_name)>|</?s>|<｜[^｜]{2,24}｜>"
)
_CONTINUES = re.compile(
    r"(?:else|elif|except|finally|catch|rescue|ensure|when|case|default|end|do|done|fi|then)\b"
)
_REPEATED_INLINE = re.compile(r"(.{3,40}?)\1{3,}")
_AROUND = 80  # lines before, and half as many after, that the syntax tree is made of


@dataclass(frozen=True, slots=True)
class Shown:
    """What an editor is told: ``text`` (with the document's line ends) replaces ``replaced`` code points
    from the cursor on; 0, or the whole rest of the line."""

    text: str
    replaced: int = 0


def is_finished(place: Place, raw: str) -> bool:
    """Whether more text would not be shown anyway: the engine may stop. Cheap; called after every token."""
    if _SPECIAL.search(raw):
        return True
    text = _start(place, raw.replace("\r\n", "\n"))
    if "\n" not in text.lstrip("\n"):
        return len(text) > 24 and _REPEATED_INLINE.search(text) is not None
    if text.strip() and place.extent is Extent.LINE:
        return True
    kept = _cut(place, text)
    return bool(text[len(kept) :].strip()) or (bool(kept.strip()) and _without_repetition(kept) != kept)


def trim(place: Place, raw: str) -> Shown | None:
    """What to show of ``raw``, or None where nothing useful is left."""
    special = _SPECIAL.search(raw)
    text = (raw[: special.start()] if special else raw).replace("\r\n", "\n").replace("\r", "\n")
    text = _start(place, text)
    text = _cut(place, text, by_syntax=True)
    text = _without_repetition(text)
    text = _without_what_follows(place, text)
    text = _indented_like(place, text).rstrip()
    text = _without_extra_closers(place, text)
    if not _is_useful(place, text):
        return None
    replaced = 0
    if place.tail_is_replaced and place.tail:
        text, replaced = _with_tail(place, text), len(place.tail)
        if text == place.tail:
            return None
    return Shown(text.replace("\n", place.document.line_end), replaced)


def _start(place: Place, text: str) -> str:
    """Let the text begin where the cursor is: no second indentation, no blank line first."""
    if place.head.strip():
        if place.head.endswith((" ", "\t")) and not text.startswith("\n"):
            return text.lstrip(" \t")
        return text
    stripped = text.lstrip("\n") if not text.lstrip("\n").startswith(("\n",)) else text
    first = stripped.split("\n", 1)[0]
    if not first.strip() and "\n" in stripped:  # a line of blanks, then code
        stripped = stripped[len(first) + 1 :]
    if place.head:
        blanks = indentation(stripped)
        return stripped[len(blanks) :]
    return stripped


def _cut(place: Place, text: str, *, by_syntax: bool = False) -> str:
    """Cut where the place's extent ends."""
    if place.extent is Extent.LINE:
        return text.split("\n", 1)[0]
    if by_syntax and place.extent is Extent.STATEMENT and not place.head.strip():
        end = _statement_end(place, text)
        if end is not None:
            text = text[:end]
    return _cut_by_indentation(place, text)


def _statement_end(place: Place, text: str) -> int | None:
    """Where the first statement of ``text`` ends by the syntax tree; None where the tree does not say."""
    lines, line = place.document.lines, place.position.line
    before = "".join(lines[max(0, line - _AROUND) : line]) + place.head
    after = "".join(lines[line + 1 : line + 1 + _AROUND // 2])
    blanks = len(text) - len(text.lstrip())
    end = statement_end(place.language, f"{before}{text}\n{after}", len(before) + blanks)
    if end is None or end - len(before) > len(text):
        return None
    rest_of_line = text[end - len(before) :].split("\n", 1)[0]
    return end - len(before) + len(rest_of_line)  # a trailing comment or semicolon belongs to the statement


def _cut_by_indentation(place: Place, text: str) -> str:
    """Cut before the first line that is outside the statement, or the block, that the first line began."""
    lines = text.split("\n")
    own = place.head if place.head.strip() else place.head + indentation(lines[0])
    base = width(indentation(own))
    below = place.below.strip()
    kept, opened = 0, unmatched(place.head + lines[0])[1]
    if lines[0].strip() and not place.head.strip() and _repeats_below(place, lines[0], base, ""):
        return ""
    for number, line in enumerate(lines[1:], start=1):
        stripped = line.strip()
        if not stripped:
            continue
        columns = width(indentation(line))
        previous = lines[kept].strip() if kept or lines[0].strip() else place.head.strip()
        if stripped == below and _repeats_below(place, line, columns, opened):
            break
        if not opened and columns <= base and not _belongs(place, stripped, previous, columns == base):
            break
        kept = number
        opened = unmatched(opened + line)[1]
    return "\n".join(lines[: kept + 1])


def _belongs(place: Place, stripped: str, previous: str, same_level: bool) -> bool:
    """Whether a line at or left of the first line's indentation still belongs to the suggestion."""
    if not same_level:
        return False
    if place.extent is Extent.BLOCK:
        return True
    if previous.startswith(("@", place.language.comment, "#[")):
        return True  # what a decorator, an attribute or a comment announces
    return bool(_CONTINUES.match(stripped)) or stripped[0] in CLOSERS + "{"


def _repeats_below(place: Place, line: str, columns: int, opened: str) -> bool:
    """Whether the document goes on with ``line`` anyway; a bracket opened here needs its own closer."""
    below = place.below
    if not below or line.strip() != below.strip() or (opened and line.strip()[0] in CLOSERS):
        return False
    return columns == width(indentation(below)) or len(line.strip()) > 8


def _without_repetition(text: str) -> str:
    """Keep one of three or more equal lines, groups of lines, or pieces of a line."""
    if (found := _REPEATED_INLINE.search(text)) and found[1].strip("-=*#_/~. \t\n"):
        text = text[: found.start() + len(found[1])]
    lines = text.split("\n")
    for period in range(1, 5):
        for start in range(len(lines) - 3 * period + 1):
            group = lines[start : start + period]
            if any(line.strip() for line in group) and all(
                lines[start + period * n : start + period * (n + 1)] == group for n in (1, 2)
            ):
                return "\n".join(lines[: start + period])
    return text


def _without_what_follows(place: Place, text: str) -> str:
    """Drop an end of ``text`` that the rest of the line, or the lines below, already say."""
    tail = place.tail
    if not place.tail_is_replaced:
        tail_text = tail.rstrip()
        for size in range(min(len(text), len(tail_text)), 0, -1):
            if text.endswith(tail_text[:size]) and (size > 1 or not tail_text[0].isalnum()):
                return text[:-size]
        return text
    lines = text.split("\n")
    following = [
        line.strip() for line in place.document.lines[place.position.line + 1 :][:24] if line.strip()
    ]
    for size in range(min(len(lines) - 1, len(following)), 1, -1):
        if [line.strip() for line in lines[-size:]] == following[:size]:
            return "\n".join(lines[:-size])
    return text


def _indented_like(place: Place, text: str) -> str:
    """Indent further lines with tabs or blanks, as the document does."""
    if "\n" not in text:
        return text
    first, *rest = text.split("\n")
    uses_tabs = _uses_tabs(place)
    if uses_tabs is None:
        return text
    unit = _blanks_per_level(rest)
    return "\n".join([first, *(_reindent(line, uses_tabs, unit) for line in rest)])


def _uses_tabs(place: Place) -> bool | None:
    """Whether the lines around are indented with tabs; None where none is indented."""
    lines, line = place.document.lines, place.position.line
    near = [place.head, *lines[max(0, line - 200) : line + 200]]
    tabs = sum(text.startswith("\t") for text in near)
    blanks = sum(text.startswith("  ") for text in near)
    return None if tabs == blanks == 0 else tabs > blanks


def _blanks_per_level(lines: list[str]) -> int:
    widths = [len(i) for line in lines if line.strip() and (i := indentation(line)).strip("\t")]
    return min(widths, default=4) if min(widths, default=4) in (2, 4, 8) else 4


def _reindent(line: str, tabs: bool, unit: int) -> str:
    blanks = indentation(line)
    if tabs and " " in blanks:
        levels, odd = divmod(len(blanks.replace("\t", " " * unit)), unit)
        return "\t" * levels + " " * odd + line[len(blanks) :]
    if not tabs and "\t" in blanks:
        return blanks.replace("\t", " " * 4) + line[len(blanks) :]
    return line


def _without_extra_closers(place: Place, text: str) -> str:
    """Drop closing brackets at the end that close nothing."""
    extra = len(unmatched(_as_code(place, text))[0]) - len(place.open_brackets)
    while extra > 0 and text and text[-1] in CLOSERS:
        text = text[:-1].rstrip()
        extra -= 1
    return text


def _as_code(place: Place, text: str) -> str:
    """``text`` with the string that is open at the cursor opened again, so that its quotes pair up."""
    quote = open_quote(place.head)
    return quote + text if quote else text


def _with_tail(place: Place, text: str) -> str:
    """``text`` with those characters of the replaced tail that it does not bring itself."""
    tail = place.tail.rstrip()
    at = _scan_closers(place, text)
    missing = ""
    cursor = 0
    for character in tail:
        if character.isspace():
            continue
        found = next((i for i, c in at if i >= cursor and c == character), None)
        if found is None:
            missing += character
        else:
            cursor = found + 1
    return text + missing if not missing or not text.endswith(missing) or at else text


def _scan_closers(place: Place, text: str) -> list[tuple[int, str]]:
    """Places in ``text`` of characters that can stand for one of the tail: closers of what is open before the
    cursor, and separators after them."""
    found: list[tuple[int, str]] = []
    depth, quote, escaped = 0, open_quote(place.head), False
    outside = bool(quote)
    for i, character in enumerate(text):
        if escaped:
            escaped = False
        elif quote:
            if character == "\\":
                escaped = True
            elif character == quote:
                quote = ""
                if outside:
                    found.append((i, character))
                    outside = False
        elif character in "\"'`":
            quote = character
        elif character in OPENERS:
            depth += 1
        elif character in CLOSERS:
            if depth:
                depth -= 1
            else:
                found.append((i, character))
        elif character in ":;,>" and depth == 0:
            found.append((i, character))
    return found


def _is_useful(place: Place, text: str) -> bool:
    """Whether there is anything to show: neither blank, nor there already, nor a lone comment sign."""
    bare = text.strip()
    if not bare or bare in {place.language.comment, "//", "#", "/*", "--", '"""', "'''"}:
        return False
    if place.tail and text.rstrip() == place.tail.rstrip():
        return False
    line = (place.head + text.split("\n", 1)[0]).strip()
    alone = not place.head.strip() and "\n" not in text
    if alone and line == place.below.strip():
        return False
    return not (alone and line == place.above.strip() and len(line) > 3 and line[0] not in CLOSERS)
