"""The evidence that has to be read from disk and history, gathered for one place in one document.

Made in the background and immutable; the request path takes the latest one as it is.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from context.document import Document
from context.facts import Facts
from context.items import ContextItem, Source, Stability
from context.sources import weights
from context.sources.receivers import Asked
from context.sources.related import outline_of, related_files, similar, whole_files
from context.sources.repository import branch, commits, function, past_changes, project_map
from context.sources.signatures import signatures
from context.sources.this_file import this_file
from context.workspace import Snapshot

CHARACTERS_PER_TOKEN = 3  # of code, at least: so many characters are gathered for each token of budget
_SPARE = 1.5  # gathered beyond the budget, since not every piece will be taken
_LARGE = 16_384  # tokens that the files around a place may not fill: the most referred-to ones follow
_MOST_RANKED = 600  # files: 128K tokens hold some 300 of ordinary size


@dataclass(frozen=True, slots=True)
class Dossier:
    """Candidate pieces for ``uri`` around ``line``. ``serial`` tells one dossier from another."""

    uri: str
    serial: int
    line: int
    version: int  # of the document it was made for
    facts: str  # what the slow facts were: another key asks for another dossier
    items: tuple[ContextItem, ...]
    complete: bool = True  # made when all of the folder and its history had been read


def make_dossier(
    snapshot: Snapshot,
    document: Document,
    line: int,
    facts: Facts,
    *,
    budget_tokens: int,
    serial: int,
    facts_key: str = "",
    complete: bool = True,
    disabled: Collection[str] = (),
) -> Dossier:
    """Gather from disk and history: some 10 to 500 milliseconds, so never while somebody waits for a key."""
    own = outline_of(document, facts.outline_of)
    asked = Asked.near(document, line, own, facts)
    related = related_files(document, line, own, asked, facts)
    room = int(budget_tokens * CHARACTERS_PER_TOKEN * _SPARE)
    items = [
        *signatures(document, line, related, asked, facts, budget_tokens),
        *this_file(document, line, own, asked, facts, budget_tokens),
        *similar(document, line, related, facts),
        *whole_files(related, facts, room),
        *project_map(facts),
        *branch(document, facts),
        *commits(document, facts),
        *function(document, line, own, facts),
        *past_changes(document, line, snapshot, facts),
    ]
    if budget_tokens >= _LARGE:
        known = {one.path for one in related}
        items += _by_rank(facts, known | {document.path}, room - sum(len(item.text) for item in items))
    wanted = tuple(item for item in items if item.source not in disabled)
    return Dossier(document.uri, serial, line, document.version, facts_key, wanted, complete)


def _by_rank(facts: Facts, known: Collection[str], most_characters: int) -> list[ContextItem]:
    """The project's most referred-to files as a whole, for budgets that nothing closer fills."""
    items, left = [], most_characters
    for n, path in enumerate(facts.ranked(_MOST_RANKED)):
        if left <= 0:
            break
        if path in known or not (text := facts.text(path)) or len(text) > left:
            continue
        left -= len(text)
        worth = weights.RANKED_FILE / (1 + n / 100)
        why = "much referred to"
        items.append(
            ContextItem(Source.OTHER_FILES, path, text, worth, Stability.CLOSED_FILE, whole=True, why=why)
        )
    return items
