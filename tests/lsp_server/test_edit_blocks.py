"""A model's answers to new texts: found once or refused, and nothing touched that was only repeated."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from context.document import Document, Position
from context.refactor.values import Selection
from lsp_server.edit_blocks import Block, blocks_in, with_blocks, with_region
from lsp_server.edit_plan import PlanRefused


def document(text: str) -> Document:
    return Document.of("file:///a.py", "a.py", "python", 1, text)


def lines(first: int, last: int) -> Selection:
    """Whole lines, zero-based, the last one exclusive."""
    return Selection(Position(first, 0), Position(last, 0))


CODE = "class A:\n    def f(self):\n        x = 1  \n        return x\n\n    def g(self):\n        return 2\n"
DONE: list[tuple[str, str, str, str, str | None]] = [
    # what, the document, search, replace, the text after
    ("letter for letter", "a\nb\nc\n", "b\n", "B\nBB\n", "a\nB\nBB\nc\n"),
    ("without a last line end", "a\nb\nc\n", "b", "B", "a\nB\nc\n"),
    ("deleted", "a\nb\nc\n", "b\n", "", "a\nc\n"),
    ("the last line", "a\nb", "b\n", "B\n", "a\nB"),
    ("the last line deleted", "a\nb", "b\n", "", "a"),
    ("below the last line", "a\nb", "b\n", "b\nc\n", "a\nb\nc"),
    ("an empty document", "", "", "a\nb\n", "a\nb\n"),
    ("CRLF", "a\r\nb\r\nc\r\n", "b\n", "B\nBB\n", "a\r\nB\r\nBB\r\nc\r\n"),
    ("mixed line ends", "a\r\nb\nc\r\n", "b\nc\n", "x\nb\nc\n", "a\r\nx\nb\nc\r\n"),
    ("blanks at an end", CODE, "        x = 1\n        return x\n", "        x = 1\n        return x + 1\n",
     CODE.replace("return x\n", "return x + 1\n")),
    ("shifted", CODE, "x = 1\nreturn x\n", "x = 1\nif x:\n    return x\n\nreturn 0\n",
     CODE.replace("        return x\n", "        if x:\n            return x\n\n        return 0\n")),
    ("shifted back", "if a:\n  b\n  c\n", "    b\n    c\n", "    b\n    d\n", "if a:\n  b\n  d\n"),
    ("tabs", "f:\n\ta\n\tb\n", "a\nb\n", "a\n\tc\nb\n", "f:\n\ta\n\t\tc\n\tb\n"),
    ("trailing blanks taken away", "a  \nb\n", "a  \n", "a\n", "a\nb\n"),
    ("a string's inside", 'def f():\n    x = """\nin\n"""\n    return x\n', 'x = """\nin\n"""\nreturn x\n',
     'x = """\nin\n"""\nreturn y\n', None),
]  # fmt: skip


@pytest.mark.parametrize(("old", "search", "replace", "new"), [c[1:] for c in DONE], ids=[c[0] for c in DONE])
def test_a_block_is_put_where_it_was_found(old: str, search: str, replace: str, new: str | None) -> None:
    """Found letter for letter, but for blanks, or shifted by the same in all lines; nowhere else."""
    if new is None:
        with pytest.raises(PlanRefused, match="not found"):
            with_blocks(document(old), [Block(search, replace)])
    else:
        assert with_blocks(document(old), [Block(search, replace)]) == new


REFUSED: list[tuple[str, str, list[Block], str]] = [
    ("not found", "alpha\nbeta\n", [Block("betta\n", "x\n")], "nearest to its first line is line 2: `beta`"),
    ("nothing like it", "alpha\nbeta\n", [Block("zzz\n", "x\n")], "nor anything like its first line"),
    ("found twice", "a\nb\na\n", [Block("a\n", "x\n")], "stands 2 times in a.py (lines 1, 3)"),
    ("found twice but for blanks", "a \nb\na  \n", [Block("a\n", "x\n")], "stands 2 times"),
    ("no place", "a\n", [Block("", "x\n")], "does not say where"),
    ("blank place", "a\n\nb\n", [Block("\n", "x\n")], "does not say where"),
    (
        "overlap",
        "a\nb\nc\n",
        [Block("a\nb\n", "x\n"), Block("b\nc\n", "y\n")],
        "Two edits would change line 2",
    ),
    ("half a line", "total = 1\n", [Block("tal = 1\n", "x\n")], "not found"),
    ("longer than the document", "a\n", [Block("a\nb\n", "x\n")], "nearest to its first line is line 1"),
]


@pytest.mark.parametrize(("old", "blocks", "said"), [c[1:] for c in REFUSED], ids=[c[0] for c in REFUSED])
def test_a_block_without_one_place_is_refused(old: str, blocks: list[Block], said: str) -> None:
    """Every search has exactly one place, and no two share a line; the sentence says which lines."""
    with pytest.raises(PlanRefused, match=re.escape(said)):
        with_blocks(document(old), blocks)


def test_blocks_are_found_in_the_document_as_it_is() -> None:
    """What one block writes is not what another one finds; their order does not matter."""
    blocks = [Block("b\n", "a\n"), Block("a\n", "b\nb\n")]
    assert with_blocks(document("a\nb\n"), blocks) == "b\nb\na\n"
    assert with_blocks(document("a\nb\n"), blocks[::-1]) == "b\nb\na\n"


def test_a_region_bounds_the_search() -> None:
    """Where only a part was shown, the other places are not meant."""
    assert with_blocks(document("a\nb\na\n"), [Block("a\n", "x\n")], lines(1, 3)) == "a\nb\nx\n"


ANSWER = """Sure!
<<<<<<< SEARCH
a
=======
b
>>>>>>> REPLACE
and
<<<<<<< SEARCH
c
=======
>>>>>>> REPLACE
"""
BROKEN = [
    ("chatter", "I would change a to b.", "holds no edit"),
    ("empty", "", "holds no edit"),
    ("breaks off", ANSWER[:-20], "breaks off"),
    ("breaks off at once", "<<<<<<< SEARCH\n", "breaks off"),
    ("no divider", "<<<<<<< SEARCH\na\n>>>>>>> REPLACE\n", "without a dividing line"),
    ("two dividers", "<<<<<<< SEARCH\na\n=======\nb\n=======\nc\n>>>>>>> REPLACE\n", "two dividing lines"),
    ("nested", "<<<<<<< SEARCH\n<<<<<<< SEARCH\n", "inside another"),
]


def test_an_answers_blocks() -> None:
    """Blocks are read whatever stands around them."""
    assert blocks_in(ANSWER) == (Block("a\n", "b\n"), Block("c\n", ""))
    assert blocks_in(ANSWER.replace("\n", "\r\n")) == (Block("a\r\n", "b\r\n"), Block("c\r\n", ""))


@pytest.mark.parametrize(("answer", "said"), [case[1:] for case in BROKEN], ids=[case[0] for case in BROKEN])
def test_a_broken_answer_is_refused(answer: str, said: str) -> None:
    """An answer in no known form is a sentence, never half an edit."""
    with pytest.raises(PlanRefused, match=said):
        blocks_in(answer)


REGIONS: list[tuple[str, str, tuple[int, int], str, str]] = [
    ("as it was shown", CODE, (1, 4), "    def f(self):\n        x = 1\n        return x\n", CODE),
    ("without its indentation", CODE, (1, 4), "def f(self):\n    x = 1\n    return x\n", CODE),
    ("with too much", CODE, (5, 7), "\n        def g(self):\n            return 3\n\n",
     CODE.replace("2", "3")),
    ("one line more", CODE, (5, 7), "def g(self):\n    y = 2\n    return y",
     CODE.replace("return 2", "y = 2\n        return y")),
    ("a string's inside", 'class A:\n    x = """\nin\n"""\n    y = 1\n', (1, 5), 'x = """\nin\n"""\ny = 2\n',
     'class A:\n    x = """\nin\n"""\n    y = 2\n'),
    ("the whole document", "a\r\nb", (0, 2), "a\nc\n", "a\r\nc"),
    ("CRLF", "a\r\nb\r\n", (1, 2), "x\ny\n", "a\r\nx\r\ny\r\n"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("old", "region", "answer", "new"), [c[1:] for c in REGIONS], ids=[c[0] for c in REGIONS]
)
def test_a_region_written_anew(old: str, region: tuple[int, int], answer: str, new: str) -> None:
    """The first line's indentation stays, and with it that of the others; repeated lines stay as they are."""
    assert with_region(document(old), lines(*region), answer) == new


