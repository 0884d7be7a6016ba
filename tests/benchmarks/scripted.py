"""The real language server over a model that evaluates nothing: ``python -m tests.benchmarks.scripted``.

The tokenizer, the prefix store and the engine's thread are the real ones, so that counts of tokens, what
comes from the cache and the times of everything but the model are true; the weights are never loaded and
every answer is empty. ``--prefill N`` lets evaluating take as long as at N tokens a second.

Requests of its own: ``bench/prompt`` (the text of the prompt evaluated last), ``bench/evaluated`` (how many
prompt tokens were evaluated so far, for whatever purpose), ``bench/loop`` (how long the event loop was held
up since the last time it was asked, and by which callbacks).
"""

from __future__ import annotations

import argparse
import asyncio
import bisect
import gc
import time
from array import array
from asyncio.events import Handle
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from engine import choice
from engine.backend import Logits, StopCheck
from engine.errors import ContextFull
from engine.llama import library, opening
from engine.llama.model import LlamaModel
from engine.speed import Speed
from lsp_server import cli, server

BEAT_S = 0.002  # of the heartbeat: a fifth of the 10 ms that count as a blocked loop
LONG_S = 0.010  # what counts as a blocked loop
NOTED_S = 0.002  # callbacks shorter than this are nobody's business
_PER_BYTE = 20.0  # logit by which a token is worse for every byte: more than 150,000 alternatives weigh
LISTED = 8  # callbacks named in an answer


class Vocabulary(LlamaModel):
    """A GGUF file's tokenizer and markers, without its weights."""

    def __init__(self, path: Path) -> None:
        lib = library.llama_cpp()
        defaults = lib.llama_model_default_params

        def without_weights() -> Any:
            params = defaults()
            params.vocab_only = True
            return params

        lib.llama_model_default_params = without_weights
        try:
            super().__init__(path)
        finally:
            lib.llama_model_default_params = defaults

    @property
    def trained_context(self) -> int:
        """Never the limit here."""
        return 1 << 20


class NothingEvaluated:
    """Keeps ``engine.backend.Backend``'s promises; whatever it is asked, the answer ends at once."""

    def __init__(
        self, vocabulary: Vocabulary, *, context_tokens: int, sequences: int, prefill: float
    ) -> None:
        self.tokenizer, self.context_tokens, self.sequences = vocabulary, context_tokens, sequences
        self.chunk_tokens, self.block_tokens = 128, 4  # as LlamaBackend on a CPU
        self.asked_last: list[int] = []
        self.evaluated = 0
        self._prefill_s = 1 / prefill if prefill else 0.0
        self._held: list[list[int]] = [[] for _ in range(sequences)]
        # the end is surest; where a word has to be finished first, the shortest token that does it
        lengths = [len(piece) for piece in vocabulary.pieces]
        self._logits = -_PER_BYTE * np.array(lengths, dtype=np.float32)
        self._logits[list(vocabulary.stop_tokens)] = -_PER_BYTE * 100
        self._logits[min(vocabulary.stop_tokens)] = _PER_BYTE
        self._logits.flags.writeable = False

    def adapt(self, adapter: str) -> None:
        assert not adapter

    def prefill(self, sequence: int, tokens: Sequence[int], stop: StopCheck) -> Logits | None:
        until = time.monotonic() + len(tokens) * self._prefill_s
        while time.monotonic() < until:
            if stop():
                return None
            time.sleep(min(0.005, self._prefill_s * len(tokens)))
        self._append(sequence, tokens)
        self.evaluated += len(tokens)
        self.asked_last = self._held[sequence]
        return self._logits

    def decode(self, steps: Sequence[tuple[int, int]], stop: StopCheck) -> Logits | None:
        if stop():
            return None
        for sequence, token in steps:
            self._append(sequence, (token,))
        return np.stack([self._logits] * len(steps))

    def verify(self, sequence: int, tokens: Sequence[int], stop: StopCheck) -> list[Logits] | None:
        if stop():
            return None
        self._append(sequence, tokens)
        return [self._logits] * len(tokens)

    def score(self, sequence: int, tokens: Sequence[int], count: int, stop: StopCheck) -> list[float] | None:
        if stop():
            return None
        self._append(sequence, tokens)
        return [-1.0] * count

    def length(self, sequence: int) -> int:
        return len(self._held[sequence])

    def restorable(self, sequence: int, length: int) -> int:
        return min(length, len(self._held[sequence]))

    def rewind(self, sequence: int, length: int) -> bool:
        del self._held[sequence][length:]
        return True

    def fork(self, source: int, target: int, length: int) -> None:
        self._held[target] = self._held[source][:length]

    def state_bytes(self, sequence: int) -> int:
        return 4 * len(self._held[sequence])

    def save(self, sequence: int) -> bytes:
        return array("i", self._held[sequence]).tobytes()

    def load(self, sequence: int, state: bytes | memoryview, length: int) -> bool:
        self._held[sequence] = list(array("i", bytes(state)))[:length]
        return len(self._held[sequence]) == length

    def close(self) -> None:
        self.tokenizer.close()

    def prompt(self) -> str:
        """The text of the prompt evaluated last, markers left out."""
        return b"".join(self.tokenizer.piece(token) for token in self.asked_last).decode("utf-8", "replace")

    def _append(self, sequence: int, tokens: Sequence[int]) -> None:
        if len(self._held[sequence]) + len(tokens) > self.context_tokens:
            raise ContextFull(f"the scripted context of {self.context_tokens} tokens is full")
        self._held[sequence].extend(tokens)


