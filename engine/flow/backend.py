"""Evaluates token ids with a flow model; keeps ``engine.backend.Backend``'s promises.

What a sequence holds does not grow with its length, so it can be cut back only to its last window and to
places that were kept (``sequence``). Which tokens are pinned, and where they stand, is read off the tokens
(``reading``). Plain torch on any device; one thread owns an instance.
"""

from __future__ import annotations

from collections.abc import Sequence as Tokens

import numpy as np
import torch
from torch import Tensor

from engine.backend import Logits, MarkedTokenizer, StopCheck
from engine.errors import BackendError, ContextFull
from engine.flow.model import FlowModel
from engine.flow.reading import Marks, read
from engine.flow.saved import load_state, save_state
from engine.flow.sequence import Sequence

CHUNK_ON_CPU = 256  # tokens; a stopped request loses no more
CHUNK_ON_GPU = 1024


class _Stopped(Exception):
    """The stop check came true between two layers."""


class FlowBackend:
    """``sequences`` sequences of at most ``context_tokens`` tokens, which is a limit of time, not of room."""

    def __init__(
        self,
        model: FlowModel,
        tokenizer: MarkedTokenizer,
        *,
        context_tokens: int,
        sequences: int,
        chunk_tokens: int = 0,
    ) -> None:
        self._model, self.tokenizer, self._config = model.eval(), tokenizer, model.config
        self._device = model.model.embed_tokens.weight.device
        self.context_tokens, self.sequences, self.block_tokens = context_tokens, sequences, 1
        self.chunk_tokens = chunk_tokens or (CHUNK_ON_GPU if self._device.type == "cuda" else CHUNK_ON_CPU)
        self._marks = Marks.of(tokenizer)
        self._held = [self._nothing() for _ in range(sequences)]

    def adapt(self, adapter: str) -> None:
        """See ``Backend.adapt``; there are none for this model."""
        if adapter:
            raise BackendError(f"there is no adapter named {adapter}: the flow model takes none.")

    def prefill(self, sequence: int, tokens: Tokens[int], stop: StopCheck) -> Logits | None:
        """See ``Backend.prefill``."""
        logits = self._logits(sequence, tokens, stop, last=1)
        return None if logits is None else _on_host(logits)[0]

    def decode(self, steps: Tokens[tuple[int, int]], stop: StopCheck) -> Logits | None:
        """See ``Backend.decode``."""
        marks, rows = [], []
        for sequence, token in steps:
            marks.append((self._held[sequence], self._held[sequence].mark()))
            logits = self._logits(sequence, [token], stop, last=1)
            if logits is None:
                for held, mark in marks:
                    held.undo(mark)
                return None
            rows.append(logits)
        return _on_host(torch.cat(rows))

    def verify(self, sequence: int, tokens: Tokens[int], stop: StopCheck) -> list[Logits] | None:
        """See ``Backend.verify``."""
        logits = self._logits(sequence, tokens, stop, last=len(tokens))
        return None if logits is None else list(_on_host(logits))

    def score(self, sequence: int, tokens: Tokens[int], count: int, stop: StopCheck) -> list[float] | None:
        """See ``Backend.score``."""
        logits = self._logits(sequence, tokens, stop, last=count + 1)
        if logits is None:
            return None
        wanted = torch.tensor(list(tokens[-count:]), device=self._device)
        return logits[:-1].log_softmax(-1).gather(1, wanted[:, None])[:, 0].tolist()

    def length(self, sequence: int) -> int:
        """See ``Backend.length``."""
        return len(self._held[sequence].ids)

    def restorable(self, sequence: int, length: int) -> int:
        """See ``Backend.restorable``."""
        return self._held[sequence].restorable(length)

    def rewind(self, sequence: int, length: int) -> bool:
        """See ``Backend.rewind``."""
        return self._held[sequence].cut(length)

    def fork(self, source: int, target: int, length: int) -> None:
        """See ``Backend.fork``."""
        self._held[target] = self._held[source].forked(length)

    def state_bytes(self, sequence: int) -> int:
        """See ``Backend.state_bytes``."""
        held = self._held[sequence]
        return held.state.nbytes + 8 * len(held.ids)

    def save(self, sequence: int) -> bytes:
        """See ``Backend.save``."""
        return save_state(self._held[sequence], self._config)

    def load(self, sequence: int, state: bytes | memoryview, length: int) -> bool:
        """See ``Backend.load``."""
        held = self._held[sequence] = self._nothing()
        if load_state(held, self._config, state) and length <= len(held.ids) and held.cut(length):
            return True
        self._held[sequence] = self._nothing()
        return False

    def close(self) -> None:
        """Free the model's memory. Idempotent."""
        self.__dict__.pop("_model", None)
        self._held = []

    def _nothing(self) -> Sequence:
        return Sequence(self._config, self._marks, self._device)

    @torch.no_grad()
    def _logits(self, sequence: int, tokens: Tokens[int], stop: StopCheck, *, last: int) -> Tensor | None:
        """Append ``tokens``; the logits (last, V) after the last ones. None where stopped: nothing is
        appended then. Raises ContextFull."""
        held = self._held[sequence]
        mark, ids, parts = held.mark(), list(tokens), []
        if mark.length + len(ids) > self.context_tokens:
            raise ContextFull(f"the context of {self.context_tokens} tokens is full")
        while ids:
            part, ids = ids[: held.room], ids[held.room :]
            flags, positions, reading = read(self._marks, held.reading, part)
            try:
                hidden, state = self._model.hidden(
                    *(torch.tensor([one], device=self._device) for one in (part, flags, positions)),
                    state=held.state.trial(),
                    between=lambda: _raise_if(stop),
                )
            except _Stopped:
                held.undo(mark)
                return None
            held.extend(part, reading, state)
            parts.append(hidden[0, max(0, len(part) - max(0, last - len(ids))) :])
        return self._model.logits(torch.cat(parts)).float()


def _raise_if(stop: StopCheck) -> None:
    if stop():
        raise _Stopped


def _on_host(logits: Tensor) -> Logits:
    return np.asarray(logits.cpu().numpy())
