"""Thousands of requests with random edits and cancellations: no leak, no crash, reuse exact.

    python -m tests.benchmarks.soak [--model NAME] [--requests N] [--check-every N] [--threads N]

Several documents are edited at random places, asked about in the foreground and ahead, and cancelled at
random moments. One answer in fifty is compared with that of an empty cache: the logits after the prompt must
be the same bit for bit, the text too. Memory is that of the process; it is compared with what it was after
the first tenth of the requests.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from engine.backend import Logits
from engine.batches import batches
from engine.catalog import resolve
from engine.decoding import Decoder
from engine.engine import BRANCHES, SEQUENCES, Engine
from engine.llama.backend import LlamaBackend
from engine.llama.opening import open_llama
from engine.request import GenerationRequest, Priority
from engine.saved_prefixes import SavedPrefixes
from tests.benchmarks.reporting import report

ROOT = Path(__file__).parents[2]
DOCUMENTS = 6
FEWEST_TOKENS, MOST_TOKENS = 60, 120
ANSWER = 4


@dataclass
class Soak:
    """One run; ``generator`` decides everything but the timing."""

    model: str
    requests: int = 10_000
    check_every: int = 50
    threads: int = 0  # 0: as many as other processes leave
    generator: random.Random = field(default_factory=lambda: random.Random(11))
    cancelled: int = 0
    checked: int = 0
    differing: int = 0
    failed: int = 0
    memory: list[float] = field(default_factory=list)  # MB, after every hundredth request

    def run(self) -> dict[str, Any]:
        """Do it; a row of figures."""
        path, started = resolve(self.model).path, time.monotonic()
        with tempfile.TemporaryDirectory(prefix="codeflow-soak-") as into:
            decoders: list[Decoder] = []

            def open_decoder(backend: Any) -> Decoder:
                saved = SavedPrefixes(Path(into), "soak", 50_000_000)
                decoders.append(Decoder(backend, BRANCHES, parked_bytes=20_000_000, saved=saved))
                return decoders[0]

            def opened(sequences: int) -> LlamaBackend:
                return open_llama(path, sequences=sequences, context_tokens=512, threads=self.threads)

            engine = Engine(lambda: opened(SEQUENCES), open_decoder=open_decoder)
            fresh = opened(1)
            try:
                self._ask_all(engine, decoders[0] if engine.opened.result() and decoders else None, fresh)
            finally:
                engine.close()
                fresh.close()
        tenth = self.memory[max(0, len(self.memory) // 10 - 1)]
        return {
            "model": self.model,
            "requests": self.requests,
            "minutes": round((time.monotonic() - started) / 60, 1),
            "cancelled": self.cancelled,
            "failed": self.failed,
            "checked": self.checked,
            "differing": self.differing,
            "memory_after_a_tenth_mb": round(tenth),
            "memory_at_the_end_mb": round(self.memory[-1]),
            "memory_most_mb": round(max(self.memory)),
            "growth_percent": round((self.memory[-1] / tenth - 1) * 100, 1),
        }

    def _ask_all(self, engine: Engine, decoder: Decoder | None, fresh: LlamaBackend) -> None:
        assert decoder is not None
        text = fresh.tokenizer.encode((ROOT / "context" / "assemble.py").read_text(encoding="utf-8"))
        documents = [list(text[n * 80 : n * 80 + FEWEST_TOKENS]) for n in range(DOCUMENTS)]
        own, draw = psutil.Process(), self.generator
        for number in range(1, self.requests + 1):
            document = draw.choice(documents[:2]) if draw.random() < 0.7 else draw.choice(documents)
            self._edit(document, text)
            background = draw.random() < 0.2
            request = GenerationRequest(
                tuple(document),
                max_tokens=draw.choice((0, ANSWER, ANSWER)),
                candidates=draw.choice((1, 1, 1, 3)),
                priority=Priority.BACKGROUND if background else Priority.INTERACTIVE,
                lane="ahead" if background else str(documents.index(document)),
                owner=str(documents.index(document)),
            )
            handle = engine.submit(request)
            checks = number % self.check_every == 0
            if not checks and draw.random() < 0.15:
                time.sleep(draw.random() * 0.05)
                handle.cancel()
                self.cancelled += 1
            try:
                handle.result.result(120)
            except Exception as error:  # counted, and the run goes on: that is what is measured
                print(f"request {number}: {error!r}", flush=True)
                self.failed += 1
            if checks:
                self._check(engine, decoder, request.tokens, fresh)
            if number % 100 == 0:
                self.memory.append(own.memory_info().rss / 1e6)
            if number % 1000 == 0:
                print(f"{number} requests, {self.memory[-1]:.0f} MB, {self.differing} differ", flush=True)

    def _edit(self, document: list[int], text: tuple[int, ...]) -> None:
        """Mostly typing at the end; sometimes elsewhere, sometimes a piece goes."""
        draw = self.generator
        at = len(document) - draw.randrange(3) if draw.random() < 0.8 else draw.randrange(len(document))
        document[at : at + draw.randrange(3)] = draw.sample(text, draw.randrange(1, 4))
        if len(document) > MOST_TOKENS:
            del document[FEWEST_TOKENS:]

    def _check(self, engine: Engine, decoder: Decoder, tokens: tuple[int, ...], fresh: LlamaBackend) -> None:
        """Whether the cache's logits and text are those of an empty one."""
        found = engine.submit(GenerationRequest(tokens, max_tokens=ANSWER)).result.result(120)
        engine.submit(GenerationRequest(tokens, max_tokens=0)).result.result(120)
        reused = decoder.store.logits_of(tokens)
        expected = _evaluated(fresh, tokens)
        again = Decoder(fresh, 1).run(GenerationRequest(tokens, max_tokens=ANSWER), lambda: False)
        while True:
            try:
                next(again)
            except StopIteration as end:
                text = end.value.candidates[0].text
                break
        fresh.rewind(0, 0)
        self.checked += 1
        same = reused is not None and np.array_equal(reused, expected)
        if not same or text != found.candidates[0].text:
            print(f"differs: {len(tokens)} tokens, logits the same: {same}", flush=True)
            self.differing += 1


def _evaluated(backend: LlamaBackend, tokens: tuple[int, ...]) -> Logits:
    backend.rewind(0, 0)
    logits = None
    for start, end in batches(0, len(tokens), most=backend.chunk_tokens, block=backend.block_tokens):
        logits = backend.prefill(0, tokens[start:end], lambda: False)
    assert logits is not None
    backend.rewind(0, 0)
    return logits


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.soak")
    parser.add_argument("--model", default="qwen2.5-coder-0.5b")
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--check-every", type=int, default=50)
    parser.add_argument("--threads", type=int, default=0, help="0: as many as other processes leave")
    options = parser.parse_args()
    soak = Soak(options.model, options.requests, options.check_every, options.threads)
    report({"soak": [soak.run()]}, "soak")


if __name__ == "__main__":
    main()
