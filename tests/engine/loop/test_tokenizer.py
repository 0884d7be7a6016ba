"""Tokenizers of checkpoints: real ones of each kind, small and trained here, in the published layout."""

from __future__ import annotations

import codecs
import json
import re
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sentencepiece import SentencePieceProcessor
from tokenizers import Tokenizer, models, pre_tokenizers

from engine.errors import BackendError, ModelCorrupt
from engine.fim import FAMILIES, markers_of
from engine.loop.tokenizer import LoopTokenizer, open_tokenizer
from tests.engine.loop.tiny_tokenizer import (
    LISTED,
    PUBLISHED,
    write_byte_level,
    write_metaspace,
    write_tokenizer,
)

ROOT = Path(__file__).parents[3]
NAMES = tuple(text for text, _ in PUBLISHED)
SPECIAL = [text for text, special in PUBLISHED if special]
SHOWN = [text for text, special in PUBLISHED if not special]
ALTERING = {
    "add_dummy_prefix": True,
    "normalization_rule_name": "nmt_nfkc",
    "remove_extra_whitespaces": True,
}
KINDS: dict[str, Callable[[Path], int]] = {
    "published": write_tokenizer,
    "altering": lambda folder: write_tokenizer(folder, **ALTERING),
    "unigram": lambda folder: write_tokenizer(folder, model_type="unigram", **ALTERING),
    "markers in the model": lambda folder: write_tokenizer(
        folder, user_defined_symbols=["<|fim_prefix|>", "<think>", "    "], control_symbols=["<|im_end|>"]
    ),
    "byte-level": write_byte_level,
    "Metaspace": write_metaspace,
    "Metaspace unigram": lambda folder: write_metaspace(folder, unigram=True),
    "Llama's": lambda folder: write_metaspace(folder, prepended=True),
}
FRAGMENTS = (
    *("\r\n", "\n\n", "\t", "  ", " " * 9, "\0", "x", "def f(self):", "    return"),
    *("▁", "▁▁", "ﬁ", "e\u0301", "é", "漢字", "𝒳", "👩‍💻", "\ufffd", "\ufeff", "\u2028", "\u3000", "\xa0"),
    *("<0x0A>", "<0xE2>", "<unk>", "<s>", "</s>", "<|", "|>", "<", "</", "think>"),
    *NAMES,
    *LISTED,
)
TEXTS = st.lists(st.one_of(st.text(max_size=6), st.sampled_from(FRAGMENTS)), max_size=12).map("".join)


@pytest.fixture(scope="session")
def tokenizers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, LoopTokenizer]:
    opened = {}
    for kind, write in KINDS.items():
        folder = tmp_path_factory.mktemp("tokenizer")
        opened[kind] = open_tokenizer(folder, write(folder) + 5, ())
    return opened


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, LoopTokenizer]:
    folder = tmp_path_factory.mktemp("published")
    return folder, open_tokenizer(folder, write_tokenizer(folder), (2, 9))


def joined(tokenizer: LoopTokenizer, ids: tuple[int, ...]) -> bytes:
    return b"".join(tokenizer.piece(token) for token in ids)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=150, deadline=None)
@given(text=TEXTS)
@example(text="".join(FRAGMENTS))
@example(text=" ".join(reversed(FRAGMENTS)))
@example(text="  x\r\n\t\ty  \n")
def test_the_bytes_of_a_texts_tokens_are_the_text(
    tokenizers: dict[str, LoopTokenizer], kind: str, text: str
) -> None:
    """Whatever the text; and what looks like a marker in it is no marker."""
    tokenizer = tokenizers[kind]
    ids = tokenizer.encode(text)
    assert joined(tokenizer, ids) == text.encode()
    assert not any(tokenizer.is_control(token) for token in ids)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=50, deadline=None)
@given(text=TEXTS)
@example(text="<|fim_prefix|>  a\n<|fim_suffix|>\r\n<|fim_middle|>" + "".join(NAMES))
def test_markers_are_read_where_they_are_meant(
    tokenizers: dict[str, LoopTokenizer], kind: str, text: str
) -> None:
    """Between them the text is encoded as it would be alone."""
    tokenizer = tokenizers[kind]
    known = [
        name for name in (*NAMES, *LISTED, "<unk>", "<s>", "</s>") if tokenizer.marker_token(name) is not None
    ]
    expected: list[int] = []
    for part in re.split(f"({'|'.join(map(re.escape, known))})", text):
        marker = tokenizer.marker_token(part)
        expected += tokenizer.encode(part) if marker is None else [marker]
    assert tokenizer.encode(text, special=True) == tuple(expected)


