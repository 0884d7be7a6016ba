"""What a checkpoint answers to prompts, by the loop engine: several drawn answers at once, or the likeliest.

Token ids in, texts out. Used where training needs a model's own answers; serving has `engine.decoding`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from engine.errors import BackendError
from engine.loop.backend import LoopBackend
from engine.loop.opening import open_loop, plan_for
from engine.request import Sampling
from engine.sampling import choose

GREEDY = Sampling()


def opened(folder: Path, *, answers: int, context: int, device: str = "auto") -> LoopBackend:
    """A backend that draws so many answers at once. Raises ModelCorrupt or BackendError."""
    plan = plan_for(folder, sequences=answers, context_tokens=context, device=device, quantise="none")
    backend = open_loop(folder, plan, sequences=answers)
    if not isinstance(backend, LoopBackend):
        raise BackendError(f"{folder} is no loop model: several answers at once are drawn from those only.")
    return backend


def drawn_answers(
    backend: LoopBackend,
    prompt: Sequence[int],
    count: int,
    *,
    mark: str,
    most_tokens: int,
    sampling: Sampling,
    random: np.random.Generator,
) -> list[str]:
    """``count`` answers to ``prompt``, each to the end of ``mark``; one that never gets there is left out."""
    stops, pieces = backend.tokenizer.stop_tokens, backend.tokenizer.pieces
    room = backend.context_tokens - len(prompt)
    for sequence in range(count):
        backend.rewind(sequence, 0)
    if room < most_tokens:
        return []
    logits = None
    for at in range(0, len(prompt), backend.chunk_tokens):
        logits = backend.prefill(0, prompt[at : at + backend.chunk_tokens], _never)
    if logits is None:
        return []
    for sequence in range(1, count):
        backend.fork(0, sequence, len(prompt))
    texts, open_ones, ended = [b""] * count, list(range(count)), list[str]()
    rows = np.stack([np.asarray(logits)] * count)
    for _ in range(most_tokens):
        steps = []
        for sequence, row in zip(open_ones, rows, strict=True):
            token = choose(row, sampling, random)
            if token in stops:
                continue
            texts[sequence] += pieces[token]
            if mark.encode() in texts[sequence]:
                ended.append(texts[sequence].decode("utf-8", "replace").partition(mark)[0] + mark)
            else:
                steps.append((sequence, token))
        if not steps:
            break
        open_ones = [sequence for sequence, _ in steps]
        found = backend.decode(steps, _never)
        assert found is not None  # noqa: S101 - nothing stops it
        rows = found
    return ended


def _never() -> bool:
    return False
