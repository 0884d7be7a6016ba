"""Raw model text to what is shown: a pure function, held by the golden cases in tests/golden/shown.toml.

``trim`` never invents code; it cuts, puts indentation and line ends as the document has them, and adds back
closing characters that the editor had typed already and that the item's range replaces.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from lsp_server.brackets import CLOSERS, state_after
from lsp_server.closers import with_tail, without_overlap
from lsp_server.indentation import begin
from lsp_server.place import Place, width
from lsp_server.statement import Cut, cut

_SPECIAL = re.compile(
    r"<\|[A-Za-z_▁ ]{2,24}\|>|<(?:fim_\w+|PRE|SUF|MID|EOT|file_sep|repo_name)>|</?s>|<｜[^｜]{2,24}｜>"
)
_BEGUN_SPECIAL = re.compile(r"<\|[a-z_]{2,24}\Z|<｜[^｜]{0,24}\Z")  # the limit came in the middle of it
_WORD = re.compile(r"[^\W\d]\w+")
_LINE_END = re.compile(r"[ \t]*(?:\r\n|\r|\n)")
_SIGNS = {"#", "//", "/*", "/**", "*", "--", '"""', "'''"}
_MOST_BLANK_LINES = 4  # before anything else comes; the model has nothing to say


@dataclass(frozen=True, slots=True)
class Shown:
    """What an editor is told: ``text`` (with the document's line ends) replaces ``replaced`` code points of
    the line from the cursor on."""

    text: str
    replaced: int = 0


def is_finished(place: Place, raw: str) -> bool:
    """Whether more text would not be shown anyway: the engine may stop. Cheap; called after every token."""
    return _cut(place, raw).is_final


def trim(place: Place, raw: str) -> Shown | None:
    """What to show of ``raw``, or None where nothing useful is left."""
    text = _cut(place, raw).text
    text = text.rstrip() if place.tail_is_replaced else without_overlap(place, text)
    if not _is_useful(place, text) or not (place.tail_is_replaced or _fits_before_tail(place, text)):
        return None
    replaced = 0
    if place.tail_is_replaced and place.tail:
        text, replaced = with_tail(place, text), len(place.tail)
        if text == place.tail.rstrip():
            return None
    return Shown(text.replace("\n", place.line_end), replaced)


def _cut(place: Place, raw: str) -> Cut:
    """The part of ``raw`` that may be shown, with the document's indentation and plain line ends."""
    special = _SPECIAL.search(raw)
    ends = special or _BEGUN_SPECIAL.search(raw)
    text = _LINE_END.sub("\n", raw[: ends.start()] if ends else raw)
    head, written = _repeated_head(place), text.lstrip(" \t")
    may_repeat = bool(head) and special is None and head.startswith(written)
    if head and written.startswith(head):
        text = written[len(head) :]
    if text.count("\n", 0, len(text) - len(text.lstrip(" \t\n"))) > _MOST_BLANK_LINES:
        return Cut("", True)
    begun = begin(place, text)
    if begun is None or not begun.text:
        return Cut("", begun is not None or special is not None)
    kept, is_final = cut(place, begun)
    return Cut(kept, (is_final and not may_repeat) or special is not None)


def _repeated_head(place: Place) -> str:
    """What stands on the line before the cursor, where a model that writes it again hardly means it: not one
    word, which may well be there twice."""
    head = place.head.strip()
    return head if len(_WORD.findall(head)) > 1 else ""


def _fits_before_tail(place: Place, text: str) -> bool:
    """Whether the rest of the line stays what it is: behind no open bracket, in no string, in no comment."""
    without = state_after(place.tail, place.language, place.at_cursor)
    with_text = state_after(text + place.tail, place.language, place.at_cursor)
    return with_text.inside == without.inside and len(with_text.opened) <= len(without.opened)


def _is_useful(place: Place, text: str) -> bool:
    """Whether there is anything to show: neither blank, nor there already, nor a lone comment sign."""
    bare = text.strip()
    if not bare or bare in _SIGNS or bare == place.language.comment:
        return False
    if place.head.strip() or "\n" in text:
        return True
    repeats = bare == place.above.strip() and width(place.head + text) == width(place.above)
    return not repeats or len(bare) <= 3 or bare[0] in CLOSERS