@pytest.mark.parametrize("kind", KINDS)
def test_every_published_marker_is_one_token(tokenizers: dict[str, LoopTokenizer], kind: str) -> None:
    """Those with special=false are shown as text and end nothing; the others are never shown."""
    tokenizer = tokenizers[kind]
    for name in NAMES:
        token = tokenizer.marker_token(name)
        assert token is not None and tokenizer.is_control(token)
        assert tokenizer.encode(name, special=True) == (token,) and len(tokenizer.encode(name)) > 1
        assert tokenizer.piece(token) == (name.encode() if name in SHOWN else b"")
        assert (token in tokenizer.stop_tokens) is (name not in SHOWN)
    assert (
        tokenizer.marker_token("")
        is tokenizer.marker_token("def")
        is tokenizer.marker_token("<|no|>")
        is None
    )
    markers, qwen = markers_of(tokenizer), FAMILIES["qwen"]
    assert (markers, markers.repository) == (qwen, "<|repo_name|>")


@pytest.mark.parametrize("kind", KINDS)
def test_pieces_are_those_of_every_id(tokenizers: dict[str, LoopTokenizer], kind: str) -> None:
    """Ids that are no token have none, nor have numbers beyond."""
    tokenizer = tokenizers[kind]
    size = tokenizer.vocabulary_size
    assert list(tokenizer.pieces) == [tokenizer.piece(token) for token in range(size)]
    assert set(tokenizer.pieces[-5:]) == {b""} == {tokenizer.piece(-1), tokenizer.piece(size)}
    assert {bytes([byte]) for byte in range(128)} <= set(tokenizer.pieces)
    assert not any(tokenizer.pieces[token] for token in tokenizer.stop_tokens)


@pytest.mark.parametrize("kind", KINDS)
def test_a_stream_of_pieces_is_text_at_every_moment(tokenizers: dict[str, LoopTokenizer], kind: str) -> None:
    """No blank's sign, no half letters: an incremental decoder is all that it takes."""
    tokenizer, text = tokenizers[kind], "  größe = '漢字 👩‍💻'\n\tx"
    decoder, shown = codecs.getincrementaldecoder("utf-8")(), ""
    for token in tokenizer.encode(text):
        shown += decoder.decode(tokenizer.piece(token))
        assert text.startswith(shown)
    assert shown == text


@pytest.mark.parametrize("kind", KINDS)
def test_half_of_a_pair_is_replaced(tokenizers: dict[str, LoopTokenizer], kind: str) -> None:
    """Editors send lone surrogates now and then."""
    for text in ("a\ud83db", "\ude00", "x\ud83d"):
        ids = tokenizers[kind].encode(text)
        assert joined(tokenizers[kind], ids).decode() == re.sub("[\ud800-\udfff]", "\ufffd", text)


@pytest.mark.parametrize("kind", KINDS)
def test_threads_may_encode_at_once(tokenizers: dict[str, LoopTokenizer], kind: str) -> None:
    texts = (ROOT / "engine" / "prefill.py").read_text(encoding="utf-8").splitlines(keepends=True)
    alone = [tokenizers[kind].encode(text) for text in texts]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(4):
            assert list(pool.map(tokenizers[kind].encode, texts)) == alone


def test_ids_are_those_of_the_library(published: tuple[Path, LoopTokenizer]) -> None:
    """On code the published kind of tokenizer gives what SentencePiece itself gives."""
    folder, tokenizer = published
    reference = SentencePieceProcessor(model_file=str(folder / "tokenizer.model"))
    code = (ROOT / "engine" / "engine.py").read_text(encoding="utf-8")
    for text in (code, *code.splitlines(keepends=True), "\r\n\t x  ", "größe 漢字 👩‍💻"):
        assert list(tokenizer.encode(text)) == reference.encode(text)


