"""Open documents' outlines: parsing only what changed gives what parsing all of it gives."""

from __future__ import annotations

import tracemalloc

from hypothesis import given, settings
from hypothesis import strategies as st

from context.document import Document, Edit, Position
from context.language import language_named
from context.outline import outline
from context.trees import Trees

SOURCE = '''import os
from store import prices as p


class Cart(list):
    """What is bought."""

    limit = 3

    def total(self, tax: float = 0.2) -> float:
        return sum(line.amount for line in self) * (1 + tax)


def empty(cart: Cart) -> bool:
    return not cart
'''
places = st.tuples(st.integers(0, 16), st.integers(0, 40))
texts = st.sampled_from(
    ["", "x", "\n", "def f(): ...\n", '"""', "(", "class é:\n", "    ", "👋 = 1", "import a.b\n"]
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(places, places, texts), min_size=1, max_size=6))
def test_incremental_is_fresh(changes: list[tuple[tuple[int, int], tuple[int, int], str]]) -> None:
    trees = Trees()
    document = Document.of("file:///cart.py", "cart.py", "python", 1, SOURCE)
    trees.outline_of(document)
    for version, (start, end, text) in enumerate(changes, start=2):
        document = document.apply(Edit(text, Position(*start), Position(*end)), version)
        assert trees.outline_of(document) == outline(language_named("python"), document.text)


def test_a_forgotten_document_is_parsed_anew() -> None:
    trees = Trees()
    document = Document.of("file:///cart.py", "cart.py", "python", 1, SOURCE)
    before = trees.outline_of(document)
    trees.forget(document.uri)
    assert trees.outline_of(document) == before


def test_a_document_outlined_again_and_again_takes_no_more_memory() -> None:
    trees = Trees()
    text = "".join(f"def function_{n}(value):\n    return value + {n}\n\n\n" for n in range(800))
    tracemalloc.start()
    for version in range(3):
        trees.outline_of(Document.of("file:///a.py", "a.py", "python", version, f"{text}# {version}\n"))
    before = tracemalloc.get_traced_memory()[0]
    for version in range(3, 13):
        trees.outline_of(Document.of("file:///a.py", "a.py", "python", version, f"{text}# {version}\n"))
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert grown < 2 * len(text)
