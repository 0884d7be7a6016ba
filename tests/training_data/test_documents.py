"""Texts as documents: what the tree says, holes and what stands around them, tokens with their facts."""

from __future__ import annotations

import ast
import random
import textwrap
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.fim import markers_of
from engine.loop.tokenizer import open_tokenizer
from engine.training.data.documents import LEVELS, Document, Source, Text, hole, plain, with_hole
from engine.training.data.encoding import encoded
from engine.training.data.structure import Structure
from engine.training.data.tokenizer import MARKERS, CodeTokenizer, train
from tests.training_data.packed import module

PYTHON = '''import os


LIMIT = 3


class Area(
    object,
):
    """An area."""

    def of(
        self, width: int
    ) -> int:
        if width > LIMIT:
            return os.cpu_count()
        return width * 2


def näh(wort): return wort + "✓"
'''
PYTHON_FACTS = [  # rank and level of each line
    (1, 0), (0, 0), (0, 0), (2, 0), (0, 0), (0, 0), (4, 0), (4, 1), (4, 1), (0, 1), (0, 1), (3, 1), (3, 2),
    (3, 2), (0, 2), (0, 2), (0, 2), (0, 0), (0, 0), (3, 0),
]  # fmt: skip
TYPESCRIPT = """import { a } from './a';
export const limit = 3;
interface Area {
  width: number;
}
export class Square implements Area {
  width = 1;
  of(factor: number): number {
    const twice = (n: number) => {
      return n * 2;
    };
    return twice(factor);
  }
}
"""
TYPESCRIPT_FACTS = [
    (1, 0), (2, 0), (4, 0), (0, 1), (0, 1), (4, 0), (0, 1), (3, 1), (3, 2), (0, 3), (0, 3), (0, 2), (0, 2),
    (0, 1),
]  # fmt: skip


@pytest.fixture(scope="module")
def codes(tmp_path_factory: pytest.TempPathFactory) -> CodeTokenizer:
    """A small tokenizer."""
    texts = [module(name) for name in ("alpha", "beta", "gamma")] + [PYTHON, TYPESCRIPT]
    return train(texts, tmp_path_factory.mktemp("tokenizer"), 600)


@pytest.mark.parametrize(
    ("language", "text", "facts"),
    [("python", PYTHON, PYTHON_FACTS), ("typescript", TYPESCRIPT, TYPESCRIPT_FACTS)],
)
def test_lines_have_ranks_and_levels(language: str, text: str, facts: list[tuple[int, int]]) -> None:
    """Imports 1, constants 2, signatures 3, heads of classes 4; a level for each definition around."""
    found = Structure(text.encode(), language)
    assert list(zip(found.ranks.tolist(), found.levels.tolist(), strict=True))[: len(facts)] == facts
    assert not found.is_broken
    assert Structure(text.encode()[:-9] + b"((", language).is_broken


@settings(deadline=None)  # other work beside
@given(st.sampled_from([*LEVELS]), st.integers(0, 999), st.sampled_from(["python", "typescript"]))
def test_a_hole_is_a_stretch_of_its_level(level: str, seed: int, language: str) -> None:
    """It begins and ends between letters, holds something, and statements parse by themselves."""
    text = {"python": PYTHON, "typescript": TYPESCRIPT}[language].encode()
    found = hole(Structure(text, language), level, random.Random(seed))
    if found is None:
        return
    middle = text[found.start : found.end].decode()
    assert middle.strip() or level == "character"
    if level in ("statement", "function") and language == "python":
        column = found.start - text.rfind(b"\n", 0, found.start) - 1
        ast.parse(textwrap.dedent(" " * column + middle))


@settings(deadline=None)  # other work beside
@given(st.integers(0, 9999), st.booleans())
def test_prefix_middle_and_suffix_are_the_file(seed: int, suffix_first: bool) -> None:
    """Put together in the order of the file, the three parts are one stretch of it, line by line in place."""
    text = module("whole", 12)
    source = Source("demo", "demo/whole.py", Structure(text.encode(), "python"))
    found = with_hole(source, random.Random(seed), suffix_first=float(suffix_first))
    assert found is not None
    marks = [part for part in found.parts if isinstance(part, str)]
    stretches = [part for part in found.parts if isinstance(part, Text)][-3:]
    if suffix_first:
        assert marks[-4:] == ["<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>", "<|im_end|>"]
        suffix, prefix, middle = stretches
    else:
        assert marks[-4:] == ["<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>", "<|im_end|>"]
        prefix, suffix, middle = stretches
    assert found.parts[found.answer] is middle
    joined = (prefix.data + middle.data + suffix.data).decode()
    assert joined in text
    at = text.index(joined)
    assert prefix.line == text[:at].count("\n")
    assert middle.line == prefix.line + prefix.data.count(b"\n")
    assert suffix.line == middle.line + middle.data.count(b"\n")