def test_ids_are_those_of_the_other_library(tmp_path: Path) -> None:
    """As long as no blank is put before a text, and its letters are in the usual form already."""
    tokenizer = open_tokenizer(tmp_path, write_byte_level(tmp_path), ())
    raw = json.loads((tmp_path / "tokenizer.json").read_text())
    raw["pre_tokenizer"]["add_prefix_space"] = False
    reference = Tokenizer.from_str(json.dumps(raw))
    code = (ROOT / "engine" / "engine.py").read_text(encoding="utf-8")
    for text in (code, *code.splitlines(keepends=True), "\r\n\t x  ", "größe 漢字 👩‍💻"):
        assert list(tokenizer.encode(text)) == reference.encode(text).ids
    text = "<|im_start|>user\nx <think> y</think><|im_end|>\n"
    assert list(tokenizer.encode(text, special=True)) == reference.encode(text).ids


def test_names_without_an_id_get_the_next_ones(published: tuple[Path, LoopTokenizer]) -> None:
    """As transformers numbers them; the model has rows for them, which end an answer if they ever come."""
    folder, tokenizer = published
    last = tokenizer.marker_token(NAMES[-1])
    assert last is not None
    listed = [tokenizer.marker_token(name) for name in LISTED]
    assert listed == list(range(last + 1, last + 1 + len(LISTED)))
    assert set(listed) <= tokenizer.stop_tokens
    shorter = open_tokenizer(folder, last + 3, ())
    assert [shorter.marker_token(name) for name in LISTED] == [last + 1, last + 2, None, None, None]


def test_generation_ends_at_every_end_and_control_token(published: tuple[Path, LoopTokenizer]) -> None:
    _, tokenizer = published
    names = [*SPECIAL, *LISTED, "<unk>", "<s>", "</s>"]
    assert tokenizer.stop_tokens == {2, 9, *map(tokenizer.marker_token, names)}
    assert tokenizer.fim_token_texts() == {}


def changed(folder: Path, **changes: Any) -> None:
    file = folder / "tokenizer_config.json"
    config = json.loads(file.read_text()) if file.exists() else {}
    file.write_text(json.dumps(config | changes))


def test_what_stands_before_every_prompt(tmp_path: Path) -> None:
    """add_bos_token decides; where it is silent, the class that reads the file, or what the file does."""
    size = write_tokenizer(tmp_path / "model")
    metaspace = write_metaspace(tmp_path / "json")
    byte_level = write_byte_level(tmp_path / "bytes")

    def begin(folder: str, size: int, **changes: Any) -> tuple[int, ...]:
        changed(tmp_path / folder, **changes)
        return open_tokenizer(tmp_path / folder, size, ()).bos_tokens

    assert begin("model", size) == ()
    assert begin("model", size, add_bos_token=True) == (1,)
    assert begin("model", size, add_bos_token=True, bos_token={"content": "<|im_start|>"}) == (485,)
    assert begin("model", size, add_bos_token=None) == (1,)
    assert begin("json", metaspace) == (1,)
    assert begin("json", metaspace, add_bos_token=False) == ()
    assert begin("bytes", byte_level) == ()


def test_added_text_is_text(tmp_path: Path) -> None:
    """A run of blanks that is one token is read in any text, and shown."""
    size = write_tokenizer(tmp_path)
    table = json.loads((tmp_path / "tokenizer_config.json").read_text())["added_tokens_decoder"]
    table[str(size)] = {"content": " " * 8, "special": False}
    changed(tmp_path, added_tokens_decoder=table)
    tokenizer = open_tokenizer(tmp_path, size + 1, ())
    text = " " * 8 + "x\n" + " " * 9 + "<think>"
    for special in (False, True):
        ids = tokenizer.encode(text, special=special)
        assert ids.count(size) == 2 and joined(tokenizer, ids) == text.encode()
    assert not tokenizer.is_control(size) and tokenizer.marker_token(" " * 8) is None


def test_without_tokens_for_bytes_unknown_letters_are_lost_and_nothing_else(tmp_path: Path) -> None:
    size = write_tokenizer(tmp_path, byte_fallback=False, user_defined_symbols=["\n", "\t"])
    tokenizer = open_tokenizer(tmp_path, size, ())
    assert joined(tokenizer, tokenizer.encode("  x = '\U0001f600'\n\t▁y")) == b"  x = ''\n\ty"


