"""The tree finds what looking at every sequence finds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.radix_tree import RadixTree, common_prefix


def agreeing(a: list[int], b: list[int]) -> int:
    return next((n for n, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))


SEQUENCES = st.lists(st.lists(st.integers(0, 2), max_size=8), max_size=12)


@given(SEQUENCES, st.lists(st.integers(0, 2), max_size=8), st.data())
def test_finds_what_a_search_of_all_finds(sequences, wanted, data):
    tree: RadixTree[int] = RadixTree()
    numbers = [1000 + n for n in range(len(sequences))]  # larger than what Python keeps one object of
    for tokens, number in zip(sequences, numbers, strict=True):
        tree.insert(tokens, number)
    gone = data.draw(st.sets(st.sampled_from(range(len(sequences))))) if sequences else set()
    for n in gone:
        tree.remove(sequences[n], numbers[n])
    shared = {numbers[n]: agreeing(tokens, wanted) for n, tokens in enumerate(sequences) if n not in gone}
    most = max(shared.values(), default=0)
    length, found = tree.longest(wanted)
    assert length == most
    assert sorted(found) == (sorted(n for n, s in shared.items() if s == most) if most else [])


def test_what_is_not_there_cannot_be_removed():
    tree: RadixTree[str] = RadixTree()
    tree.insert([1, 2, 3], "a")
    for tokens, value in (([1, 2], "a"), ([1, 2, 3], "b"), ([4], "a")):
        with pytest.raises(KeyError):
            tree.remove(tokens, value)


@given(st.lists(st.integers(0, 1), max_size=40), st.lists(st.integers(0, 1), max_size=40))
def test_common_prefix(a, b):
    assert common_prefix(a, b) == agreeing(a, b)
