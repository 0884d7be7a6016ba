"""A vocabulary on disk: what is read is what was made, and anything else is as if there were none."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.catalog import resolve
from engine.demanded_text import DemandedText
from engine.kept_vocabulary import KeptVocabulary, read, write
from engine.llama.model import LlamaModel

PIECES = [b"a", b"", b"ab", b" ", b"\xff\x00", b"a", b"b" * 300]


@given(st.lists(st.binary(max_size=5), max_size=40))
def test_what_is_read_is_what_was_made(tmp_path_factory: pytest.TempPathFactory, pieces: list[bytes]):
    """Pieces, order and what is looked up by them."""
    path = tmp_path_factory.mktemp("kept") / "one.bin"
    made = DemandedText(pieces)
    write(path, made.pieces, made.order)
    found = read(path)
    assert found is not None and (found.pieces, found.order) == (pieces, made.order)
    assert found.sorted_pieces == made.sorted_pieces
    for rest in (b"a", b"ab", b"\x00"):
        assert found.allowed(rest).tolist() == made.allowed(rest).tolist()


@pytest.mark.parametrize("damage", [b"", b"CFVOCAB1", bytes(200)])
def test_a_damaged_file_is_none(tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: bytes):
    """It is logged, and written anew."""
    kept = KeptVocabulary(tmp_path, "model")
    assert kept.of(len(PIECES)) is None and not caplog.text
    kept.keep(DemandedText(PIECES))
    (file,) = tmp_path.iterdir()
    assert KeptVocabulary(tmp_path, "other").of(len(PIECES)) is None
    assert KeptVocabulary(tmp_path, "model").of(len(PIECES) + 1) is None
    again = KeptVocabulary(tmp_path, "model").of(len(PIECES))
    assert again is not None and again.pieces == PIECES
    file.write_bytes(damage or file.read_bytes()[:-1] + b"x")
    assert KeptVocabulary(tmp_path, "model").of(len(PIECES)) is None and "made again" in caplog.text


def test_a_folder_that_cannot_be_written_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    """The start goes on."""
    (tmp_path / "file").write_text("")
    kept = KeptVocabulary(tmp_path / "file", "model")
    kept.keep(DemandedText(PIECES))
    assert kept.of(len(PIECES)) is None and "not kept" in caplog.text


@pytest.mark.model
def test_a_models_own(tmp_path: Path):
    """The second opening has from the file what the first had from llama.cpp."""
    path = resolve("smollm2-135m").path
    models = [
        LlamaModel(path, vocabulary_only=True, kept=KeptVocabulary(tmp_path, "one") if kept else None)
        for kept in (False, True, True)
    ]
    pieces = []
    for model in models:
        pieces.append([*model.pieces])
        model.close()
    assert pieces[0] == pieces[1] == pieces[2] and len(pieces[0]) > 40_000
    assert len(list(tmp_path.iterdir())) == 1