def test_a_model_without_a_config_has_its_own_markers(tmp_path: Path) -> None:
    write_tokenizer(tmp_path, user_defined_symbols=["<fim_prefix>", "<fim_suffix>", "<fim_middle>"])
    (tmp_path / "tokenizer_config.json").unlink()
    tokenizer = open_tokenizer(tmp_path, 480, ())
    fim = [tokenizer.marker_token(f"<fim_{part}>") for part in ("prefix", "suffix", "middle")]
    assert markers_of(tokenizer).prefix == "<fim_prefix>"
    assert tokenizer.stop_tokens == {1, 2, *fim} and not any(map(tokenizer.piece, tokenizer.stop_tokens))
    assert joined(tokenizer, tokenizer.encode("<fim_prefix>")) == b"<fim_prefix>"


def word_level(folder: Path) -> None:
    Tokenizer(models.WordLevel({"a": 0}, "a")).save(str(folder / "tokenizer.json"))


def losing_blanks(folder: Path) -> None:
    tokenizer = Tokenizer(models.BPE({letter: token for token, letter in enumerate("abc")}, []))
    split = [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(split)
    tokenizer.save(str(folder / "tokenizer.json"))


def torn(name: str) -> Callable[[Path], None]:
    def tear(folder: Path) -> None:
        (write_tokenizer if name.endswith("model") else write_byte_level)(folder)
        file = folder / name
        file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])

    return tear


def written(name: str, content: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_text(content)


def configured(**changes: Any) -> Callable[[Path], object]:
    return lambda folder: (write_tokenizer(folder), changed(folder, **changes))


UNUSABLE: dict[str, tuple[Callable[[Path], object], str]] = {
    "nothing": (lambda folder: None, "has neither tokenizer.json nor tokenizer.model"),
    "torn model": (torn("tokenizer.model"), r"tokenizer\.model cannot be read as a SentencePiece model"),
    "empty model": (
        written("tokenizer.model", ""),
        r"tokenizer\.model cannot be read as a SentencePiece model",
    ),
    "no model": (
        written("tokenizer.model", "x" * 999),
        r"tokenizer\.model cannot be read as a SentencePiece",
    ),
    "torn JSON": (torn("tokenizer.json"), r"tokenizer\.json cannot be read"),
    "other JSON": (written("tokenizer.json", '{"version": "1.0"}'), "neither byte-level nor SentencePiece's"),
    "half a JSON": (
        written("tokenizer.json", '{"pre_tokenizer": {"type": "ByteLevel"}, "model": {}}'),
        r"tokenizer\.json cannot be read as a tokenizer",
    ),
    "words": (word_level, "neither byte-level nor SentencePiece's"),
    "blanks get lost": (losing_blanks, r"tokenizer\.json does not give code back as it was"),
    "torn config": (
        lambda folder: (write_tokenizer(folder), written("tokenizer_config.json", "{")(folder)),
        r"tokenizer_config\.json cannot be read",
    ),
    "a list for a table": (configured(added_tokens_decoder=[1]), "added_tokens_decoder should be a table"),
    "a name for an id": (
        configured(added_tokens_decoder={"x": {"content": "<a>"}}),
        r"tokenizer_config\.json: the added token {'content': '<a>'} with the id 'x'",
    ),
    "no text": (configured(added_tokens_decoder={"7": {"special": True}}), "the added token"),
}


@pytest.mark.parametrize("name", UNUSABLE)
def test_what_cannot_be_used_is_refused_by_name(name: str, tmp_path: Path) -> None:
    write, sentence = UNUSABLE[name]
    write(tmp_path)
    with pytest.raises(ModelCorrupt, match=sentence) as found:
        open_tokenizer(tmp_path, 1000, ())
    assert str(tmp_path) in str(found.value) and str(found.value).endswith(".")


def test_a_vocabulary_larger_than_the_model_is_refused(published: tuple[Path, LoopTokenizer]) -> None:
    """Its ids would be looked up beyond the embedding's end."""
    with pytest.raises(
        ModelCorrupt, match=r"tokenizer\.model has 480 tokens, but config\.json's vocab_size is 479"
    ):
        open_tokenizer(published[0], 479, ())


@pytest.mark.parametrize("package", ["sentencepiece", "tokenizers"])
def test_a_missing_package_is_named(package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who has torch need not have them."""
    monkeypatch.delitem(sys.modules, "engine.loop.vocabulary")
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(
        BackendError, match=rf"needs the package {package}: pip install 'codeflow-lsp\[loop\]'"
    ):
        open_tokenizer(tmp_path, 480, ())
