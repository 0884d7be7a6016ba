"""The project's map: the signatures that the workspace refers to most, and those nearest to what is edited.

It turns an index and a focus into one small text per file. Half of the room goes to the files that matter
whatever is being edited, so that half of the map never changes with the focus; files stand in the order of
their paths, so that the rest changes in few places. Pure but for questions to the index.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from context.index.graph import COMMON_DEFINERS, COMMON_WEIGHT, PRIVATE_WEIGHT
from context.outline import Outline, Symbol, render_outline

EVERYWHERE_SHARE = 0.5  # of the lines: files chosen without the focus, which therefore stay
CLOSENESS = (
    4.0  # times its rank for the file most linked with the focus: links outweigh all but the most used files
)
LINES_PER_FILE = 12  # a map shows many files; who needs all of one opens it
CANDIDATES = 256  # highest ranked files looked at: more than any map has room for

_SYMBOLS_PER_FILE = 10  # leaves room for the classes around them
_LEAST_CUT = 3  # lines of a file that was cut: below it stands little but how much is missing
_UNCUT = 1_000  # lines: what does not fit is left out by its use, not by its place in the file


class Known(Protocol):
    """What a map asks of an index."""

    def outline(self, path: str) -> Outline | None: ...  # noqa: D102 - as in Index
    def defining(self, name: str) -> tuple[str, ...]: ...  # noqa: D102
    def users(self, name: str) -> int: ...  # noqa: D102
    def rank(self, path: str) -> float: ...  # noqa: D102
    def linked(self, path: str) -> tuple[tuple[str, float], ...]: ...  # noqa: D102
    def top(self, most: int) -> tuple[tuple[str, float], ...]: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class MapEntry:
    """One file of the map. ``text`` is its skeleton without its path; ``near``: here for the focus's sake."""

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
    """Files by rank times closeness to the focus, the best first."""
    closeness: dict[str, float] = {}
    for path in sorted(set(focus)):
        linked = index.linked(path)
        for other, weight in linked:
            closeness[other] = closeness.get(other, 0.0) + weight / linked[0][1] / len(focus)
    ranks = dict(everywhere) | {path: index.rank(path) for path in closeness}
    scores = {path: rank * (1 + CLOSENESS * closeness.get(path, 0.0)) for path, rank in ranks.items()}
    return sorted(scores.items(), key=lambda scored: (-scored[1], scored[0]))


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
    """The signatures of a file that other files use most; "" where it has none."""
    outline = index.outline(path)
    if outline is None or not outline.symbols:
        return ""
    weights: dict[str, float] = {}
    for symbol in outline.symbols:
        weights[symbol.name] = max(weights.get(symbol.name, 0.0), _use(index, symbol))
    best = sorted(weights, key=lambda name: (-weights[name], name))
    for most in range(min(_SYMBOLS_PER_FILE, most_lines, len(best)), 0, -1):
        lines = render_outline(outline, names=frozenset(best[:most]), most_lines=_UNCUT).splitlines()
        if len(lines) <= most_lines:
            break
    else:  # a class with many members: they are cut
        names = frozenset(best[:_SYMBOLS_PER_FILE])
        lines = render_outline(outline, names=names, most_lines=most_lines).splitlines()
        if len(lines) < _LEAST_CUT:
            return ""
    return "".join(line + "\n" for line in lines)


def _use(index: Known, symbol: Symbol) -> float:
    """How much the workspace uses a symbol, as far as its name says who is meant."""
    definers = max(1, len(index.defining(symbol.name)))
    weight = index.users(symbol.name) / definers
    if definers > COMMON_DEFINERS:
        weight *= COMMON_WEIGHT
    if symbol.name.startswith("_"):
        weight *= PRIVATE_WEIGHT
    return weight
