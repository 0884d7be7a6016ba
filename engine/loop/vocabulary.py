"""The two kinds of files that hold a vocabulary: plain text to token ids, and token ids to bytes.

Both are altered on the way in, so that the bytes of a text's tokens are the text: nothing is normalised, and
no blank is put before it. They know no markers; ``added_tokens`` finds those.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

from sentencepiece import SentencePieceProcessor
from tokenizers import Tokenizer

from engine.errors import ModelCorrupt
from engine.loop.config import read_object

BLANK = "▁"  # how SentencePiece writes a blank, so that it cannot read the letter itself
_BYTE_TOKEN = re.compile(r"<0x([0-9A-F]{2})>")
# Protobuf: normalizer_spec with no precompiled_charsmap, no add_dummy_prefix and no remove_extra_whitespaces.
# Appended to a serialised model it is merged into it, and what comes last wins.
_AS_WRITTEN = bytes.fromhex("1a06 1200 1800 2000")
_UNICODE_FORMS = ("NFC", "NFD", "NFKC", "NFKD")
_ALTERING = (
    *_UNICODE_FORMS,
    "BertNormalizer",
    "Lowercase",
    "Nmt",
    "Precompiled",
    "Prepend",
    "Strip",
    "StripAccents",
)
# byte-level vocabularies write each byte as a printable letter (GPT-2's table)
_PRINTABLE = (*range(33, 127), *range(161, 173), *range(174, 256))
_BYTE_OF = {chr(byte): byte for byte in _PRINTABLE} | {
    chr(256 + place): byte for place, byte in enumerate(b for b in range(256) if b not in _PRINTABLE)
}


class Vocabulary(Protocol):
    """What a file knows without its added tokens. Any thread may ask."""

    size: int
    begin: tuple[int, ...]
    """What the file, or the class that usually reads it, puts before every text."""
    controls: dict[str, int]
    """Tokens without text, by name."""

    def encode(self, text: str) -> list[int]:
        """Token ids of ``text``. Letters without a token become the unknown one, where there is one."""
        ...

    def token(self, name: str) -> int | None:
        """The token of that name, as the file writes it."""
        ...

    def pieces(self) -> list[bytes]:
        """The bytes of every token, in order; empty for those without text."""
        ...


class SentencePieceVocabulary:
    """``tokenizer.model``. Raises ModelCorrupt."""

    def __init__(self, file: Path) -> None:
        try:
            data = file.read_bytes()
            SentencePieceProcessor(model_proto=data)  # a torn file might be whole again with what is appended
            self._processor = SentencePieceProcessor(model_proto=data + _AS_WRITTEN)
        except (OSError, RuntimeError, ValueError) as error:  # ValueError: the file is empty
            raise ModelCorrupt(f"{file} cannot be read as a SentencePiece model: {error}.") from None
        self.size = self._processor.get_piece_size()
        ids = list(range(self.size))
        controls = [
            token for token, control in zip(ids, self._processor.is_control(ids), strict=True) if control
        ]
        self.controls = {self._processor.id_to_piece(token): token for token in controls}
        first = self._processor.bos_id()
        self.begin = (first,) if first >= 0 else ()
        self._blank_sign = _blank_sign(self.token, self._processor.unk_id())

    def encode(self, text: str) -> list[int]:
        """See ``Vocabulary.encode``."""
        return _encode_around_blank_signs(self._processor.encode, self._blank_sign, text)

    def token(self, name: str) -> int | None:
        """See ``Vocabulary.token``."""
        found = self._processor.piece_to_id(name)
        return None if found == self._processor.unk_id() else found

    def pieces(self) -> list[bytes]:
        """See ``Vocabulary.pieces``."""
        model, ids = self._processor, list(range(self.size))
        silent = zip(model.is_control(ids), model.is_unknown(ids), model.is_unused(ids), strict=True)
        facts = zip(model.id_to_piece(ids), model.is_byte(ids), silent, strict=True)
        return [b"" if any(kinds) else _unescaped(piece, is_byte) for piece, is_byte, kinds in facts]


class JsonVocabulary:
    """``tokenizer.json``: byte-level, or SentencePiece's ways in another library. Raises ModelCorrupt."""

    def __init__(self, file: Path) -> None:
        raw = read_object(file)
        parts = {name: raw.get(name) for name in ("normalizer", "pre_tokenizer")}
        ways = json.dumps(parts, ensure_ascii=False)
        self._byte_level = '"ByteLevel"' in ways
        if not self._byte_level and BLANK not in ways:
            raise ModelCorrupt(
                f"{file} holds a tokenizer that is neither byte-level nor SentencePiece's; "
                "CodeFlow reads no other."
            )
        try:
            plain = raw | {name: _as_written(part) for name, part in parts.items()}
            plain |= {"added_tokens": [], "truncation": None, "padding": None}
            self._tokenizer = Tokenizer.from_str(json.dumps(plain))
            self._tokens = self._tokenizer.get_vocab(with_added_tokens=False)
            self._byte_tokens = bool(raw["model"].get("byte_fallback"))
            self._unknown = self._unknown_token(raw["model"])
        except Exception as error:  # the library raises nothing more specific
            raise ModelCorrupt(f"{file} cannot be read as a tokenizer: {error}.") from None
        self.added = raw.get("added_tokens")
        self.size = max(self._tokens.values(), default=-1) + 1
        self.controls: dict[str, int] = {}
        self.begin = self._put_before()
        self._blank_sign = _blank_sign(self.token, self._unknown)

    def encode(self, text: str) -> list[int]:
        """See ``Vocabulary.encode``."""
        if self._byte_level:
            return self._plain(text)
        return _encode_around_blank_signs(self._plain, self._blank_sign, text)

    def token(self, name: str) -> int | None:
        """See ``Vocabulary.token``."""
        return self._tokens.get(name)

    def pieces(self) -> list[bytes]:
        """See ``Vocabulary.pieces``."""
        found = [b""] * self.size
        for name, token in self._tokens.items():
            if self._byte_level:
                found[token] = _bytes_of(name)
            elif token != self._unknown:
                found[token] = _unescaped(name, self._byte_tokens and bool(_BYTE_TOKEN.fullmatch(name)))
        return found

    def _plain(self, text: str) -> list[int]:
        return self._tokenizer.encode(text, add_special_tokens=False).ids

    def _unknown_token(self, model: dict[str, Any]) -> int | None:
        """Unigram models have it as a number, the others as a text."""
        return self._tokens.get(model.get("unk_token") or "", model.get("unk_id"))

    def _put_before(self) -> tuple[int, ...]:
        encoded = self._tokenizer.encode("a", add_special_tokens=True)
        mask = encoded.special_tokens_mask
        return tuple(encoded.ids[: mask.index(0) if 0 in mask else 0])


