"""The tokenizer of a checkpoint's folder: text to token ids, and token ids to bytes.

Reads tokenizer.json, or else tokenizer.model, and tokenizer_config.json; runs no code that comes with them.
The bytes of a text's tokens are the text, byte for byte. Knows no weights, and no conversation.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import BackendError, ModelCorrupt
from engine.loop.config import read_object

if TYPE_CHECKING:
    from engine.loop.added_tokens import AddedToken
    from engine.loop.vocabulary import Vocabulary

_PROBE = "def f(x):\n\treturn {'a': 1}  # b\n\n    pass\n"


class LoopTokenizer:
    """See ``engine.backend.Tokenizer``, and ``engine.llama.model.LlamaModel``, which makes the same promises.

    ``vocabulary_size`` is that of the model's embedding; ids without a token have no piece.
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        added: Sequence[AddedToken],
        *,
        vocabulary_size: int,
        ends: tuple[int, ...] = (),
        begin: tuple[int, ...] = (),
    ) -> None:
        from engine.loop.added_tokens import Kind

        self.vocabulary_size, self.bos_tokens = vocabulary_size, begin
        self._vocabulary, self._added, self._ends = vocabulary, added, ends
        self._tokens = {one.text: one.token for one in added}
        self._markers = {one.text: one.token for one in added if one.kind is not Kind.TEXT}
        self._marker_tokens = frozenset(self._markers.values())
        self._texts = {one.text: one.token for one in added if one.kind is Kind.TEXT}
        self._control = frozenset(one.token for one in added if one.kind is Kind.CONTROL)
        self._with_markers = re.compile(_alternatives(self._tokens, ()))
        self._without_markers = re.compile(_alternatives(self._texts, self._markers))

    def encode(self, text: str, *, special: bool = False) -> tuple[int, ...]:
        """Token ids of ``text``; no begin-of-text token is added. Lone surrogates become U+FFFD.

        Markers are read as such only where ``special`` is set; otherwise they are their letters.
        """
        pattern, tokens = (
            (self._with_markers, self._tokens) if special else (self._without_markers, self._texts)
        )
        text, ids, at = _without_lone_surrogates(text), [], 0
        for found in pattern.finditer(text):
            token = tokens.get(found[0])  # None: only the first letter of what must not become a token
            ids += self._plain(text[at : found.end() if token is None else found.start()])
            if token is not None:
                ids.append(token)
            at = found.end()
        return (*ids, *self._plain(text[at:]))

    def piece(self, token: int) -> bytes:
        """The bytes a token stands for; empty for control tokens."""
        return self.pieces[token] if 0 <= token < self.vocabulary_size else b""

    @cached_property
    def pieces(self) -> Sequence[bytes]:
        """``piece`` of every token id, in order (0.1 s for 76,000 tokens, once)."""
        found = self._vocabulary.pieces()
        found += [b""] * (self.vocabulary_size - len(found))
        for one in self._added:
            found[one.token] = b"" if one.token in self._control else one.text.encode()
        return found

    @cached_property
    def stop_tokens(self) -> frozenset[int]:
        """End-of-generation tokens, every control token, every FIM marker: none of them is ever shown."""
        return self._control | {token for token in self._ends if token < self.vocabulary_size}

    def fim_token_texts(self) -> dict[str, str]:
        """Nothing: checkpoints do not name their FIM markers, so that ``engine.fim`` goes by their texts."""
        return {}

    def marker_token(self, text: str) -> int | None:
        """The single token that ``text`` stands for as a marker, or None where the vocabulary has none."""
        return self._markers.get(text)

    def is_control(self, token: int) -> bool:
        """Whether a token is a marker rather than text."""
        return token in self._marker_tokens

    def _plain(self, text: str) -> list[int]:
        return self._vocabulary.encode(text) if text else []


def open_tokenizer(folder: Path, vocabulary_size: int, stop_tokens: tuple[int, ...]) -> LoopTokenizer:
    """The tokenizer of the checkpoint in ``folder``.

    ``vocabulary_size`` and ``stop_tokens`` are config.json's. Raises ModelCorrupt, naming the file, or
    BackendError where a package is missing.
    """
    try:
        from engine.loop.added_tokens import added_tokens
        from engine.loop.vocabulary import JsonVocabulary, SentencePieceVocabulary
    except ModuleNotFoundError as error:
        raise BackendError(
            f"The loop engine needs the package {error.name}: pip install 'codeflow-lsp[loop]'."
        ) from None
    json_file, file, config_file = (
        folder / name for name in ("tokenizer.json", "tokenizer.model", "tokenizer_config.json")
    )
    if json_file.is_file():
        file, vocabulary = json_file, JsonVocabulary(json_file)
    elif file.is_file():
        vocabulary = SentencePieceVocabulary(file)
    else:
        raise ModelCorrupt(f"{folder} has neither tokenizer.json nor tokenizer.model: it is incomplete.")
    if not 0 < vocabulary.size <= vocabulary_size:
        raise ModelCorrupt(
            f"{file} has {vocabulary.size} tokens, but config.json's vocab_size is {vocabulary_size}."
        )
    config = read_object(config_file) if config_file.is_file() else {}
    added = added_tokens(vocabulary, config, folder, vocabulary_size)
    tokenizer = LoopTokenizer(
        vocabulary,
        added,
        vocabulary_size=vocabulary_size,
        ends=stop_tokens,
        begin=_begin(vocabulary, added, config),
    )
    if b"".join(map(tokenizer.piece, tokenizer.encode(_PROBE))) != _PROBE.encode():
        raise ModelCorrupt(
            f"{file} does not give code back as it was, so CodeFlow cannot use this tokenizer."
        )
    return tokenizer


def token_name(value: Any) -> str | None:
    """A token's text, which files write as such or as an object with ``content``; None where it is none."""
    text = value.get("content") if isinstance(value, dict) else value
    return text if isinstance(text, str) and text else None


def _begin(vocabulary: Vocabulary, added: Sequence[AddedToken], config: Mapping[str, Any]) -> tuple[int, ...]:
    """What stands before every prompt: ``add_bos_token`` decides; where it is silent, the vocabulary."""
    wanted = config.get("add_bos_token")
    if wanted is False:
        return ()
    name = token_name(config.get("bos_token")) if wanted else None
    return next(((one.token,) for one in added if one.text == name), vocabulary.begin)


def _alternatives(read: Iterable[str], unread: Iterable[str]) -> str:
    """A pattern of texts that are tokens, the longest first, and of the first letter of texts that must not
    become one: a text that is cut there is encoded as its letters. So are the names of byte tokens."""
    rests = {"<": ["0x[0-9A-F]{2}>"]}
    for text in (text for text in unread if len(text) > 1):
        rests.setdefault(text[0], []).append(re.escape(text[1:]))
    whole = [re.escape(text) for text in sorted(read, key=len, reverse=True)]
    return "|".join([*whole, *(f"{re.escape(first)}(?={'|'.join(rest)})" for first, rest in rests.items())])


def _without_lone_surrogates(text: str) -> str:
    """An editor may send half a pair; it is replaced rather than refused."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text
