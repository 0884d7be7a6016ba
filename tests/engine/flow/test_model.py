"""The flow model: what it computes, that it never looks ahead, that how a text is cut makes no difference."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from engine.flow.model import FlowModel
from engine.flow.pinned import Pool
from engine.flow.state import FlowState
from tests.engine.flow import reference
from tests.engine.flow.models import VOCABULARY, random_model, random_text, shape

SHAPES: dict[str, dict[str, Any]] = {
    "all": {},
    "no memory": {"memory_slots": 0},
    "nothing pinned": {"pinned_tokens": 0},
    "windows alone": {"far_layers": ()},
    "one axis": {"axes": False},
    "two loops": {"loops": 2},
    "an odd window": {"window": 7, "loops": 3, "loop_window": 7},
    "head of its own": {"tied": False, "heads": 2},
}


@pytest.fixture(scope="module", params=SHAPES)
def model(request: pytest.FixtureRequest) -> FlowModel:
    return random_model(shape(**SHAPES[request.param]))


def in_parts(model: FlowModel, text: tuple[Tensor, ...], cuts: list[int]) -> tuple[Tensor, FlowState]:
    """Logits of a text that is read in parts which end at ``cuts``, without gradients: rows in place."""
    state, found = None, []
    with torch.no_grad():
        for start, end in itertools.pairwise([0, *cuts, text[0].shape[1]]):
            if end > start:
                logits, state = model(*(one[:, start:end] for one in text), state)
                found.append(logits)
    assert state is not None
    return torch.cat(found, 1), state


def test_the_model_computes_its_definition(model: FlowModel) -> None:
    """The fast model equals the definition, evaluated key by key in float64."""
    text = random_text(45)
    ids, flags, positions = (one[0].tolist() for one in text)
    double = random_model(model.config).double()
    wanted = reference.logits(double, ids, flags, [tuple(one) for one in positions])
    torch.testing.assert_close(double(*text)[0][0], wanted, atol=1e-9, rtol=0)


@given(
    cuts=st.lists(st.integers(0, 60), max_size=8).map(sorted),
    count=st.integers(1, 60),
    seed=st.integers(0, 1 << 20),
    batch=st.integers(1, 3),
)
@settings(max_examples=12, deadline=None)
def test_in_parts_as_a_whole(model: FlowModel, cuts: list[int], count: int, seed: int, batch: int) -> None:
    """However a text is cut, with whatever flags and positions, its logits are those of the whole (1e-4)."""
    text = random_text(count, seed, batch=batch)
    logits, _ = in_parts(model, text, [cut for cut in cuts if cut < count])
    torch.testing.assert_close(logits, model(*text)[0], atol=1e-4, rtol=1e-4)


def test_one_by_one_as_a_whole(model: FlowModel) -> None:
    """Token by token a text gives the same logits as at once, over twelve windows."""
    text = random_text(72, 3)
    torch.testing.assert_close(
        in_parts(model, text, list(range(1, 72)))[0], model(*text)[0], atol=1e-4, rtol=1e-4
    )


def test_a_state_that_is_carried_in(model: FlowModel) -> None:
    """A text trained on in runs, with gradients and detached borders, gives the logits of the whole."""
    text = random_text(60, 4, batch=2)
    first, state = model(*(one[:, :24] for one in text))
    second, _ = model(*(one[:, 24:] for one in text), state.detach())
    torch.testing.assert_close(torch.cat((first, second), 1), model(*text)[0], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("changed", [0, 5, 6, 17, 30, 43])
def test_nothing_looks_ahead(model: FlowModel, changed: int) -> None:
    """Another token, flag or position at j changes nothing before j, and something at j or after."""
    text, other = random_text(44, 5), random_text(44, 6)
    mixed = [torch.cat((a[:, :changed], b[:, changed:]), 1) for a, b in zip(text, other, strict=True)]
    mine, theirs = model(*text)[0], model(*mixed)[0]
    torch.testing.assert_close(mine[:, :changed], theirs[:, :changed], atol=1e-6, rtol=0)
    assert (mine[:, changed:] - theirs[:, changed:]).abs().max() > 1e-3


def test_rows_of_a_batch_do_not_meet(model: FlowModel) -> None:
    """A row's logits are the same beside other rows, which have other numbers of pinned tokens."""
    text = random_text(40, 7, batch=3)
    text[1][1] = 0  # one row pins nothing
    alone = [model(*(part[row : row + 1] for part in text))[0] for row in range(3)]
    torch.testing.assert_close(model(*text)[0], torch.cat(alone), atol=1e-4, rtol=1e-4)


def test_no_angle_grows() -> None:
    """Far into a text the model computes bit for bit what it does near its beginning: at token 3 * 10^11, by
    way of the same angles, and a pinned token's place does not count once it is out of the window."""
    model = random_model(shape())
    text = random_text(90, 8)
    with torch.no_grad():
        _, state = model(*(one[:, :18] for one in text))
        circle = model.positions.circle
        later = state.copy()
        shift = model.config.window * circle * 2_000_000_000
        later.tokens += shift
        later.pool = Pool(later.pool.ranks, later.pool.places + shift)
        here, _ = model(*(one[:, 18:] for one in text), state)
        there, after = model(*(one[:, 18:] for one in text), later)
    assert after.tokens > 3e11
    assert torch.equal(here, there)