def _as_written(part: Any) -> Any:
    """A normalizer or a pre-tokenizer, without what would alter a text beyond writing blanks as ``BLANK``."""
    kind = part.get("type") if part else None
    if kind == "Sequence":
        name = "normalizers" if "normalizers" in part else "pretokenizers"
        return part | {name: [kept for one in part[name] if (kept := _as_written(one))]}
    if kind == "Metaspace":
        return {
            "type": kind,
            "replacement": part["replacement"],
            "prepend_scheme": "never",
            "split": part.get("split", True),
        }
    if kind == "ByteLevel" and "add_prefix_space" in part:
        return part | {"add_prefix_space": False}
    if kind == "Replace" and (part.get("pattern"), part.get("content")) != ({"String": " "}, BLANK):
        return None
    return None if kind in _ALTERING else part


def _encode_around_blank_signs(
    encode: Callable[[str], list[int]], sign: Sequence[int], text: str
) -> list[int]:
    """``BLANK`` in a text would be read as a blank, so it goes in as bytes."""
    first, *others = text.split(BLANK)
    ids = list(encode(first)) if first else []
    for part in others:
        ids += sign
        if part:
            ids += encode(part)
    return ids


def _blank_sign(token: Callable[[str], int | None], unknown: int | None) -> list[int]:
    ids = [token(f"<0x{byte:02X}>") for byte in BLANK.encode()]
    found = ids if None not in ids else [unknown]
    return [one for one in found if one is not None]


def _unescaped(piece: str, is_byte: bool) -> bytes:
    return bytes.fromhex(piece[3:5]) if is_byte else piece.replace(BLANK, " ").encode()


def _bytes_of(piece: str) -> bytes:
    try:
        return bytes(_BYTE_OF[letter] for letter in piece)
    except KeyError:  # no byte's letter: a token that was put there as plain text
        return piece.encode()
