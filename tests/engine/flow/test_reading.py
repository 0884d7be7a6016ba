"""Which tokens are pinned, and where they stand, read off a token stream."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.flow.reading import CLASS, CONSTANT, IMPORT, SIGNATURE, Marks, Reading, read

FILE, PREFIX, SUFFIX, MIDDLE = range(4)
MARKS = Marks(
    [b"", b"", b"", b"", *(bytes([byte]) for byte in range(256))], SUFFIX, MIDDLE, frozenset((FILE, PREFIX))
)

# rank of the line once it is read, level, text of the line
PYTHON = """\
1 0 import os
1 0 from a import (
1 0     b,
1 0 )
0 0
2 0 LIMIT = 3
0 0 limit = 3
4 0 class Point(Base):
0 1     x: int = 0
0 1     LIMIT = 3
3 1     def at(
3 1         self, x: int
3 1     ) -> int:
0 2         classes = [self.x]
0 2         if x:
0 2             return x
3 1     async def go(self): pass
0 0 print(1)
3 0 def last(): pass
"""
GO = """\
1 0 package main
3 0 func (p *Point) At(x int) int {
0 1 \treturn x
0 0 }
"""
TYPESCRIPT = """\
1 0 import { a } from "b";
2 0 export const LIMIT = 3;
4 0 export abstract class Point {
0 1   x = 0;
3 1   async function* go(a, b) {
0 2     return a;
0 1   }
0 0 }
"""


def tokens(text: str) -> list[int]:
    return [4 + byte for byte in text.encode()]


@pytest.mark.parametrize("table", [PYTHON, GO, TYPESCRIPT], ids=["Python", "Go", "TypeScript"])
def test_lines_by_how_they_begin(table: str) -> None:
    """Each line's rank, number and level are those of the table, as of the line's last letter."""
    rows = [line.split(" ", 2) for line in table.splitlines()]
    lines = [row[2] if len(row) > 2 else "" for row in rows]
    text = "".join(f"{line}\n" for line in lines)
    flags, positions, _ = read(MARKS, Reading(), tokens(text))
    at = -1
    for number, (row, line) in enumerate(zip(rows, lines, strict=True)):
        at += len(line) + 1
        if not line:
            continue
        assert (flags[at - 1], positions[at - 1]) == (int(row[0]), (number, 0, int(row[1]))), line


def test_ranks_are_those_of_the_training_data() -> None:
    """Served ranks mean what they mean in training."""
    from engine.training.data import structure

    wanted = (structure.IMPORT, structure.CONSTANT, structure.SIGNATURE, structure.CLASS)
    assert wanted == (IMPORT, CONSTANT, SIGNATURE, CLASS)


def test_markers() -> None:
    """A file begins on line 0; the middle goes on where the prefix ended, the suffix too."""
    prefix, suffix, middle = (
        tokens("class A:\n    def f(self):\n        "),
        tokens("\nx = 1\n"),
        tokens("return\n"),
    )
    text = [*tokens("a\nb\n"), PREFIX, *prefix, SUFFIX, *suffix, MIDDLE, *middle, FILE, *tokens("a")]
    flags, positions, _ = read(MARKS, Reading(), text)
    assert positions[3] == (1, 0, 0)
    assert positions[4] == positions[5] == (0, 0, 0)
    start = 5 + len(prefix)
    assert positions[start + len(suffix) - 1] == (3, 0, 0)
    assert positions[start + 1 + len(suffix)] == positions[start + 2 + len(suffix)] == (2, 0, 2)
    assert positions[-1] == (0, 0, 0)
    assert [flags[i] for i in (4, start, start + 1 + len(suffix))] == [0, 0, 0]


LETTERS = [*tokens("def (\n\t xA=:[]import"), FILE, PREFIX, SUFFIX, MIDDLE]


@given(st.lists(st.sampled_from(LETTERS), max_size=60), st.data())
def test_in_parts_as_a_whole(text: list[int], data: st.DataObject) -> None:
    """A stream that is read in two parts gives what it gives at once."""
    cut = data.draw(st.integers(0, len(text)))
    whole = read(MARKS, Reading(), text)
    first = read(MARKS, Reading(), text[:cut])
    second = read(MARKS, first[2], text[cut:])
    assert (first[0] + second[0], first[1] + second[1], second[2]) == whole
