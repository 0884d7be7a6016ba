"""The rest of a document that is longer than the window around the cursor: its signatures, and its passages
that use the names used here.

Told under a heading of its own, since the same file follows in the prompt.
"""

from __future__ import annotations

from context.document import Document
from context.facts import Facts
from context.items import ContextItem, Source, Stability
from context.outline import Outline, Symbol
from context.sources import weights
from context.sources.names import names_near
from context.sources.receivers import Asked
from context.sources.signatures import DOCS_FROM, room_for_one, skeleton
from context.sources.similar_code import similar_chunks

FROM_TOKENS = 8_192  # of budget: in less it took the place of what other files say, and cost matches
_ABOVE_CHARACTERS = 1.2  # per token of budget, that the window surely reaches above the cursor
_BELOW_CHARACTERS = 0.4  # and below it
_ANY = 0.3  # worth of a symbol that nothing here speaks for
_MOST_PASSAGES = 3


def this_file(
    document: Document, line: int, own: Outline, asked: Asked, facts: Facts, budget_tokens: int
) -> list[ContextItem]:
    """Pieces of the document's parts that the window around ``line`` does not reach; none of a short one, nor
    in a small budget."""
    if budget_tokens < FROM_TOKENS:
        return []
    start, end = _reach(document, line, budget_tokens)
    if start == 0 and end >= len(document.lines):
        return []
    near = names_near(document, line)

    def worth(symbol: Symbol) -> float:
        return min(3, near[symbol.name]) + asked.weight(document.path, symbol) + _ANY

    outside = {
        symbol: worth(symbol) for symbol in own.symbols if symbol.end_line < start or symbol.line >= end
    }
    text = skeleton(own, outside, room_for_one(budget_tokens), whole=budget_tokens >= DOCS_FROM)
    items = []
    if text.strip():
        items.append(_item(document, "signatures", text, weights.THIS_FILE, "what else this file defines"))
    parts = {"above": "".join(document.lines[:start]), "below": "".join(document.lines[end:])}
    found = similar_chunks(near, parts, facts.rarity, dict.fromkeys(parts, 1.0))
    for n, chunk in enumerate(found[:_MOST_PASSAGES]):
        why = f"{chunk.similarity:.0%} like the code here: {', '.join(chunk.shared[:4])}"
        value = weights.SIMILAR_CODE * chunk.similarity
        items.append(_item(document, f"{chunk.path} {n + 1}", chunk.text, value, why))
    return items


def _item(document: Document, what: str, text: str, worth: float, why: str) -> ContextItem:
    heading = f"{document.path} ({what})"
    return ContextItem(Source.THIS_FILE, heading, text, worth, Stability.PLACE, why=why)


def _reach(document: Document, line: int, budget_tokens: int) -> tuple[int, int]:
    """The lines that surely stand in the window: the first of them, and the first after them."""
    start, left = line, int(budget_tokens * _ABOVE_CHARACTERS)
    while start > 0 and left > 0:
        start -= 1
        left -= len(document.lines[start])
    end, left = line + 1, int(budget_tokens * _BELOW_CHARACTERS)
    while end < len(document.lines) and left > 0:
        left -= len(document.lines[end])
        end += 1
    return start, end
