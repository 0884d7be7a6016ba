"""Of related files the signatures that matter at a place: what the code there names, and the members of what
its values are.

A small budget gets few lines of each file: one file's must not take the place of everything else, so which
of them are shown is chosen symbol by symbol.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from context.document import Document
from context.facts import Facts
from context.items import ContextItem, Source, Stability
from context.outline import Outline, Symbol, qualified, render_outline
from context.sources import weights
from context.sources.names import Used, names_near
from context.sources.receivers import AT_CURSOR, Asked
from context.sources.related import Related

_MOST_CHARACTERS = 12_000  # of one file, however large the budget
_FEWEST_CHARACTERS = 800  # of one file, however small the budget
_CHARACTERS_PER_TOKEN = 0.55  # of the budget: signatures have 3 and more, so one file takes a sixth of it
_NEXT_SHARE = 1.8  # times as many of a file whose members may come next
DOCS_FROM = 4_096  # tokens of budget from which on signatures bring the first line of their docs
_LONG = 110  # characters of a signature: below that budget longer ones lose their last parameters
_UNCUT = 10_000  # lines: what is shown is chosen here
_PRIVATE = 0.3  # of its worth that a private name keeps: it is seldom used from elsewhere
_LEAST_EVIDENCE = 0.9  # for a symbol in small budgets: what only code far away names is left out there
_SURE = 3.0  # evidence for a symbol from which on it is sure that it matters


def signatures(
    document: Document,
    line: int,
    related: Iterable[Related],
    asked: Asked,
    facts: Facts,
    budget_tokens: int,
) -> list[ContextItem]:
    """Of each related file the signatures that the code here names or may name next, or the most used ones
    where it names none. ``asked``: of what something is asked near ``line``."""
    place = _Place(Used.in_(document), names_near(document, line), asked, facts)
    most = room_for_one(budget_tokens)
    least = 0.0 if budget_tokens >= DOCS_FROM else _LEAST_EVIDENCE
    items = []
    for one in related:
        shape = facts.outline(one.path)
        if shape is None or not shape.symbols:
            continue
        found = {symbol: place.speaks_for(one.path, symbol) for symbol in shape.symbols}
        evidence = {symbol: amount for symbol, amount in found.items() if amount > least}
        worths = {symbol: amount + place.use(symbol) for symbol, amount in evidence.items()}
        if worths:
            next_here = any(asked.weight(one.path, symbol) >= AT_CURSOR for symbol in worths)
            named = list(dict.fromkeys(symbol.name for symbol in sorted(worths, key=lambda s: -worths[s])))
            nearby = any(name in place.near for name in named)
            sure = min(1.0, max(evidence.values()) / _SURE)
            room = int(most * (_NEXT_SHARE if next_here else 1))
            share = weights.NEXT_HERE if next_here else 1.0 if nearby else weights.FAR_SHARE
            share *= weights.UNSURE_SHARE + (1 - weights.UNSURE_SHARE) * sure
            why = f"{one.why}; {', '.join(named[:4])} {'may come next' if next_here else 'used here'}"
        else:
            worths = {symbol: place.use(symbol) for symbol in shape.symbols}
            room = most if one.source == Source.IMPORTS else most // 2
            share, why = weights.UNNAMED_SHARE, one.why
            if one.source != Source.IMPORTS:
                base = weights.TESTED if one.source == Source.TESTS else weights.SAME_FOLDER
                share = base / weights.USED_SYMBOLS
        text = skeleton(shape, worths, room, whole=budget_tokens >= DOCS_FROM)
        if text.strip():
            worth = weights.USED_SYMBOLS * one.closeness * share
            items.append(ContextItem(one.source, one.path, text, worth, Stability.CLOSED_FILE, why=why))
    return items


@dataclass(frozen=True, slots=True)
class _Place:
    """What a place tells of which symbols matter to it."""

    here: Used
    near: Counter[str]
    asked: Asked
    facts: Facts

    def speaks_for(self, path: str, symbol: Symbol) -> float:
        """How much of what stands here is about a symbol; 0 where nothing is.

        That its name is used here says little where many files define such a name.
        """
        if symbol.name.startswith("__"):
            return 0.0
        parent, asked = symbol.parent.rpartition(".")[2], self.asked.weight(path, symbol)
        named = 0.0
        if self.here.names(symbol):
            named = (min(3, self.near[symbol.name]) + 0.5) / math.sqrt(max(1, self.facts.use(symbol.name)[1]))
        belongs = min(3, self.near[parent]) / 3 if parent else 0.0
        return (named + asked + belongs) * (_PRIVATE if _is_private(symbol) else 1.0)

    def use(self, symbol: Symbol) -> float:
        """How much the workspace uses the symbol, as far as its name says who is meant."""
        users, definers = self.facts.use(symbol.name)
        return 0.5 * math.log1p(users / max(1, definers))


def _is_private(symbol: Symbol) -> bool:
    return symbol.name.startswith(("_", "#"))


def room_for_one(budget_tokens: int) -> int:
    """Characters that one file's signatures may take."""
    return max(_FEWEST_CHARACTERS, min(_MOST_CHARACTERS, int(budget_tokens * _CHARACTERS_PER_TOKEN)))


def skeleton(shape: Outline, worths: Mapping[Symbol, float], room: int, *, whole: bool) -> str:
    """The worthiest symbols with the classes around them, as far as ``room`` characters go. ``whole``: with
    their docs and every parameter."""
    holders = {qualified(symbol): symbol for symbol in shape.symbols}
    chosen: dict[Symbol, Symbol] = {}
    for symbol in sorted(worths, key=lambda symbol: -worths[symbol]):
        new = {one: one if whole else _short(one) for one in (*_around(symbol, holders), symbol)}
        room -= sum(_length(one) for known, one in new.items() if known not in chosen)
        if room < 0:
            break
        chosen |= new
    shown = tuple(chosen[symbol] for symbol in shape.symbols if symbol in chosen)
    return render_outline(replace(shape, symbols=shown), most_lines=_UNCUT)


def _length(symbol: Symbol) -> int:
    """About as many characters as a symbol takes in a skeleton."""
    return len(symbol.signature) + len(symbol.doc) + (10 if symbol.parent else 6)


def _short(symbol: Symbol) -> Symbol:
    """A symbol without its doc, and without the last of many parameters."""
    signature = symbol.signature
    if len(signature) > _LONG:
        depth, cut = 0, 0
        for at, letter in enumerate(signature[:_LONG]):
            depth += (letter in "([{<") - (letter in ")]}>")
            cut = at if letter == "," and depth == 1 else cut
        signature = f"{signature[:cut]}, ...)" if cut else signature[:_LONG]
    return replace(symbol, signature=signature, doc="")


def _around(symbol: Symbol, holders: Mapping[str, Symbol]) -> list[Symbol]:
    names = symbol.parent.split(".") if symbol.parent else []
    prefixes = (".".join(names[: end + 1]) for end in range(len(names)))
    return [holders[name] for name in prefixes if name in holders]