class Loop:
    """How long the event loop is held up: the gaps of a heartbeat, and the callbacks that took long.

    A gap is seen from outside: it counts waiting for the interpreter's lock and for a processor. It is *ours*
    where this process was at work for most of it; the others are the machine's. Callbacks are listed with
    their wall-clock time, their own processor time and the whole process's, all in ms: much of the last and
    little of the second means that another thread held the interpreter.
    """

    def __init__(self) -> None:
        self.gaps: list[tuple[float, float]] = []  # seconds: how late, and the processor time spent meanwhile
        self.callbacks: list[tuple[float, float, float, str]] = []  # longest first

    def watch(self) -> None:
        """Time every callback of this process's loops from here on, and every collection of garbage."""
        run, note = Handle._run, self.note

        def timed(self: Handle) -> None:
            wall, own, whole = time.perf_counter(), time.thread_time(), time.process_time()
            run(self)
            took = time.perf_counter() - wall
            if took > NOTED_S:
                note(took, time.thread_time() - own, time.process_time() - whole, _name(self))

        Handle._run = timed
        since = [0.0, 0.0]

        def collected(phase: str, info: dict[str, int]) -> None:
            wall, own = time.perf_counter(), time.thread_time()
            if phase == "start":
                since[:] = wall, own
            elif wall - since[0] > NOTED_S:
                took = own - since[1]
                note(wall - since[0], took, took, f"garbage collection {info['generation']}")

        gc.callbacks.append(collected)

    def note(self, wall_s: float, own_s: float, whole_s: float, name: str) -> None:
        """Remember a callback where it is among the longest."""
        entry = (wall_s, own_s, whole_s, name)
        bisect.insort(self.callbacks, entry, key=lambda entry: -entry[0])
        del self.callbacks[LISTED:]

    async def beat(self) -> None:
        """Note by how much each beat comes late; never ends."""
        while True:
            at, busy = time.perf_counter(), time.process_time()
            await asyncio.sleep(BEAT_S)
            self.gaps.append((time.perf_counter() - at - BEAT_S, time.process_time() - busy))

    def taken(self) -> dict[str, Any]:
        """What was seen since the last time; times in ms."""
        gaps, self.gaps = self.gaps, []
        callbacks, self.callbacks = self.callbacks, []
        late = [gap for gap, _ in gaps]
        ours = [gap for gap, busy in gaps if busy > gap / 2]
        return {
            "beats": len(gaps),
            "worst_ms": round(max(late, default=0.0) * 1e3, 1),
            "over_10_ms": sum(gap > LONG_S for gap in late),
            "ours_worst_ms": round(max(ours, default=0.0) * 1e3, 1),
            "ours_over_10_ms": sum(gap > LONG_S for gap in ours),
            "slowest": [[*(round(took * 1e3, 1) for took in times), name] for *times, name in callbacks],
        }


def _name(handle: Handle) -> str:
    """Which coroutine or function a callback runs."""
    callback: Any = handle._callback
    owner = getattr(callback, "__self__", None)
    if isinstance(owner, asyncio.Task):
        return str(getattr(owner.get_coro(), "__qualname__", owner))
    callback = getattr(callback, "func", callback)  # a partial's own name says nothing
    return str(getattr(callback, "__qualname__", callback))


def main() -> int:
    """Serve over stdio."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--prefill", type=float, default=0.0, help="tokens per second; 0 takes no time")
    options = parser.parse_args()
    opened: list[NothingEvaluated] = []
    loop, create = Loop(), server.create_server

    def open_scripted(path: Path, *, sequences: int, context_tokens: int, **_: Any) -> NothingEvaluated:
        backend = NothingEvaluated(
            Vocabulary(path), context_tokens=context_tokens, sequences=sequences, prefill=options.prefill
        )
        opened.append(backend)
        return backend

    def create_watched(backend: str = "", **options: Any) -> server.CodeFlowServer:
        made = create(backend, **options)
        beating: list[asyncio.Task[None]] = []

        @made.feature("bench/prompt")
        def prompt(_: Any) -> str:
            return opened[-1].prompt() if opened else ""

        @made.feature("bench/evaluated")
        def evaluated(_: Any) -> int:
            return opened[-1].evaluated if opened else 0

        @made.feature("bench/loop")
        async def held_up(_: Any) -> dict[str, Any]:
            if not beating:
                beating.append(asyncio.ensure_future(loop.beat()))
            return loop.taken()

        return made

    any_opening: Any = opening  # replaced in this process alone
    any_opening.open_llama = open_scripted
    any_choice: Any = choice
    any_choice.speed_of = lambda *_, **__: Speed(options.prefill or 100_000.0, 1_000.0)
    server.create_server = create_watched
    loop.watch()
    return cli.main(["--stdio", "--alone"])


if __name__ == "__main__":
    raise SystemExit(main())
