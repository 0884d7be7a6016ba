"""A GGUF file opened by llama.cpp: weights, vocabulary and metadata. Holds no evaluated tokens.

Any thread may tokenize (llama.cpp's vocabulary is read-only); loading and closing belong to one thread.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path

from engine.demanded_text import DemandedText
from engine.errors import EngineClosed, ModelCorrupt
from engine.kept_vocabulary import KeptVocabulary
from engine.llama.callbacks import told_of_loading
from engine.llama.library import amx_is_broken, last_error, llama_cpp

_PIECE_BYTES = 512  # longer than any token of the known families; llama.cpp says so where it is not


class LlamaModel:
    """An opened GGUF file, and its tokenizer (see ``engine.backend.Tokenizer``).

    ``vocabulary_only`` reads the tokenizer and no weights (0.2 s). ``report`` is told the share loaded, 0 to
    1; loading ends early once ``cancelled`` is set. ``kept``: its vocabulary, where an earlier start kept it.
    Raises ModelCorrupt where llama.cpp cannot read the file.
    """

    def __init__(
        self,
        path: Path,
        *,
        gpu_layers: int = 0,
        vocabulary_only: bool = False,
        report: Callable[[float], None] | None = None,
        cancelled: threading.Event | None = None,
        kept: KeptVocabulary | None = None,
    ) -> None:
        self._library = lib = llama_cpp()
        params = lib.llama_model_default_params()
        params.n_gpu_layers = gpu_layers
        params.vocab_only = vocabulary_only
        params.use_extra_bufts = not amx_is_broken()

        def on_progress(share: float) -> bool:
            if report is not None:
                report(share)
            return cancelled is None or not cancelled.is_set()

        told = told_of_loading(on_progress)
        params.progress_callback, params.progress_callback_user_data = told.callback, told.data
        last_error()
        try:
            self._model = lib.llama_model_load_from_file(str(path).encode(), params)
        finally:
            told.close()
        if not self._model:
            why = last_error() or "llama.cpp gave no reason"
            raise ModelCorrupt(f"{path} could not be opened as a model: {why}")
        self._using = threading.Lock()
        self.path, self._kept = path, kept
        self._vocab = lib.llama_model_get_vocab(self._model)

    @property
    def pointer(self) -> object:
        """The C handle, for the backend that evaluates with these weights."""
        return self._model

    @property
    def trained_context(self) -> int:
        """Tokens of context the model was trained on."""
        return int(self._library.llama_model_n_ctx_train(self._model))

    @property
    def parameters(self) -> int:
        """How many weights the model has."""
        return int(self._library.llama_model_n_params(self._model))

    @property
    def vocabulary_size(self) -> int:
        """How many token ids there are."""
        return int(self._library.llama_vocab_n_tokens(self._vocab))

    def metadata(self, key: str) -> str:
        """One value of the GGUF's own metadata, "" where it is absent."""
        buffer = ctypes.create_string_buffer(1 << 16)
        length = self._library.llama_model_meta_val_str(self._model, key.encode(), buffer, len(buffer))
        return buffer.value.decode("utf-8", "replace") if length >= 0 else ""

    def marker_token(self, text: str) -> int | None:
        """The single token that ``text`` stands for as a marker, or None where the vocabulary has none."""
        ids = self.encode(text, special=True) if text else ()
        return ids[0] if len(ids) == 1 and self.is_control(ids[0]) else None

    def is_control(self, token: int) -> bool:
        """Whether a token is a marker rather than text."""
        lib = self._library
        special = lib.LLAMA_TOKEN_ATTR_CONTROL | lib.LLAMA_TOKEN_ATTR_USER_DEFINED
        return bool(lib.llama_vocab_get_attr(self._vocab, token) & special)

    def fim_token_texts(self) -> dict[str, str]:
        """FIM marker strings that the GGUF's metadata names, by role: pre, suf, mid, pad, rep, sep."""
        lib = self._library
        found = {}
        for role in ("pre", "suf", "mid", "pad", "rep", "sep"):
            token = getattr(lib, f"llama_vocab_fim_{role}")(self._vocab)
            if token >= 0:
                found[role] = lib.llama_vocab_get_text(self._vocab, token).decode("utf-8", "replace")
        return found

    def encode(self, text: str, *, special: bool = False) -> tuple[int, ...]:
        """Token ids of ``text``; no begin-of-text token is added. Lone surrogates become U+FFFD.

        Raises EngineClosed once the model is closed.
        """
        data = _utf8(text)
        size = len(data) + 8
        while True:
            ids = (ctypes.c_int32 * size)()
            with self._using:  # background threads tokenise too, and the model may be closed meanwhile
                if not self._model:
                    raise EngineClosed(f"{self.path.name} was closed")
                count = self._library.llama_tokenize(self._vocab, data, len(data), ids, size, False, special)
            if count >= 0:
                return tuple(ids[:count])
            size = -count

    def piece(self, token: int) -> bytes:
        """The bytes a token stands for; empty for markers."""
        buffer = ctypes.create_string_buffer(_PIECE_BYTES)
        length = self._library.llama_token_to_piece(self._vocab, token, buffer, _PIECE_BYTES, 0, False)
        return buffer.raw[:length] if length > 0 else b""

    @cached_property
    def pieces(self) -> Sequence[bytes]:
        """``piece`` of every token id, in order."""
        return self.vocabulary.pieces

    @cached_property
    def vocabulary(self) -> DemandedText:
        """All pieces, arranged to be looked up: as they were kept, or made (half a second for 150,000)."""
        if self._kept is None:
            return DemandedText(self._all_pieces())
        found = self._kept.of(self.vocabulary_size)
        if found is None:
            found = DemandedText(self._all_pieces())
            self._kept.keep(found)
        return found

    def _all_pieces(self) -> list[bytes]:
        convert = self._library.llama_token_to_piece
        buffer = ctypes.create_string_buffer(_PIECE_BYTES)
        vocab, found = self._vocab, []
        for token in range(self.vocabulary_size):
            length = convert(vocab, token, buffer, _PIECE_BYTES, 0, False)
            found.append(buffer.raw[:length] if length > 0 else b"")
        return found

    @property
    def bos_tokens(self) -> tuple[int, ...]:
        """What the model wants before every prompt; empty for most code models."""
        lib = self._library
        if not lib.llama_vocab_get_add_bos(self._vocab):
            return ()
        return (int(lib.llama_vocab_bos(self._vocab)),)

    @cached_property
    def stop_tokens(self) -> frozenset[int]:
        """End-of-generation tokens and every control token: none of them is ever shown.

        llama.cpp makes the former control tokens too, and has no text for any of them.
        """
        lib, vocab = self._library, self._vocab
        return frozenset(
            token
            for token, piece in enumerate(self.pieces)
            if not piece and lib.llama_vocab_get_attr(vocab, token) & lib.LLAMA_TOKEN_ATTR_CONTROL
        ) | {t for text in self.fim_token_texts().values() if (t := self.marker_token(text)) is not None}

    def close(self) -> None:
        """Free the weights. Idempotent."""
        with self._using:
            if self._model:
                self._library.llama_model_free(self._model)
                self._model = None


def _utf8(text: str) -> bytes:
    """UTF-8, with lone surrogates (an editor may send half a pair) replaced rather than refused."""
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode("utf-8")
