"""Which pieces a prompt holds, and in which order: relevance decides whether, stability decides where.

Pieces must not jump in and out between keystrokes, for whatever changes in a prompt has to be evaluated
again from there on. So a pack is kept while it holds (``assemble`` says when), and a new one prefers what
was in the old one and keeps its order.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from context.items import ContextItem, Source, Stability
from context.tokenised import TokenisedItems

_KEPT_ADVANTAGE = 1.25  # a piece of the previous pack stays unless a new one is that much more relevant
_LARGEST_SHARE = {  # of the budget that one source may take, so that a small budget is not one source's
    Source.IMPORTS: 0.45,  # with less, and with all of it, prompts hold as many of the names needed
    Source.PROJECT_MAP: 0.25,
    Source.HISTORY: 0.2,
    Source.PAST_CHANGES: 0.2,
    Source.RECENT_EDITS: 0.3,
    Source.DIAGNOSTICS: 0.1,
}
_CARRIED = 0.8  # of its relevance a piece keeps that was in and is no candidate any more, each time
_FADED = 0.2  # relevance below which it is let go
_LARGE_BUDGET = 32_768  # tokens from which on the shares above say too much
_KEPT_SOURCES = (
    Source.IMPORTS,
    Source.SAME_FOLDER,
    Source.TESTS,
    Source.SIMILAR_CODE,
    Source.OTHER_FILES,
    Source.PAST_CHANGES,
    Source.HISTORY,
)
_LARGE_SHARE = 0.1  # there: 12K tokens of a 128K prompt
_MATTERS = 1.0  # relevance from which a piece is worth evaluating again all that stands behind it
_FILLED = 0.8  # of a roomy budget that pieces of less relevance may fill: the rest is for later places


@dataclass(frozen=True, slots=True)
class Pack:
    """The chosen pieces with their ids, in the prompt's order. ``missed``: how many no time was left for."""

    items: tuple[tuple[ContextItem, Sequence[int]], ...] = ()
    missed: int = 0

    @property
    def tokens(self) -> int:
        """What the pieces take."""
        return sum(len(ids) for _, ids in self.items)


def choose(
    items: Iterable[ContextItem],
    budget_tokens: int,
    tokenised: TokenisedItems,
    *,
    previous: Pack | None = None,
    carry: bool = True,
    roomy: bool = False,
    grows: bool = True,
    patience_s: float | None = None,
) -> Pack:
    """The most relevant pieces that fit, most stable first.

    ``carry``: whether pieces of ``previous`` that are no candidates any more may stay for a while. ``roomy``:
    the budget is so large that evaluating it again costs more than a stale piece: what is in stays where it
    is while there is room, and the new comes behind it (``grows``; False where next to nothing was in).
    A text that was never tokenised is left for the next time once ``patience_s`` seconds are over. A whole
    file takes the place of its parts.
    """
    items = [*items]
    if roomy and grows and previous is not None and previous.items:
        grown = _grown(items, budget_tokens, tokenised, previous, patience_s)
        if grown is not None:
            return grown
    before = {(item.source, item.path, item.text): n for n, (item, _) in enumerate(_items(previous))}
    until = None if patience_s is None else time.perf_counter() + patience_s
    candidates = items + (_carried(items, previous) if carry else [])

    def worth(item: ContextItem) -> float:
        kept = (item.source, item.path, item.text) in before
        return -item.relevance * (_KEPT_ADVANTAGE if kept else 1.0)

    chosen: dict[str, list[tuple[ContextItem, Sequence[int]]]] = {}
    spent: dict[str, int] = {}
    left, missed = budget_tokens, 0
    for item in sorted(candidates, key=worth):
        same_path = chosen.get(item.path, [])
        if any(other.whole for other, _ in same_path) and (item.of_file or item.whole):
            continue
        ids = tokenised.known(item)
        if ids is None:
            if until is not None and time.perf_counter() > until:
                missed += 1
                continue
            ids = tokenised.ids(item)
        parts = [pair for pair in same_path if pair[0].of_file] if item.whole else []
        freed = sum(len(part) for _, part in parts)
        most = _most(item.source, budget_tokens)
        spare = round((1 - _FILLED) * budget_tokens) if roomy and item.relevance < _MATTERS else 0
        if len(ids) > left - spare + freed or spent.get(item.source, 0) + len(ids) > most:
            continue
        chosen[item.path] = [*(pair for pair in same_path if pair not in parts), (item, ids)]
        spent[item.source] = spent.get(item.source, 0) + len(ids)
        left += freed - len(ids)
    pairs = [pair for some in chosen.values() for pair in some]

    def place(pair: tuple[ContextItem, Sequence[int]]) -> tuple[float, int, float, str]:
        item = pair[0]
        return (
            -item.stability,
            before.get((item.source, item.path, item.text), len(before)),
            item.relevance,  # the most relevant of the new ones stands nearest to the cursor
            item.path,
        )

    return Pack(tuple(sorted(pairs, key=place)), missed)


