"""The flow model's backend: what it kept equals what is evaluated anew, whatever was done before."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.backend import Logits
from engine.errors import BackendError, ContextFull
from engine.flow.backend import FlowBackend
from engine.loop.tokenizer import open_tokenizer
from tests.engine.flow.models import written

Step = tuple[str, int, int, int]


@pytest.fixture(scope="module", params=[1, 2], ids=["one loop", "two loops"])
def backend(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> FlowBackend:
    folder = tmp_path_factory.mktemp("model")
    model = written(folder, window=16, loops=request.param, layers=2, far_layers=(1,))
    tokenizer = open_tokenizer(folder, model.config.vocabulary_size, ())
    return FlowBackend(model, tokenizer, context_tokens=800, sequences=3)


def never() -> bool:
    return False


def code(backend: FlowBackend, count: int, seed: int) -> list[int]:
    """Token ids of code and of noise, in no order: lines of definitions among them."""
    random = np.random.default_rng(seed)
    lines = [
        *(
            "import os\n",
            "class Point:\n",
            "    def at(self, x):\n",
            "        return x\n",
            "\n",
            "LIMIT = 3\n",
        ),
        *("<|file_sep|>a.py\n", "x = f(y)\n", "export function go(a) {\n", "  if (a) {\n", "}\n"),
    ]
    ids: list[int] = []
    while len(ids) < count:
        ids += backend.tokenizer.encode(lines[random.integers(len(lines))], special=True)
    return ids[:count]


def fresh(backend: FlowBackend, ids: list[int]) -> Logits:
    """The logits after ``ids``, evaluated at once in a sequence that is emptied before and after."""
    backend.rewind(2, 0)
    found = backend.prefill(2, ids, never)
    backend.rewind(2, 0)
    assert found is not None
    return found


step = st.tuples(
    st.sampled_from(["extend", "extend", "cut", "fork", "several", "save", "stop", "guess"]),
    st.integers(0, 1),
    st.integers(1, 70),
    st.integers(0, 1 << 20),
)


@given(steps=st.lists(step, min_size=3, max_size=14))
@settings(max_examples=25, deadline=None)
def test_cut_forked_extended_and_saved_sequences_equal_fresh_ones(
    backend: FlowBackend, steps: list[Step]
) -> None:
    """Whatever was done to two sequences, what comes after them is what comes after their tokens (1e-4)."""
    backend.rewind(0, 0)
    backend.rewind(1, 0)
    held: list[list[int]] = [[], []]
    for action, sequence, count, seed in steps:
        other, ids = 1 - sequence, code(backend, count, seed)
        if len(held[0]) > 500 or len(held[1]) > 500:
            break
        if action == "extend":
            backend.prefill(sequence, ids, never)
            held[sequence] += ids
        elif action == "several":
            backend.decode([(0, ids[0]), (1, ids[-1])], never)
            held[0].append(ids[0])
            held[1].append(ids[-1])
        elif action == "cut":
            length = backend.restorable(sequence, seed % (len(held[sequence]) + 1))
            assert backend.rewind(sequence, length)
            del held[sequence][length:]
        elif action == "fork":
            length = backend.restorable(sequence, seed % (len(held[sequence]) + 1))
            backend.fork(sequence, other, length)
            held[other] = held[sequence][:length]
        elif action == "save" and held[sequence]:
            length = max(0, len(held[sequence]) - seed % 9)
            if backend.load(other, backend.save(sequence), length):
                held[other] = held[sequence][:length]
            else:
                held[other] = []
        elif action == "stop":
            calls = iter([False] * (seed % 5))
            if backend.prefill(sequence, ids, lambda calls=calls: next(calls, True)) is not None:
                held[sequence] += ids
        elif action == "guess":
            rows = backend.verify(sequence, ids, never)
            assert rows is not None and len(rows) == len(ids)
            wanted = fresh(backend, held[sequence] + ids[: len(ids) // 2 + 1])
            np.testing.assert_allclose(rows[len(ids) // 2], wanted, atol=1e-4)
            held[sequence] += ids
        assert [backend.length(0), backend.length(1)] == [len(one) for one in held]
    for sequence in range(2):
        ids = code(backend, 5, sequence)
        found = backend.prefill(sequence, ids, never)
        assert found is not None
        np.testing.assert_allclose(found, fresh(backend, held[sequence] + ids), atol=1e-4)


def test_where_a_long_sequence_goes_back_to(backend: FlowBackend) -> None:
    """Within its window a sequence goes back to any token, further back to some, the nearer the more."""
    window = 16
    backend.rewind(0, 0)
    backend.prefill(0, code(backend, 40 * window + 5, 1), never)
    assert [backend.restorable(0, 40 * window + n) for n in (1, 3, 9)] == [641, 643, 645]
    assert backend.restorable(0, 40 * window) == 40 * window
    reached = {backend.restorable(0, length) for length in range(39 * window)}
    ends = {length // window for length in reached if length % window == 0}
    assert ends == {0, 16, 32, 36, 38}
    backend.rewind(0, 0)


def test_scores_are_those_of_the_tokens(backend: FlowBackend) -> None:
    """``score`` gives each of the last tokens its log probability after all before it."""
    ids = code(backend, 50, 2)
    backend.rewind(0, 0)
    backend.prefill(0, ids[:20], never)
    scores = backend.score(0, ids[20:], 3, never)
    assert scores is not None
    for place, score in zip((47, 48, 49), scores, strict=True):
        logits = fresh(backend, ids[:place]).astype(np.float64)
        wanted = logits[ids[place]] - np.log(np.exp(logits - logits.max()).sum()) - logits.max()
        assert score == pytest.approx(wanted, abs=1e-3)
    backend.rewind(0, 0)


def test_what_does_not_fit_and_what_is_not_there(backend: FlowBackend) -> None:
    """More tokens than the context holds are refused, and so is an adapter; nothing has changed then."""
    backend.rewind(0, 0)
    backend.prefill(0, code(backend, 790, 3), never)
    with pytest.raises(ContextFull):
        backend.prefill(0, code(backend, 11, 3), never)
    assert backend.length(0) == 790
    with pytest.raises(BackendError, match="no adapter named mine"):
        backend.adapt("mine")
    backend.rewind(0, 0)


def test_a_state_of_another_model_is_refused(backend: FlowBackend, tmp_path: Path) -> None:
    """A saved state is loaded by its own model alone, and whole; a sequence is empty otherwise."""
    backend.rewind(0, 0)
    backend.prefill(0, code(backend, 60, 4), never)
    state = backend.save(0)
    assert len(state) < 2 * backend.state_bytes(0) + 20_000
    model = written(tmp_path, window=32, layers=2, far_layers=(1,))
    tokenizer = open_tokenizer(tmp_path, model.config.vocabulary_size, ())
    other = FlowBackend(model, tokenizer, context_tokens=800, sequences=1)
    assert not other.load(0, state, 60)
    assert other.length(0) == 0
    assert not backend.load(1, state[:-100], 60)
    assert not backend.load(1, state, 61)
    assert backend.length(1) == 0
    backend.rewind(0, 0)
