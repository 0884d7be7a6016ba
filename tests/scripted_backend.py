"""A backend whose answers are written down: byte tokens, a KV cache that can be looked into, no weights.

It keeps the promises of ``engine.backend.Backend`` and checks that its caller keeps them too.
"""

from __future__ import annotations

import pickle
import time
from collections.abc import Callable, Sequence
from functools import cached_property

import numpy as np

from engine.backend import Logits, StopCheck
from engine.sampling import log_probability

PREFIX, SUFFIX, MIDDLE, END = 256, 257, 258, 259
VOCABULARY = 260
Script = Callable[[bytes], bytes]


class ByteTokenizer:
    """One token a byte, and four markers."""

    def encode(self, text: str, *, special: bool = False) -> tuple[int, ...]:
        del special
        return tuple(text.encode("utf-8", "replace"))

    def piece(self, token: int) -> bytes:
        return bytes([token]) if token < 256 else b""

    @cached_property
    def pieces(self) -> Sequence[bytes]:
        return [self.piece(token) for token in range(VOCABULARY)]

    bos_tokens = ()

    def fim_token_texts(self) -> dict[str, str]:
        return {}

    def marker_token(self, text: str) -> int | None:
        del text
        return None

    @cached_property
    def stop_tokens(self) -> frozenset[int]:
        return frozenset({PREFIX, SUFFIX, MIDDLE, END})


class ScriptedBackend:
    """Continues the text after the middle marker (or all of it) as ``script`` says: its whole answer to what
    stands there; the model ends where the answer does. ``evaluated`` counts prompt tokens, ``steps`` batches
    of an answer. ``manner`` says of each token held how it was evaluated: in a batch of whole ``blocks``,
    ``alone``, or in ``company``, which a real backend's values depend on. A sequence can be cut back to
    multiples of ``stride`` and to its last ``stride`` tokens, as one with a window of its own."""

    def __init__(
        self,
        script: Script,
        *,
        context_tokens: int = 4096,
        sequences: int = 5,
        chunk_s: float = 0.0,
        block_tokens: int = 1,
        stride: int = 1,
    ) -> None:
        self.script, self.context_tokens, self.sequences = script, context_tokens, sequences
        self.chunk_s, self.block_tokens, self.stride = chunk_s, block_tokens, stride
        self.chunk_tokens = 32
        self.tokenizer = ByteTokenizer()
        self.held: list[list[int]] = [[] for _ in range(sequences)]
        self.manner: list[list[str]] = [[] for _ in range(sequences)]
        self.adapter = ""
        self.steps = 0
        self.evaluated = 0
        self.closed = False

    def adapt(self, adapter: str) -> None:
        self.adapter = adapter

    def prefill(self, sequence: int, tokens: Sequence[int], stop: StopCheck) -> Logits | None:
        assert 0 < len(tokens) <= self.chunk_tokens
        until = time.monotonic() + self.chunk_s
        while time.monotonic() < until:
            if stop():
                return None
            time.sleep(0.001)
        self.evaluated += len(tokens)
        self._append(sequence, tokens, len(tokens))
        return self._logits(sequence)

    def decode(self, steps: Sequence[tuple[int, int]], stop: StopCheck) -> Logits | None:
        if stop():
            return None
        self.steps += 1
        for sequence, token in steps:
            self._append(sequence, [token], len(steps))
        return np.stack([self._logits(sequence) for sequence, _ in steps])

    def verify(self, sequence: int, tokens: Sequence[int], stop: StopCheck) -> list[Logits] | None:
        assert 0 < len(tokens) <= self.chunk_tokens
        if stop():
            return None
        self.steps += 1
        found = []
        for token in tokens:
            self._append(sequence, [token], len(tokens))
            found.append(self._logits(sequence))
        return found

    def score(self, sequence: int, tokens: Sequence[int], count: int, stop: StopCheck) -> list[float] | None:
        if stop():
            return None
        found = []
        for i, token in enumerate(tokens):
            if i >= len(tokens) - count:
                found.append(log_probability(self._logits(sequence), token))
            self._append(sequence, [token], len(tokens))
        return found

    def length(self, sequence: int) -> int:
        return len(self.held[sequence])

    def restorable(self, sequence: int, length: int) -> int:
        held = len(self.held[sequence])
        length = min(length, held)
        return length if length > held - self.stride else length // self.stride * self.stride

    def rewind(self, sequence: int, length: int) -> bool:
        if length < len(self.held[sequence]) and self.restorable(sequence, length) != length:
            return False
        del self.held[sequence][length:], self.manner[sequence][length:]
        return True

    def fork(self, source: int, target: int, length: int) -> None:
        assert source != target and self.restorable(source, length) == length
        self.held[target] = self.held[source][:length]
        self.manner[target] = self.manner[source][:length]

    def state_bytes(self, sequence: int) -> int:
        return len(self.save(sequence))

    def save(self, sequence: int) -> bytes:
        return pickle.dumps((self.held[sequence], self.manner[sequence]))

    def load(self, sequence: int, state: bytes | memoryview, length: int) -> bool:
        held, manner = pickle.loads(state)  # noqa: S301
        self.held[sequence], self.manner[sequence] = held[:length], manner[:length]
        return len(held) >= length

    def close(self) -> None:
        self.closed = True

    def _append(self, sequence: int, tokens: Sequence[int], batch: int) -> None:
        self.held[sequence].extend(tokens)
        assert len(self.held[sequence]) <= self.context_tokens
        block = self.block_tokens
        in_blocks = batch % block == 0 and (batch >= 2 * block or block == 1)
        manner = "blocks" if in_blocks else "alone" if batch == 1 else "company"
        self.manner[sequence].extend([manner] * len(tokens))

    def _logits(self, sequence: int) -> Logits:
        held = self.held[sequence]
        start = len(held) - held[::-1].index(MIDDLE) if MIDDLE in held else 0
        said = bytes(token for token in held[start:] if token < 256)
        logits = np.full(VOCABULARY, -20.0, dtype=np.float32)
        logits[32:127] = -10.0  # further candidates prefer printable characters
        for end in range(len(said), -1, -1):
            answer = self.script(said[:end])
            if answer.startswith(said[end:]) and answer:
                following = answer[len(said) - end :]
                logits[following[0] if following else END] = 5.0
                return logits
        logits[END] = 5.0
        return logits
