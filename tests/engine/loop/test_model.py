"""The model's maths: against golden logits, against a plain reference, and against mlx-lm."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from engine.loop.backend import LoopBackend
from engine.loop.eager import Eager
from engine.loop.model import LoopModel
from tests.engine.loop.checkpoints import GOLDEN, Checkpoint, needs_golden, opened, written
from tests.engine.loop.reference import MISTAKES, logits

NOTHING: Any = None  # for a tokenizer: there is no text here
FIXTURES = ("w8", "w64")


def backend(checkpoint: Checkpoint, dtype: torch.dtype = torch.float32) -> LoopBackend:
    model = LoopModel(checkpoint.config, checkpoint.weights(dtype), Eager())
    return LoopBackend(
        model,
        NOTHING,
        Eager(),
        context_tokens=4096,
        sequences=2,
        chunk_tokens=4096,
    )


def never() -> bool:
    return False


def chunks(engine: LoopBackend, ids: list[int], sizes: list[int]) -> np.ndarray:
    """The logits (T, V) after every token, evaluated in pieces of these sizes."""
    found, done = [], 0
    for size in sizes:
        found += engine.verify(0, ids[done : done + size], never) or []
        done += size
    assert done == len(ids)
    return np.stack(found)


@needs_golden
@pytest.mark.parametrize("name", FIXTURES)
def test_float32_logits_are_the_golden_ones_within_1e_4_in_whatever_pieces_they_are_evaluated(
    name: str,
) -> None:
    golden = np.load(GOLDEN / f"{name}.npz")
    ids = golden["input_ids"].ravel().tolist()
    before = int(golden["prefill_len"])
    schedules = {
        "whole": [len(ids)],
        "one by one": [1] * len(ids),
        "prefill, then tokens": [before] + [1] * (len(ids) - before),
        "mixed": [7, 1, 8, 9, len(ids) - 25],
    }
    for schedule in schedules.values():
        found = chunks(backend(opened(GOLDEN / f"{name}_checkpoint")), ids, schedule)
        assert np.abs(found - golden["logits_full"]).max() < 1e-4
        assert np.abs(found - golden["logits_incremental"]).max() < 1e-4


@needs_golden
@pytest.mark.parametrize("name", FIXTURES)
def test_float64_logits_are_the_oracle_s_within_1e_9(name: str) -> None:
    golden = np.load(GOLDEN / f"{name}.npz")
    ids = golden["input_ids"].ravel().tolist()
    checkpoint = opened(GOLDEN / f"{name}_checkpoint")
    model = LoopModel(checkpoint.config, checkpoint.weights(torch.float64), Eager())
    found = exact_logits(model, ids)
    assert np.abs(found - golden["logits_oracle_f64"]).max() < 1e-9


@needs_golden
@pytest.mark.parametrize("mistake", MISTAKES)
@pytest.mark.parametrize("name", FIXTURES)
def test_every_known_mistake_of_other_implementations_would_be_noticed(name: str, mistake: str) -> None:
    golden = np.load(GOLDEN / f"{name}.npz")
    checkpoint = opened(GOLDEN / f"{name}_checkpoint")
    ids = torch.from_numpy(golden["input_ids"].ravel())
    wrong = logits(checkpoint.config, checkpoint.tensors, ids, mistake).numpy()
    assert np.abs(wrong - golden["logits_full"]).max() > 1e-2


@pytest.mark.parametrize(
    "shape",
    [
        {},
        {"kv_heads": 4},
        {"heads": 5, "kv_heads": 1, "window": 1},
        {"heads": 6, "kv_heads": 3, "head_dim": 8, "window": 64},
        {"window": 100, "layers": 3},
        {"loops": 3, "window": 5},
        {"loops": 1},
    ],
)
def test_any_shape_computes_what_the_plain_version_does(shape: dict[str, int], tmp_path) -> None:
    checkpoint = written(tmp_path, **shape)
    ids = np.random.default_rng(1).integers(0, checkpoint.config.vocabulary_size, 150).tolist()
    model = LoopModel(checkpoint.config, checkpoint.weights(torch.float64), Eager())
    wanted = logits(checkpoint.config, checkpoint.tensors_as(torch.float64), torch.tensor(ids)).numpy()
    assert np.abs(exact_logits(model, ids) - wanted).max() < 1e-9
    found = chunks(backend(checkpoint), ids, [70, 1, 1, 60, 18])
    assert np.abs(found - wanted).max() < 1e-4


def exact_logits(model: LoopModel, ids: list[int]) -> np.ndarray:
    """(T, V) in the model's own dtype, in two pieces."""
    from engine.loop.cache import LoopCache
    from engine.loop.rotary import rotary_table
    from engine.loop.spans import Span, SpanAttention

    dtype, device = model.weights.embedding.dtype, torch.device("cpu")
    cache = LoopCache(model.config, tokens=1024, sequences=1, chunk=1024, dtype=dtype, device=device)
    rotary = rotary_table(model.config, 1024, dtype=dtype, device=device)
    found, start = [], 0
    for end in (len(ids) // 3, len(ids)):
        cache.reserve(0, end - start)
        attention = SpanAttention(cache, Eager(), rotary, [Span(0, start, end - start)])
        with torch.inference_mode():
            found.append(model.logits(model(torch.tensor(ids[start:end]), attention)))
        cache.commit(0, end - start)
        start = end
    return torch.cat(found).numpy()