def test_tokens_know_their_lines(codes: CodeTokenizer) -> None:
    """Each token has the rank, the level and the number of the line that it begins on; markers have none."""
    source = Source("demo", "demo/area.py", Structure(PYTHON.encode(), "python"), age=32)
    (found,) = encoded([plain("demo", [source])], codes)
    pieces = _pieces(codes)
    assert b"".join(pieces[token] for token in found.ids) == b"demo\ndemo/area.py\n" + PYTHON.encode()
    names = {token: name for name, token in codes.ids.items()}
    assert [names[t] for t in found.ids.tolist() if t in names] == [
        "<|repo_name|>",
        "<|file_sep|>",
        "<|endoftext|>",
    ]
    at, begun = -len(b"demo\ndemo/area.py\n"), 0
    for token, rank, line, level, age in zip(
        found.ids.tolist(), found.flags.tolist(), found.line.tolist(), found.level.tolist(),
        found.age.tolist(), strict=True,
    ):  # fmt: skip
        if at >= 0 and token not in names:
            wanted = PYTHON.encode()[:at].count(b"\n")
            facts = PYTHON_FACTS[wanted] if wanted < len(PYTHON_FACTS) else (0, 0)
            assert (line, rank, level, age) == (wanted, *facts, 32)
            begun += 1
        elif token in names:
            assert (rank, line, level, age) == (0, 0, 0, 0)
        at += len(pieces[token])
    assert begun > 50
    assert found.text_bytes == codes.token_bytes[found.ids].sum()


@settings(deadline=None)  # other work beside
@given(st.text(max_size=200))
def test_every_text_comes_back(codes: CodeTokenizer, text: str) -> None:
    """Byte for byte, and the table of bytes says how many; nothing in a text is a marker."""
    data = text.encode("utf-8", "ignore")
    (ids,) = codes.encode([data.decode()])
    assert b"".join(_pieces(codes)[token] for token in ids) == data
    assert codes.token_bytes[ids].sum() == len(data)


def test_markers_in_a_text_are_letters(codes: CodeTokenizer) -> None:
    """Source code that names the markers does not end documents."""
    (ids,) = codes.encode(["".join(MARKERS)])
    assert not set(ids.tolist()) & set(codes.ids.values())


def test_training_again_gives_the_same_file(tmp_path: Path) -> None:
    """Byte for byte."""
    texts = [module(name) for name in ("alpha", "beta", "gamma", "delta")]
    for name in ("one", "two"):
        train(iter(texts), tmp_path / name, 700)
    assert (tmp_path / "one/tokenizer.json").read_bytes() == (tmp_path / "two/tokenizer.json").read_bytes()


def test_the_loop_engine_opens_it(tmp_path: Path) -> None:
    """Same ids, the family's format with files and repositories, every marker ends an answer."""
    codes = train([module(name) for name in ("alpha", "beta")], tmp_path, 500)
    opened = open_tokenizer(tmp_path, codes.size, (codes.ids["<|im_end|>"],))
    assert list(opened.encode(PYTHON)) == codes.encode([PYTHON])[0].tolist()
    markers = markers_of(opened)
    assert (markers.prefix, markers.file_separator, markers.repository) == (
        "<|fim_prefix|>",
        "<|file_sep|>",
        "<|repo_name|>",
    )
    assert opened.stop_tokens >= set(codes.ids.values())
    assert max(codes.ids.values()) == codes.size - 1


def _pieces(codes: CodeTokenizer) -> list[bytes]:
    from engine.loop.vocabulary import _bytes_of

    names = {token: name for name, token in codes._plain.get_vocab().items()}
    return [_bytes_of(names[token]) if token in names else b"" for token in range(codes.size)]


def test_answers_begin_where_they_are_said_to(codes: CodeTokenizer) -> None:
    """The token at ``answer`` is the first behind the middle's marker."""
    source = Source("demo", "demo/area.py", Structure(module("answers").encode(), "python"))
    documents = [one for n in range(40) if (one := with_hole(source, random.Random(n))) is not None]
    for found in encoded(documents, codes):
        assert found.ids[found.answer - 1] == codes.ids["<|fim_middle|>"]
        assert np.count_nonzero(found.ids == codes.ids["<|fim_middle|>"]) == 1


def test_documents_of_every_kind_have_their_axes(codes: CodeTokenizer) -> None:
    """All arrays are as long as the ids."""
    text = Text(b"plain words", age=7)
    (found,) = encoded([Document("edit", ("<|im_start|>", text, "<|im_end|>"), 1)], codes)
    assert {len(axis) for axis in (found.flags, found.line, found.age, found.level)} == {len(found.ids)}
    assert found.age.tolist() == [0, *[7] * (len(found.ids) - 2), 0]