def _most(source: str, budget_tokens: int) -> float:
    """Tokens that one source may take."""
    if source not in _LARGEST_SHARE:
        return math.inf
    files = source == Source.IMPORTS  # in large budgets these are whole files
    share = _LARGEST_SHARE[source] if budget_tokens < _LARGE_BUDGET or files else _LARGE_SHARE
    return budget_tokens * share


class _Told:
    """Which lines of which files some pieces tell of."""

    def __init__(self, items: Iterable[ContextItem]) -> None:
        self._lines: dict[str, set[str]] = {}
        for item in items:
            self.add(item)

    def add(self, item: ContextItem) -> None:
        if item.of_file:
            self._lines.setdefault(item.path, set()).update(item.text.splitlines())

    def any_of(self, path: str) -> bool:
        return path in self._lines

    def all_of(self, item: ContextItem) -> bool:
        return self._lines.get(item.path, set()).issuperset(item.text.splitlines())


def lacks(pack: Pack, items: Iterable[ContextItem]) -> bool:
    """Whether any of ``items`` matters and tells of a file what the pack does not."""
    told = _Told(item for item, _ in pack.items)
    return any(item.relevance >= _MATTERS and item.of_file and not told.all_of(item) for item in items)


def _grown(
    candidates: Sequence[ContextItem],
    budget_tokens: int,
    tokenised: TokenisedItems,
    previous: Pack,
    patience_s: float | None,
) -> Pack | None:
    """The previous pieces as they stand, with the new ones behind them; None where one that matters does not
    fit: then all is chosen anew."""
    until = None if patience_s is None else time.perf_counter() + patience_s
    now: dict[tuple[str, str], set[str]] = {}  # texts by source and path; whole ones by path alone
    for item in candidates:
        now.setdefault(("", item.path) if item.whole else (item.source, item.path), set()).add(item.text)

    def stands(item: ContextItem) -> bool:
        """Whether a piece still says the truth: no other text has taken its place."""
        key = ("", item.path) if item.whole else (item.source, item.path)
        return (item.of_file and not item.whole) or item.text in now.get(key, {item.text})

    kept = [pair for pair in previous.items if pair[0].stability >= Stability.OPEN_FILE and stands(pair[0])]
    told = _Told(item for item, _ in kept)
    about = {(item.source, item.path) for item, _ in kept if not item.of_file}
    spent: dict[str, int] = {}
    for item, ids in kept:
        spent[item.source] = spent.get(item.source, 0) + len(ids)
    left, missed = budget_tokens - sum(spent.values()), 0
    if left < 0:
        return None
    added: list[tuple[ContextItem, Sequence[int]]] = []
    behind: list[tuple[ContextItem, Sequence[int]]] = []
    for item in sorted(candidates, key=lambda item: -item.relevance):
        steady, matters = item.stability >= Stability.OPEN_FILE, item.relevance >= _MATTERS
        if steady and not item.of_file and (item.source, item.path) in about:
            continue
        if steady and item.of_file and (told.all_of(item) if matters else told.any_of(item.path)):
            continue
        ids = tokenised.known(item)
        if ids is None:
            if until is not None and time.perf_counter() > until:
                missed += 1
                continue
            ids = tokenised.ids(item)
        if spent.get(item.source, 0) + len(ids) > _most(item.source, budget_tokens):
            continue
        if len(ids) > left - (0 if matters else round((1 - _FILLED) * budget_tokens)):
            if steady and matters:
                return None
            continue
        if steady:
            added.append((item, ids))
            told.add(item)
            about.add((item.source, item.path))
        else:
            behind.append((item, ids))
        spent[item.source] = spent.get(item.source, 0) + len(ids)
        left -= len(ids)
    added.reverse()  # the most relevant of the new ones stands nearest to the cursor
    behind.sort(key=lambda pair: (-pair[0].stability, pair[0].relevance, pair[0].path))
    return Pack((*kept, *added, *behind), missed)


def _carried(candidates: Sequence[ContextItem], previous: Pack | None) -> list[ContextItem]:
    """Pieces of the previous pack that nothing speaks for now, nor against.

    Taking one out moves all that follows. Against a piece speaks a candidate that is another text of the same
    file and source, or the whole file.
    """
    there = {(item.source, item.path) for item in candidates}
    whole = {item.path for item in candidates if item.whole}
    return [
        replace(item, relevance=item.relevance * _CARRIED)
        for item, _ in _items(previous)
        if item.source in _KEPT_SOURCES
        and (item.source, item.path) not in there
        and not (item.whole and item.path in whole)
        and item.relevance * _CARRIED >= _FADED
    ]


def _items(pack: Pack | None) -> tuple[tuple[ContextItem, Sequence[int]], ...]:
    return pack.items if pack is not None else ()
