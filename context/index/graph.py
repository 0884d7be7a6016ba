"""Who refers to whom: edges between files from names used and defined, and PageRank over them.

Pure functions over the rows of the store. The weights are those of aider's repository map where it has them.
Plain Python on purpose: networkx wants scipy for its PageRank, and ``context`` does without numpy; the child
process that runs this has the time.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from heapq import nlargest
from math import sqrt

from context.index.store import Defined, GraphRow
from context.language import family_of

COMPOUND = 1  # flags of a defined name
PRIVATE = 2

COMPOUND_WEIGHT = 10.0  # order_total or OrderTotal is about one thing; aider's factor
PRIVATE_WEIGHT = 0.1  # _name is not meant for other files; aider's factor
COMMON_WEIGHT = 0.1  # a name that many files define says little on who is meant; aider's factor
COMMON_DEFINERS = 5  # "many" in the line above; aider's number
MOST_DEFINERS = 20  # beyond this a name says nothing, and all pairs of its users would fill the disk
SHORTEST_COMPOUND = 8  # characters; aider's number
IMPORT_WEIGHT = 20.0  # an import names its file: worth more than one compound name (10) used twice (x 1.4)
MOST_EDGES = 32  # kept per file, the strongest: the rest is noise, and 10,000 files stay below 20 MB

DAMPING = 0.85  # PageRank's usual share of following a link
MOST_ROUNDS = 30  # 0.85 ** 30 is below 1%: later rounds change no order that matters
SETTLED = 1e-4  # sum of changes, of a total of 1, that ends the rounds early

_COMPOUND = re.compile(r"[A-Za-z0-9]_[A-Za-z0-9]|[a-z][A-Z]|[A-Z][a-z].*[A-Z][a-z]")


@dataclass(frozen=True, slots=True)
class Graph:
    """Derived from all files, by position; ``files`` holds their numbers in the store.

    ``users``: in how many files a name is used. Edges ``starts[i]`` up to ``starts[i + 1]`` leave file i.
    """

    files: array[int]
    users: dict[int, int]
    starts: array[int]
    targets: array[int]
    weights: array[float]
    ranks: list[float]

    def shared_names(self) -> Iterator[tuple[int, int]]:
        """Names used in more than one file, with the number of files."""
        return ((name, count) for name, count in sorted(self.users.items()) if count > 1)

    def edges(self) -> Iterator[tuple[int, int, float]]:
        """(source, target, weight) with the store's numbers."""
        for i, source in enumerate(self.files):
            for k in range(self.starts[i], self.starts[i + 1]):
                yield source, self.files[self.targets[k]], self.weights[k]

    def ranked(self) -> Iterator[tuple[float, int]]:
        """(rank, file): 1 is the average file."""
        return ((rank * len(self.files), file) for rank, file in zip(self.ranks, self.files, strict=True))


def defined(name: str) -> Defined:
    """A defined name with what its looks say of it."""
    compound = len(name) >= SHORTEST_COMPOUND and _COMPOUND.search(name) is not None
    return Defined(name, (COMPOUND if compound else 0) | (PRIVATE if name.startswith("_") else 0))


def graph_of(rows: Callable[[], Iterable[GraphRow]], imported: Callable[[GraphRow], Sequence[str]]) -> Graph:
    """The graph over ``rows`` (read twice, both times the same); ``imported``: which paths a file imports."""
    positions: dict[str, int] = {}
    files = array("q")
    definers: dict[str, dict[int, tuple[int, ...]]] = {}  # family of languages -> name -> files
    weights: dict[int, float] = {}
    users: dict[int, int] = {}
    for position, row in enumerate(rows()):
        positions[row.path] = position
        files.append(row.file)
        by_name = definers.setdefault(family_of(row.language), {})
        for name, flags in zip(row.defined, row.flags, strict=True):
            there = by_name.get(name, ())
            if len(there) <= MOST_DEFINERS:
                by_name[name] = (*there, position)
            weights[name] = _weight(flags)
        for name in row.used:
            users[name] = users.get(name, 0) + 1
    starts, targets, strengths = array("q", [0]), array("q"), array("d")
    for position, row in enumerate(rows()):
        near = {positions[path] for path in imported(row) if path in positions} - {position}
        for target, weight in _out_edges(row, position, definers[family_of(row.language)], weights, near):
            targets.append(target)
            strengths.append(weight)
        starts.append(len(targets))
    return Graph(files, users, starts, targets, strengths, page_rank(starts, targets, strengths))


def page_rank(starts: Sequence[int], targets: Sequence[int], weights: Sequence[float]) -> list[float]:
    """PageRank of a weighted graph: edges ``starts[i]`` to ``starts[i + 1]`` leave i. The ranks sum to 1."""
    count = len(starts) - 1
    if not count:
        return []
    totals = [sum(weights[starts[i] : starts[i + 1]]) for i in range(count)]
    ranks = [1 / count] * count
    for _ in range(MOST_ROUNDS):
        loose = sum(rank for rank, total in zip(ranks, totals, strict=True) if not total)
        following = [(1 - DAMPING + DAMPING * loose) / count] * count
        for i in range(count):
            if totals[i]:
                share = DAMPING * ranks[i] / totals[i]
                for k in range(starts[i], starts[i + 1]):
                    following[targets[k]] += share * weights[k]
        moved = sum(abs(new - old) for new, old in zip(following, ranks, strict=True))
        ranks = following
        if moved < SETTLED:
            break
    return ranks


def _out_edges(
    row: GraphRow,
    position: int,
    definers: dict[int, tuple[int, ...]],
    weights: dict[int, float],
    imported: set[int],
) -> list[tuple[int, float]]:
    """The files that a file refers to, by position: the strongest, in the order of positions.

    A name that an imported file defines is that one; a name the file defines itself is its own affair.
    """
    out = dict.fromkeys(imported, IMPORT_WEIGHT)
    for name, count in zip(row.used, row.counts, strict=True):
        there = definers.get(name)
        if there is None or position in there or len(there) > MOST_DEFINERS:
            continue
        near = [target for target in there if target in imported]
        weight = weights[name] * sqrt(count)
        if not near and len(there) > COMMON_DEFINERS:
            weight *= COMMON_WEIGHT
        for target in near or there:
            out[target] = out.get(target, 0.0) + weight
    return sorted(nlargest(MOST_EDGES, out.items(), key=lambda edge: (edge[1], -edge[0])))


def _weight(flags: int) -> float:
    return (COMPOUND_WEIGHT if flags & COMPOUND else 1.0) * (PRIVATE_WEIGHT if flags & PRIVATE else 1.0)
