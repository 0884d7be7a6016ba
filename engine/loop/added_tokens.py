"""The tokens that a checkpoint adds to its vocabulary: markers, and now and then pieces of text.

From tokenizer.json, tokenizer_config.json and the vocabulary itself to one table. Encodes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from engine.errors import ModelCorrupt
from engine.fim import FAMILIES
from engine.loop.tokenizer import token_name
from engine.loop.vocabulary import JsonVocabulary, Vocabulary

_FIM_TEXTS = frozenset(
    text
    for family in FAMILIES.values()
    for text in (family.prefix, family.suffix, family.middle, family.file_separator, family.repository)
    if text
)
_BRACKETS = (("<", ">"), ("[", "]"))


class Kind(Enum):
    """What an added token is to a reader."""

    CONTROL = "is never shown, and ends an answer"
    MARKER = "is shown: <think>, <tool_call>; a text that holds it means its letters"
    TEXT = "is text like any other: a run of blanks, say"


@dataclass(frozen=True, slots=True)
class AddedToken:
    """``text`` is what the token is called, and what it stands for."""

    text: str
    token: int
    kind: Kind


def added_tokens(
    vocabulary: Vocabulary, config: Mapping[str, Any], folder: Path, vocabulary_size: int
) -> tuple[AddedToken, ...]:
    """Every added token, each text and each id once; ``config`` is tokenizer_config.json.

    Where files disagree, tokenizer_config.json is right. Tokens beyond ``vocabulary_size`` are left out: the
    model has no rows for them. Raises ModelCorrupt.
    """
    found: dict[int, AddedToken] = {}
    for text, token in vocabulary.controls.items():
        found[token] = AddedToken(text, token, Kind.CONTROL)
    for text in sorted(_FIM_TEXTS):
        if (token := vocabulary.token(text)) is not None:
            found[token] = AddedToken(text, token, Kind.CONTROL)
    for text, token, special in (*_of_json(vocabulary, folder), *_of_config(config, folder)):
        found[token] = AddedToken(text, token, _kind(text, special))
    known = {one.text for one in found.values()}
    free = max(vocabulary.size, *(token + 1 for token in found), 0)
    for text in dict.fromkeys(_named(config)):
        if text not in known:  # as transformers does: the vocabulary's own token, or else the next free id
            token = vocabulary.token(text)
            token, free = (free, free + 1) if token is None else (token, free)
            found[token] = AddedToken(text, token, Kind.CONTROL)
    by_text = {one.text: one for one in found.values() if one.token < vocabulary_size}
    return tuple(by_text.values())


def _kind(text: str, special: bool) -> Kind:
    if special or text in _FIM_TEXTS:
        return Kind.CONTROL
    bracketed = any(text.startswith(first) and text.endswith(last) for first, last in _BRACKETS)
    return Kind.MARKER if bracketed and len(text) > 2 else Kind.TEXT


def _of_json(vocabulary: Vocabulary, folder: Path) -> Iterator[tuple[str, int, bool]]:
    if isinstance(vocabulary, JsonVocabulary):
        file = folder / "tokenizer.json"
        for entry in _entries(vocabulary.added, list, file, "added_tokens"):
            yield _entry(entry, entry.get("id") if isinstance(entry, dict) else None, file)


def _of_config(config: Mapping[str, Any], folder: Path) -> Iterator[tuple[str, int, bool]]:
    file = folder / "tokenizer_config.json"
    table = _entries(config.get("added_tokens_decoder"), dict, file, "added_tokens_decoder")
    for written, entry in table.items():
        yield _entry(entry, int(written) if written.isdecimal() else written, file)


def _entries(value: Any, kind: type, file: Path, name: str) -> Any:
    if value is not None and not isinstance(value, kind):
        raise ModelCorrupt(f"{file}: {name} should be a table of tokens, not {type(value).__name__}.")
    return value or kind()


def _entry(entry: Any, token: Any, file: Path) -> tuple[str, int, bool]:
    text = token_name(entry) if isinstance(entry, dict) else None
    if text is None or isinstance(token, bool) or not isinstance(token, int) or token < 0:
        raise ModelCorrupt(f"{file}: the added token {entry!r} with the id {token!r} makes no sense.")
    return text, token, bool(entry.get("special"))


def _named(config: Mapping[str, Any]) -> Iterator[str]:
    """Tokens that are listed by name only, in the older and the newer way."""
    for key in ("additional_special_tokens", "extra_special_tokens"):
        listed = config.get(key) or []
        for value in (
            listed.values() if isinstance(listed, dict) else listed if isinstance(listed, list) else ()
        ):
            if text := token_name(value):
                yield text
