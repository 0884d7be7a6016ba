"""What a cache kept equals what is evaluated anew, whatever was cut, forked, extended, saved before."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.errors import ContextFull
from engine.loop import cache
from engine.loop.backend import LoopBackend
from engine.loop.eager import Eager
from engine.loop.model import LoopModel
from tests.engine.loop.checkpoints import Checkpoint, written

STRIDE, SLACK = 128, 96  # short ones, so that short sequences cross them


def never() -> bool:
    return False


@pytest.fixture(autouse=True)
def short_strides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "STRIDE", STRIDE)
    monkeypatch.setattr(cache, "SLACK", SLACK)


@pytest.fixture(scope="module", params=[5, 64, 100])
def checkpoint(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    return written(
        tmp_path_factory.mktemp("model"), window=request.param, loops=3 if request.param == 5 else 2
    )


def opened(checkpoint: Checkpoint, *, context_tokens: int = 2048) -> LoopBackend:
    model = LoopModel(checkpoint.config, checkpoint.weights(), Eager())
    nothing: Any = None  # nothing is tokenised here
    return LoopBackend(model, nothing, Eager(), context_tokens=context_tokens, sequences=3, chunk_tokens=700)


def fresh(backend: LoopBackend, sequence: int, ids: list[int]) -> np.ndarray:
    """The logits after ``ids``, evaluated at once in a sequence that is emptied before and after."""
    backend.rewind(sequence, 0)
    found = backend.prefill(sequence, ids, never)
    assert found is not None
    backend.rewind(sequence, 0)
    return found


def greedy(backend: LoopBackend, sequence: int, logits: np.ndarray, count: int = 6) -> list[int]:
    """The likeliest tokens after what a sequence holds."""
    found: list[int] = []
    while len(found) < count:
        found.append(int(logits.argmax()))
        rows = backend.decode([(sequence, found[-1])], never)
        assert rows is not None
        logits = rows[0]
    return found


def greedy_from_nothing(backend: LoopBackend, sequence: int, ids: list[int]) -> list[int]:
    backend.rewind(sequence, 0)
    logits = backend.prefill(sequence, ids, never)
    assert logits is not None
    return greedy(backend, sequence, logits)


step = st.tuples(
    st.sampled_from(["extend", "extend", "cut", "fork", "several", "save"]),
    st.integers(0, 1),
    st.integers(1, 160),
    st.integers(0, 1 << 20),
)


@given(steps=st.lists(step, min_size=3, max_size=12))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_cut_forked_extended_and_saved_sequences_equal_fresh_ones(
    checkpoint: Checkpoint, steps: list[tuple[str, int, int, int]]
) -> None:
    backend, held = opened(checkpoint), [[], []]
    exact_from = [
        0,
        0,
    ]  # each sequence can be cut back to any length from here on; a copy gets no more than there is
    for action, sequence, count, seed in steps:
        other = 1 - sequence
        ids = np.random.default_rng(seed).integers(0, checkpoint.config.vocabulary_size, count).tolist()
        if action == "extend" and len(held[sequence]) + count <= 600:
            backend.prefill(sequence, ids, never)
            held[sequence] += ids
        elif action == "several" and held[0] and held[1]:
            rows = backend.decode([(0, ids[0]), (1, ids[-1])], never)
            held[0].append(ids[0])
            held[1].append(ids[-1])
            assert rows is not None
            for row, tokens in zip(rows, held, strict=True):
                assert np.abs(row - fresh(backend, 2, tokens)).max() < 1e-5
        elif action == "cut":
            wanted = seed % (len(held[sequence]) + 1)
            kept = backend.restorable(sequence, wanted)
            assert backend.rewind(sequence, wanted) == (kept == wanted)
            lowest = max(exact_from[sequence], len(held[sequence]) - SLACK)
            assert wanted < lowest or kept == wanted
            assert wanted - kept < STRIDE
            backend.rewind(sequence, kept)
            del held[sequence][kept:]
            exact_from[sequence] = min(lowest, kept)
        elif action == "fork":
            length = backend.restorable(other, seed % (len(held[other]) + 1))
            backend.fork(other, sequence, length)
            exact_from[sequence] = min(length, max(exact_from[other], len(held[other]) - SLACK))
            held[sequence] = held[other][:length]
        elif action == "save" and held[other]:
            length = backend.restorable(other, seed % (len(held[other]) + 1))
            state = backend.save(other)
            assert backend.load(sequence, state, length)
            assert 0 <= len(state) - backend.state_bytes(other) < 4096
            exact_from[sequence] = min(length, max(exact_from[other], len(held[other]) - SLACK))
            held[sequence] = held[other][:length]
        assert backend.length(sequence) == len(held[sequence])
    for sequence, tokens in enumerate(held):
        after = backend.prefill(sequence, [3, 4], never)
        assert after is not None
        wanted = fresh(backend, 2, [*tokens, 3, 4])
        assert np.abs(after - wanted).max() < 1e-5
        assert greedy(backend, sequence, after) == greedy_from_nothing(backend, 2, [*tokens, 3, 4])


def test_pages_are_all_given_back(checkpoint: Checkpoint) -> None:
    """Whatever was forked and cut, an empty cache has all its pages, of both kinds."""
    backend = opened(checkpoint)
    pools = [pool for pool in (backend._cache.pool, backend._cache.local_pool) if pool is not None]
    free = [pool.free for pool in pools]
    for round_ in range(4):
        backend.prefill(0, [1] * (100 + 61 * round_), never)
        backend.fork(0, 1, backend.restorable(0, 90))
        backend.prefill(1, [2] * 70, never)
        backend.fork(1, 2, backend.length(1))
        backend.rewind(0, 0)
        backend.rewind(1, backend.restorable(1, 30))
    for sequence in range(3):
        backend.rewind(sequence, 0)
    assert [pool.free for pool in pools] == free


def test_a_full_cache_says_so_and_loses_nothing(checkpoint: Checkpoint) -> None:
    backend = opened(checkpoint, context_tokens=256)
    backend.prefill(0, [1, 2, 3] * 60, never)
    before = fresh(opened(checkpoint), 0, [1, 2, 3] * 60 + [5])
    with pytest.raises(ContextFull, match=r"engine\.contextTokens"):
        backend.prefill(1, [4] * 400, never)
    assert (backend.length(0), backend.length(1)) == (180, 0)
    after = backend.prefill(0, [5], never)
    assert after is not None
    assert np.abs(after - before).max() < 1e-5


def test_a_step_that_is_stopped_between_two_layers_leaves_the_sequence_as_it_was(
    checkpoint: Checkpoint,
) -> None:
    backend, asked = opened(checkpoint), iter([False, False, True])
    backend.prefill(0, [1, 2, 3], never)
    assert backend.prefill(0, [4] * 50, lambda: next(asked)) is None
    assert backend.length(0) == 3
    after = backend.prefill(0, [5], never)
    assert after is not None
    assert np.abs(after - fresh(backend, 1, [1, 2, 3, 5])).max() < 1e-5


def test_a_state_of_another_model_or_a_damaged_one_is_refused(checkpoint: Checkpoint, tmp_path: Path) -> None:
    backend, other = opened(checkpoint), opened(written(tmp_path, head_dim=8))
    other.prefill(0, [1, 2, 3], never)
    backend.prefill(0, [1, 2, 3], never)
    good = backend.save(0)
    for state in (other.save(0), good[:-10], good[:4], b""):
        assert not backend.load(1, state, 3)
        assert backend.length(1) == 0
    assert backend.load(1, good, 3)


def test_scores_are_log_probabilities_of_single_steps(checkpoint: Checkpoint) -> None:
    backend, ids = opened(checkpoint), [5, 9, 2, 7, 7, 1]
    found = backend.score(0, ids, 3, never)
    logits = [backend.prefill(1, [token], never) for token in ids]
    rows = [torch.from_numpy(row).log_softmax(0) for row in logits if row is not None]
    assert found == pytest.approx([float(rows[i - 1][ids[i]]) for i in (3, 4, 5)], abs=1e-5)