@pytest.mark.parametrize("answer", ["", "\n", "   \n\n"])
def test_an_empty_region_is_refused(answer: str) -> None:
    """A model that says nothing deletes nothing."""
    with pytest.raises(PlanRefused, match="empty"):
        with_region(document(CODE), lines(1, 4), answer)


TEXT = st.lists(st.sampled_from(["a", " b", "  c  ", "\té", "", "d"]), min_size=1, max_size=12)
ENDS = st.lists(st.sampled_from(["\n", "\r\n", "\r"]), min_size=12, max_size=12)


@given(TEXT, ENDS, st.booleans(), st.data())
def test_what_is_repeated_stays_byte_for_byte(
    texts: list[str], ends: list[str], final: bool, data: st.DataObject
) -> None:
    """A region or a block that repeats the lines it is about changes nothing, whatever their ends."""
    ended = [text + end for text, end in zip(texts, ends, strict=False)]
    old = document("".join(ended) if final else "".join(ended).rstrip("\r\n"))
    first = data.draw(st.integers(0, len(old.lines) - 1))
    last = data.draw(st.integers(first + 1, len(old.lines)))
    shown = "\n".join(old.line(line) for line in range(first, last))
    try:
        assert with_region(old, lines(first, last), shown) == old.text
        assert with_blocks(old, [Block(shown, shown)]) == old.text
    except PlanRefused as refused:
        assert not shown.strip() or "times" in str(refused) or "where it belongs" in str(refused)


def test_20_000_lines_take_less_than_a_second() -> None:
    """Ten blocks in a long document are found, and one that is not there is refused, in a second."""
    old = document("".join(f"value_{number} = {number}\n" for number in range(20_000)))
    blocks = [Block(f"value_{number} = {number}\n", f"v = {number}\n") for number in range(0, 20_000, 2_000)]
    started = time.process_time()
    assert with_blocks(old, blocks).count("v = ") == 10
    with pytest.raises(PlanRefused, match="nearest"):
        with_blocks(old, [Block("valu_77777 = 7\n", "x\n")])
    assert time.process_time() - started < 1.5
