"""Edges and ranks from names: what counts as a reference to a file, and how much."""

from __future__ import annotations

from array import array
from math import isclose

import pytest
from hypothesis import given
from hypothesis import strategies as st

from context.index.graph import (
    COMMON_DEFINERS,
    COMMON_WEIGHT,
    COMPOUND_WEIGHT,
    IMPORT_WEIGHT,
    MOST_DEFINERS,
    MOST_EDGES,
    PRIVATE_WEIGHT,
    Graph,
    defined,
    graph_of,
    page_rank,
)
from context.index.store import GraphRow, name_key


def row(file: int, path: str, *, defines: str = "", uses: str = "", language: str = "python") -> GraphRow:
    names = [defined(name) for name in defines.split()]
    counts: dict[str, int] = {}
    for name in uses.split():
        counts[name] = counts.get(name, 0) + 1
    return GraphRow(
        file=file,
        path=path,
        language=language,
        defined=array("q", (name_key(each.name) for each in names)),
        flags=bytes(each.flags for each in names),
        used=array("q", map(name_key, counts)),
        counts=array("H", counts.values()),
        imports=b"[]",
    )


def graph(*rows: GraphRow, imports: dict[str, list[str]] | None = None) -> Graph:
    return graph_of(lambda: rows, lambda each: (imports or {}).get(each.path, []))


def weight(name: str) -> float:
    """The weight of one use of a name that one other file defines."""
    edges = list(graph(row(1, "a", defines=name), row(2, "b", uses=name)).edges())
    assert [edge[:2] for edge in edges] == [(2, 1)]
    return edges[0][2]


@pytest.mark.parametrize(
    ("name", "factor"),
    [
        ("price", 1.0),
        ("order_total", COMPOUND_WEIGHT),
        ("orderTotal", COMPOUND_WEIGHT),
        ("OrderTotal", COMPOUND_WEIGHT),
        ("a_total", 1.0),
        ("Quotation", 1.0),
        ("_price", PRIVATE_WEIGHT),
        ("_order_total", COMPOUND_WEIGHT * PRIVATE_WEIGHT),
    ],
)
def test_what_a_name_weighs(name: str, factor: float) -> None:
    """Long compound names say much, private ones little."""
    assert isclose(weight(name), factor)


def test_often_used() -> None:
    """Four uses weigh twice as much as one."""
    assert (
        weight("price") * 2
        == next(graph(row(1, "a", defines="price"), row(2, "b", uses="price price price price")).edges())[2]
    )


def test_its_own_names() -> None:
    """A name that a file defines itself is no reference to others that define it, too."""
    assert not list(graph(row(1, "a", defines="price"), row(2, "b", defines="price", uses="price")).edges())


def test_imported_definers() -> None:
    """A name that several files define is that of the imported one."""
    rows = [row(number, f"a{number}", defines="price") for number in range(3)]
    found = list(graph(*rows, row(9, "b", uses="price"), imports={"b": ["a1"]}).edges())
    assert found == [(9, 1, IMPORT_WEIGHT + 1.0)]


def test_common_names() -> None:
    """A name that many files define weighs little, one that very many define nothing."""

    def found(definers: int) -> list[float]:
        rows = [row(number, f"a{number:03}", defines="price") for number in range(definers)]
        return [edge[2] for edge in graph(*rows, row(999, "b", uses="price")).edges()]

    assert found(COMMON_DEFINERS) == [1.0] * COMMON_DEFINERS
    assert found(COMMON_DEFINERS + 1) == [COMMON_WEIGHT] * (COMMON_DEFINERS + 1)
    assert found(MOST_DEFINERS + 1) == []


def test_languages() -> None:
    """JavaScript uses the names of TypeScript, Python does not."""
    definer = row(1, "a", defines="price", language="typescript")
    script = row(2, "b", uses="price", language="javascript")
    snake = row(3, "c", uses="price")
    assert [edge[:2] for edge in graph(definer, script, snake).edges()] == [(2, 1)]


def test_the_strongest_edges_are_kept() -> None:
    """A file that refers to very many others keeps the strongest references."""
    rows = [row(number, f"a{number:03}", defines=f"name{number}") for number in range(MOST_EDGES + 9)]
    uses = " ".join(f"name{number} " * (2 if number >= 9 else 1) for number in range(MOST_EDGES + 9))
    targets = [edge[1] for edge in graph(*rows, row(999, "b", uses=uses)).edges()]
    assert targets == list(range(9, MOST_EDGES + 9))


def test_shared_names() -> None:
    """Names are counted once per file that uses them; those used in one file only are left out."""
    found = graph(row(1, "a", uses="price price total"), row(2, "b", uses="price"))
    assert list(found.shared_names()) == [(name_key("price"), 2)]


def test_who_is_referred_to_ranks_first() -> None:
    """The file that all refer to ranks above the average, those that refer below it."""
    ranks = {
        file: rank
        for rank, file in graph(
            row(1, "a", defines="price"), row(2, "b", uses="price"), row(3, "c", uses="price")
        ).ranked()
    }
    assert ranks[1] > 1 > ranks[2] == ranks[3]


def test_no_files() -> None:
    """An empty folder has an empty graph."""
    assert list(graph().ranked()) == []


@st.composite
def weighted(draw: st.DrawFn) -> list[dict[int, float]]:
    count = draw(st.integers(1, 12))
    out = st.dictionaries(st.integers(0, count - 1), st.floats(0.1, 100), max_size=count)
    return draw(st.lists(out, min_size=count, max_size=count))


@given(weighted())
def test_page_rank_is_the_fixed_point(out: list[dict[int, float]]) -> None:
    """The ranks sum to 1 and are what a surfer's next step leaves as it is, within the tolerance."""
    starts, targets, weights = [0], [], []
    for edges in out:
        targets += edges
        weights += edges.values()
        starts.append(len(targets))
    ranks = page_rank(starts, targets, weights)
    count = len(out)
    following = [0.15 / count] * count
    for i, edges in enumerate(out):
        for k in range(count):
            share = edges.get(k, 0.0) / sum(edges.values()) if edges else 1 / count
            following[k] += 0.85 * ranks[i] * share
    assert isclose(sum(ranks), 1, rel_tol=1e-9)
    assert sum(abs(new - old) for new, old in zip(following, ranks, strict=True)) < 0.02
