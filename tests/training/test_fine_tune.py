"""Fine-tuning: answers are learned, prompts are not; time ends it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from engine.training.fine_tune import Example, Tuning, answer_nats, nats_per_byte, tune
from engine.training.loop_model import LoopTransformer, read_trainable
from engine.training.place import Place
from tests.engine.loop.checkpoints import written

PLACE = Place(torch.device("cpu"), torch.float32)
EXAMPLES = [
    Example((5, 6, 7, 8, 9), 3, 4),
    Example((5, 6, 7), 1, 2),
    Example((20, 21, 22, 23, 24, 25, 26), 5, 7),
]


@pytest.fixture
def model(tmp_path: Path) -> LoopTransformer:
    written(tmp_path)
    return read_trainable(tmp_path)


def test_a_loss_is_that_of_the_answer_s_tokens(model: LoopTransformer) -> None:
    """Padding and company change nothing."""
    together = answer_nats(model, EXAMPLES, PLACE)
    for one, nats in zip(EXAMPLES, together, strict=True):
        logits, _ = model(torch.tensor([one.ids]))
        scores = logits[0].log_softmax(-1)
        alone = -sum(scores[n - 1, one.ids[n]] for n in range(one.answer, len(one.ids)))
        assert torch.allclose(nats, torch.as_tensor(alone), atol=1e-4)


def test_losses_per_byte_come_in_the_examples_order(model: LoopTransformer) -> None:
    found = nats_per_byte(model, EXAMPLES, PLACE, micro_tokens=8)
    alone = [answer_nats(model, [one], PLACE).item() / one.text_bytes for one in EXAMPLES]
    assert found == pytest.approx(alone, rel=1e-4)


def test_answers_are_learned_within_the_passes_given(model: LoopTransformer) -> None:
    shares: list[float] = []
    before = sum(nats_per_byte(model, EXAMPLES, PLACE))
    how = Tuning(3e-3, passes=20, seconds=60, tokens=8)
    done = tune(model, list(model.parameters()), EXAMPLES, PLACE, how, lambda share, _: shares.append(share))
    assert done.passes == 20 and done.tokens == 20 * 15
    assert shares == sorted(shares) and shares[-1] == 1
    assert sum(nats_per_byte(model, EXAMPLES, PLACE)) < before / 4


def test_time_ends_it(model: LoopTransformer) -> None:
    how = Tuning(1e-3, passes=100_000, seconds=0.5, tokens=8)
    done = tune(model, list(model.parameters()), EXAMPLES, PLACE, how, lambda *_: None)
    assert done.steps >= 1 and done.seconds < 5 and done.passes < 100_000