def test_what_is_out_of_the_window_is_a_window_away() -> None:
    """No two tokens are turned further apart than a window: near ones by less, pinned ones by just that."""
    turns = random_model(shape()).positions
    window, circle = turns.window, turns.circle
    assert circle > 4 * window
    near = turns.near(0, 3 * circle, None, torch.float64)
    angles = torch.atan2(near.sin, near.cos)[0, 0]
    torch.testing.assert_close(angles[:circle], angles[circle : 2 * circle], atol=1e-12, rtol=0)
    order = len(turns.steps)
    far = turns.far(1, None, torch.float64)
    torch.testing.assert_close(far.cos[0, 0, 0, :order], near.cos[0, 0, window, :order])
    back = turns.back(5 * circle + 7, 1, torch.float64)
    torch.testing.assert_close(back.sin[0, 0, 0, :order], -near.sin[0, 0, 7, :order])


def test_the_state_does_not_grow(model: FlowModel) -> None:
    """After hundred windows a state takes no byte more than after ten."""
    window, sizes = model.config.window, []
    text, state = random_text(100 * window, 9), None
    with torch.no_grad():
        for start in range(0, 100 * window, window):
            _, state = model(*(one[:, start : start + window] for one in text), state)
            sizes.append(state.nbytes)
    assert max(sizes[10:]) == max(sizes[5:10])


def test_the_state_is_as_large_as_the_design_says() -> None:
    """Two windows in every layer, and the pool, the slots and one unfinished window in those that see far."""
    config = shape()
    _, state = in_parts(random_model(config), random_text(120, 10), list(range(1, 120)))
    pair = 2 * config.kv_heads * config.head_dim * 4
    far = config.pinned_tokens * pair + config.memory_slots * (pair + 4 * config.memory_size)
    far += config.window * config.hidden_size * 4
    ranks = 8 * (2 * config.window + 2 * config.pinned_tokens)
    assert state.nbytes == config.layers * 2 * config.window * pair + len(config.far_layers) * far + ranks


def test_a_state_goes_back_within_its_window(model: FlowModel) -> None:
    """A state that is cut back to any token of its window goes on as if the others had never been."""
    text = random_text(34, 11)
    window = model.config.window
    for length in range((33 // window) * window + 1, 34):
        _, state = in_parts(model, text, [10, 20, 30])
        state = state.copy()
        state.cut(length)
        with torch.no_grad():
            logits, _ = model(*(one[:, length:] for one in text), state)
        torch.testing.assert_close(logits, model(*text)[0][:, length:], atol=1e-4, rtol=1e-4)


def test_a_copy_is_a_state_of_its_own(model: FlowModel) -> None:
    """What a copy reads leaves the state that it was made of as it was."""
    text, other = random_text(40, 12), random_text(40, 13)
    _, state = in_parts(model, tuple(one[:, :20] for one in text), [7])
    copy = state.copy()
    with torch.no_grad():
        model(*(one[:, 20:] for one in other), copy)
        logits, _ = model(*(one[:, 20:] for one in text), state)
    torch.testing.assert_close(logits, model(*text)[0][:, 20:], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(("slots", "pinned", "reaches"), [(3, 0, True), (0, 4, True), (0, 0, False)])
def test_gradients_go_as_far_as_the_model_sees(slots: int, pinned: int, reaches: bool) -> None:
    """Through memory or pinned tokens the loss of the last window reaches the first one; else it does not."""
    changed = {"memory_slots": slots, "pinned_tokens": pinned, "layers": 2, "far_layers": (1,), "tied": False}
    model = random_model(shape(**changed))
    ids, flags, positions = random_text(48, 14)
    ids[:, 1:] = ids[:, 1:].clamp(min=1)
    ids[:, 0] = 0  # nobody else has this embedding
    flags[:] = 0
    flags[:, 2:6] = 4
    logits, _ = model(ids, flags, positions)
    logits[:, -2:].square().sum().backward()
    gradient = model.model.embed_tokens.weight.grad
    assert gradient is not None
    assert bool(gradient[0].abs().max() > 0) == reaches


def test_evicted_first_is_what_ranks_lowest_then_what_is_oldest() -> None:
    """Over the budget imports go before signatures, and of equals the older ones."""
    pool = Pool.empty(1, torch.device("cpu"))
    pool, _ = pool.after(torch.tensor([[1, 0, 3, 1]]), 0, 3)
    assert pool.places.tolist() == [[0, 2, 3]]
    pool, picks = pool.after(torch.tensor([[1, 0, 0, 4]]), 4, 3)
    assert pool.places.tolist() == [[2, 4, 7]] and pool.ranks.tolist() == [[3, 1, 4]]
    assert picks.tolist() == [[1, 3, 6]]


def test_a_fresh_model_knows_nothing_and_learns() -> None:
    """A fresh model's loss is that of a guess, and it learns a short text by heart."""
    model = random_model(shape(layers=2, far_layers=(1,), window=8, memory_dropout=0.1))
    model.begin(0)
    model.train()
    ids, flags, positions = random_text(65, 15)
    inputs = ids[:, :-1], flags[:, :-1], positions[:, :-1]
    optimiser, losses = torch.optim.AdamW(model.parameters(), lr=1e-2), []
    for _ in range(120):
        logits, _ = model(*inputs)
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[0] == pytest.approx(torch.tensor(float(VOCABULARY)).log().item(), abs=0.1)
    assert losses[-1] < 0.1


def test_training_without_memory_now_and_then() -> None:
    """With ``memory_dropout`` a training text may be read without memory; one that is served never is."""
    model = random_model(shape(memory_dropout=0.5, pinned_tokens=0))
    text = random_text(40, 16, batch=16)
    model.train()
    torch.manual_seed(0)
    trained = model(*text)[0][:, -1]
    served = model.eval()(*text)[0][:, -1]
    differ = ((trained - served).abs().amax(-1) > 1e-4).sum().item()
    assert 0 < differ < 16
