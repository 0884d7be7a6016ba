"""The project's map: the signatures that the workspace refers to most, and those nearest to what is edited.

It turns an index and a focus into one small text per file. Half of the room goes to the files that matter
whatever is being edited, so that half of the map never changes with the focus; files stand in the order of
their paths, so that the rest changes in few places. Pure but for questions to the index.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from math import sqrt
from typing import Protocol

from context.index.graph import COMMON_DEFINERS, COMMON_WEIGHT, PRIVATE_WEIGHT
from context.outline import Outline, Symbol, qualified, render_outline

EVERYWHERE_SHARE = 0.5  # of the lines: files chosen without the focus, which therefore stay
LINES_PER_FILE = 12  # a map shows many files; who needs all of one opens it
CANDIDATES = 256  # highest ranked files looked at: more than any map has room for

_SYMBOLS_PER_FILE = 10  # leaves room for the classes around them
_UNCUT = 1_000  # lines: what does not fit is left out by its use, not by its place in the file
_CODE = frozenset({"function", "method"})  # what is inside of these is nobody else's


class Known(Protocol):
    """What a map asks of an index."""

    def outline(self, path: str) -> Outline | None: ...  # noqa: D102 - as in Index
    def use(self, name: str) -> tuple[int, int]: ...  # noqa: D102
    def rank(self, path: str) -> float: ...  # noqa: D102
    def linked(self, path: str) -> tuple[tuple[str, float], ...]: ...  # noqa: D102
    def top(self, most: int) -> tuple[tuple[str, float], ...]: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class MapEntry:
    """One file of the map. ``text`` is its skeleton without its path.

    ``near``: it stands in the half of the map that goes by the focus; the other half stays as it is.
    """

    path: str
    text: str
    weight: float
    near: bool

    @property
    def lines(self) -> int:
        """The lines it takes in a map: its path and its text."""
        return 1 + self.text.count("\n")


def map_files(index: Known, *, focus: Collection[str], most_lines: int) -> tuple[MapEntry, ...]:
    """The files of the map in the order of their paths; with their paths at most ``most_lines`` lines.

    ``focus`` is the files being edited. They may be in the map themselves: who shows them whole drops them.
    """
    everywhere = index.top(CANDIDATES)
    chosen = dict(_fitting(index, everywhere, int(most_lines * EVERYWHERE_SHARE), near=False, there=()))
    left = most_lines - sum(entry.lines for entry in chosen.values())
    chosen |= _fitting(index, _near(index, focus, everywhere), left, near=True, there=chosen)
    return tuple(chosen[path] for path in sorted(chosen))


def project_map(index: Known, *, focus: Collection[str], most_lines: int) -> str:
    """The map as one text: each file's path, a colon, its skeleton; "" where nothing is known."""
    return "".join(
        f"{entry.path}:\n{entry.text}" for entry in map_files(index, focus=focus, most_lines=most_lines)
    )


def _near(
    index: Known, focus: Collection[str], everywhere: Iterable[tuple[str, float]]
) -> list[tuple[str, float]]:
    """Files by closeness to the focus and rank, the best first; behind them those that matter everywhere.

    The root of the rank, for ranks span four orders of magnitude, and closeness shall decide.
    """
    closeness: dict[str, float] = {}
    for path in sorted(set(focus)):
        linked = index.linked(path)
        for other, weight in linked:
            closeness[other] = closeness.get(other, 0.0) + weight / linked[0][1] / len(focus)
    scores = {path: close * sqrt(index.rank(path)) for path, close in closeness.items()}
    linked_first = sorted(scores.items(), key=lambda scored: (-scored[1], scored[0]))
    return [*linked_first, *((path, rank) for path, rank in everywhere if path not in scores)]


def _fitting(
    index: Known,
    scored: Iterable[tuple[str, float]],
    most_lines: int,
    *,
    near: bool,
    there: Collection[str],
) -> Iterator[tuple[str, MapEntry]]:
    """The best files that fit into ``most_lines``, without those already there."""
    for path, weight in scored:
        if most_lines < 2:  # a path and one line
            return
        if path in there:
            continue
        text = _skeleton(index, path, min(LINES_PER_FILE, most_lines - 1))
        if text:
            entry = MapEntry(path, text, weight, near)
            most_lines -= entry.lines
            yield path, entry


def _skeleton(index: Known, path: str, most_lines: int) -> str:
    """The signatures of a file that other files use most, with the classes around them; "" without any."""
    outline = index.outline(path)
    if outline is None:
        return ""
    holders = {qualified(each): each for each in outline.symbols}
    weighed = [
        (-_use(index, each.name), number)
        for number, each in enumerate(outline.symbols)
        if not any(holder.kind in _CODE for holder in _around(each, holders))
    ]
    best = [outline.symbols[number] for _, number in sorted(weighed)[: min(_SYMBOLS_PER_FILE, most_lines)]]
    for most in range(len(best), 0, -1):
        shown = set(best[:most]).union(*(_around(each, holders) for each in best[:most]))
        part = replace(outline, symbols=tuple(each for each in outline.symbols if each in shown))
        lines = render_outline(part, most_lines=_UNCUT).splitlines()
        if len(lines) <= most_lines:
            return "".join(line + "\n" for line in lines)
    return ""


def _around(symbol: Symbol, holders: Mapping[str, Symbol]) -> list[Symbol]:
    """The symbols around one, the outermost first."""
    names = symbol.parent.split(".") if symbol.parent else []
    prefixes = (".".join(names[: end + 1]) for end in range(len(names)))
    return [holders[name] for name in prefixes if name in holders]


def _use(index: Known, name: str) -> float:
    """How much the workspace uses a symbol, as far as its name says who is meant."""
    users, definers = index.use(name)
    weight = users / max(1, definers)
    if definers > COMMON_DEFINERS:
        weight *= COMMON_WEIGHT
    if name.startswith("_"):
        weight *= PRIVATE_WEIGHT
    return weight
