"""Evaluates token ids with llama.cpp; keeps ``engine.backend.Backend``'s promises.

Flash attention is off on CPU: with it off the logits do not depend on how a prompt was cut into batches of
whole blocks, so reuse is exact, and depth costs less. There every sequence has cells of its own, for in a
common pool each would pay for the others (docs/log.md); a GPU's sequences share theirs. One thread owns an
instance.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence

import numpy as np

from engine.backend import Logits, StopCheck
from engine.errors import BackendError, ContextFull
from engine.llama.callbacks import asked_to_stop
from engine.llama.library import last_error, llama_cpp
from engine.llama.model import LlamaModel
from engine.sampling import log_probability

CHUNK_TOKENS = 128  # prefill is within 3% of 512's speed here, and a stopped request loses a quarter as much
_BLOCK_TOKENS = 4  # rows that the repacked kernels of a CPU take at a time
_ABORTED = 2  # llama_decode's word for "the abort callback said so"
_NO_ROOM = 1


class LlamaBackend:
    """One llama.cpp context with ``sequences`` sequences of ``context_tokens`` cells each, on a GPU together.

    ``threads`` is asked before every evaluation, so that the count follows the machine's load.
    """

    def __init__(
        self,
        model: LlamaModel,
        *,
        context_tokens: int,
        sequences: int,
        threads: Callable[[], int],
        on_gpu: bool = False,
    ) -> None:
        self.model = model
        self.sequences = sequences
        self.chunk_tokens = CHUNK_TOKENS if not on_gpu else 512
        self.block_tokens = _BLOCK_TOKENS if not on_gpu else 1
        self._library = lib = llama_cpp()
        self._stop: StopCheck = lambda: False
        self._choose_threads = threads
        self._threads = threads()
        params = lib.llama_context_default_params()
        self._shares_cells = on_gpu
        params.n_ctx = context_tokens * (1 if on_gpu else sequences)
        params.n_batch = params.n_ubatch = self.chunk_tokens
        params.n_seq_max = sequences
        params.n_threads = params.n_threads_batch = self._threads
        params.kv_unified = self._shares_cells
        params.flash_attn_type = (
            lib.LLAMA_FLASH_ATTN_TYPE_AUTO if on_gpu else lib.LLAMA_FLASH_ATTN_TYPE_DISABLED
        )
        self._asked = asked_to_stop(lambda: self._stop())
        params.abort_callback, params.abort_callback_data = self._asked.callback, self._asked.data
        self._context = lib.llama_init_from_model(model.pointer, params)
        if not self._context:
            self._asked.close()
            raise BackendError(
                f"llama.cpp could not set up {context_tokens} tokens of context: "
                f"{last_error() or 'not enough memory'}; lower the setting engine.contextTokens"
            )
        self.context_tokens = int(lib.llama_n_ctx_seq(self._context))
        self._memory = lib.llama_get_memory(self._context)
        self._batch = lib.llama_batch_init(self.chunk_tokens, 0, 1)
        self._lengths = [0] * sequences

    @property
    def tokenizer(self) -> LlamaModel:
        """The model's own tokenizer."""
        return self.model

    def adapt(self, adapter: str) -> None:
        """See ``Backend.adapt``; there are none here."""
        if adapter:
            raise BackendError(f"{self.model.path.name} has no adapter {adapter}: the loop engine takes them")

    def prefill(self, sequence: int, tokens: Sequence[int], stop: StopCheck) -> Logits | None:
        """See ``Backend.prefill``."""
        start, batch, last = self._lengths[sequence], self._batch, len(tokens) - 1
        for i, token in enumerate(tokens):
            self._fill(i, token, start + i, sequence, wants_logits=i == last)
        batch.n_tokens = len(tokens)
        if not self._run(stop, {sequence: start}):
            return None
        self._lengths[sequence] = start + len(tokens)
        return self._logits(last)

    def decode(self, steps: Sequence[tuple[int, int]], stop: StopCheck) -> Logits | None:
        """See ``Backend.decode``; one batch, so several candidates cost little more than one."""
        for i, (sequence, token) in enumerate(steps):
            self._fill(i, token, self._lengths[sequence], sequence, wants_logits=True)
        self._batch.n_tokens = len(steps)
        if not self._run(stop, {sequence: self._lengths[sequence] for sequence, _ in steps}):
            return None
        for sequence, _ in steps:
            self._lengths[sequence] += 1
        return np.stack([self._logits(i) for i in range(len(steps))])

    def verify(self, sequence: int, tokens: Sequence[int], stop: StopCheck) -> list[Logits] | None:
        """See ``Backend.verify``."""
        start = self._lengths[sequence]
        for i, token in enumerate(tokens):
            self._fill(i, token, start + i, sequence, wants_logits=True)
        self._batch.n_tokens = len(tokens)
        if not self._run(stop, {sequence: start}):
            return None
        self._lengths[sequence] = start + len(tokens)
        return [self._view(i) for i in range(len(tokens))]

    def score(self, sequence: int, tokens: Sequence[int], count: int, stop: StopCheck) -> list[float] | None:
        """See ``Backend.score``."""
        start, batch, first = self._lengths[sequence], self._batch, len(tokens) - count
        for i, token in enumerate(tokens):
            self._fill(i, token, start + i, sequence, wants_logits=i >= first - 1)
        batch.n_tokens = len(tokens)
        if not self._run(stop, {sequence: start}):
            return None
        self._lengths[sequence] = start + len(tokens)
        return [log_probability(self._logits(i - 1), tokens[i]) for i in range(first, len(tokens))]

    def length(self, sequence: int) -> int:
        """See ``Backend.length``."""
        return self._lengths[sequence]

    def restorable(self, sequence: int, length: int) -> int:
        """See ``Backend.restorable``; any length here."""
        return min(length, self._lengths[sequence])

    def rewind(self, sequence: int, length: int) -> bool:
        """See ``Backend.rewind``; always possible here."""
        if length < self._lengths[sequence]:
            self._library.llama_memory_seq_rm(self._memory, sequence, length, -1)
            self._lengths[sequence] = length
        return True

    def fork(self, source: int, target: int, length: int) -> None:
        """See ``Backend.fork``; on a CPU 2 ms for 1,000 tokens of the 0.5B.

        By way of the state where cells are not shared: llama.cpp puts off its own copying until the next
        evaluation, and would then copy what the source holds by that time.
        """
        if self._shares_cells:
            self.rewind(target, 0)
            self._library.llama_memory_seq_cp(self._memory, source, target, 0, length)
            self._lengths[target] = length
        else:
            self.load(target, self.save(source), length)

    def state_bytes(self, sequence: int) -> int:
        """See ``Backend.state_bytes``."""
        return int(self._library.llama_state_seq_get_size(self._context, sequence))

    def save(self, sequence: int) -> bytes:
        """See ``Backend.save``; 1 ms for 1,000 tokens of the 0.5B, 12 KB each."""
        lib = self._library
        size = lib.llama_state_seq_get_size(self._context, sequence)
        buffer = (ctypes.c_uint8 * size)()
        written = lib.llama_state_seq_get_data(self._context, buffer, size, sequence)
        return memoryview(buffer)[:written].tobytes()

    def load(self, sequence: int, state: bytes | memoryview, length: int) -> bool:
        """See ``Backend.load``."""
        self.rewind(sequence, 0)
        held = ctypes.c_char_p(bytes(state))  # no copy of what is bytes
        source = ctypes.cast(held, ctypes.POINTER(ctypes.c_uint8))
        read = self._library.llama_state_seq_set_data(self._context, source, len(state), sequence)
        reached = self._library.llama_memory_seq_pos_max(self._memory, sequence) + 1
        self._lengths[sequence] = reached
        self.rewind(sequence, length if read == len(state) and reached >= length else 0)
        return self._lengths[sequence] == length > 0

    def close(self) -> None:
        """Free the context and the model. Idempotent."""
        if self._context:
            self._library.llama_batch_free(self._batch)
            self._library.llama_free(self._context)
            self._context = None
            self._asked.close()
            self.model.close()

    def _fill(self, i: int, token: int, position: int, sequence: int, *, wants_logits: bool) -> None:
        batch = self._batch
        batch.token[i] = token
        batch.pos[i] = position
        batch.n_seq_id[i] = 1
        batch.seq_id[i][0] = sequence
        batch.logits[i] = wants_logits

    def _run(self, stop: StopCheck, starts: dict[int, int]) -> bool:
        """Evaluate the batch; False where stopped. Whatever happens, no half-evaluated cell stays."""
        if (threads := self._choose_threads()) != self._threads:
            self._threads = threads
            self._library.llama_set_n_threads(self._context, threads, threads)
        self._stop = stop
        try:
            code = self._library.llama_decode(self._context, self._batch)
        finally:
            self._stop = lambda: False
        if code == 0:
            return True
        for sequence, start in starts.items():
            self._library.llama_memory_seq_rm(self._memory, sequence, start, -1)
        if code == _ABORTED:
            return False
        if code == _NO_ROOM:
            raise ContextFull(f"the model's context of {self.context_tokens} tokens is full")
        raise BackendError(f"llama.cpp failed to evaluate ({code}): {last_error() or 'no reason given'}")

    def _logits(self, i: int) -> Logits:
        return self._view(i).copy()

    def _view(self, i: int) -> Logits:
        """The logits of row ``i``, in llama.cpp's own memory: the next evaluation overwrites them."""
        pointer = self._library.llama_get_logits_ith(self._context, i)
        return np.ctypeslib.as_array(pointer, shape=(self.model.vocabulary_size,))
