"""Adapters: what is trained is what the engine serves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from engine.loop.lora import load_adapter
from engine.training.loop_model import read_trainable
from engine.training.low_rank import Adapted
from tests.engine.loop.checkpoints import written
from tests.engine.loop.test_model import NOTHING, chunks

CPU = torch.device("cpu")


@pytest.mark.parametrize("loops", [1, 2])
def test_a_trained_adapter_is_served_as_it_was_trained(loops: int, tmp_path: Path) -> None:
    from engine.loop.backend import LoopBackend
    from engine.loop.eager import Eager
    from engine.loop.model import LoopModel

    checkpoint = written(tmp_path / "model", loops=loops)
    changed = Adapted(read_trainable(tmp_path / "model"), rank=3, alpha=6.0)
    with torch.no_grad():
        for weight in changed.parameters:
            weight.normal_(0, 0.2)
    changed.write(tmp_path / "adapter", "a model")
    adapter = load_adapter(tmp_path / "adapter", checkpoint.config, CPU, torch.float32)
    served = LoopBackend(
        LoopModel(checkpoint.config, checkpoint.weights(), Eager()),
        NOTHING,
        Eager(),
        context_tokens=512,
        sequences=1,
        adapters={"it": adapter},
    )
    ids = list(range(40))
    for name in ("", "it"):
        served.adapt(name)
        served.rewind(0, 0)
        found = chunks(served, ids, [len(ids)])
        with torch.inference_mode():
            if name:
                logits, _ = changed.model(torch.tensor([ids]))
            else:
                with changed.off():
                    logits, _ = changed.model(torch.tensor([ids]))
        assert np.abs(logits[0].numpy() - found).max() < 1e-3, name


def test_a_fresh_adapter_changes_nothing_and_only_it_learns(tmp_path: Path) -> None:
    written(tmp_path)
    model, ids = read_trainable(tmp_path), torch.arange(30)[None]
    with torch.inference_mode():
        before, _ = model(ids)
    changed = Adapted(model, rank=2, alpha=4.0)
    after, _ = model(ids)
    assert torch.equal(before, after)
    after.logsumexp(-1).sum().backward()
    learning = {id(weight) for weight in changed.parameters}
    assert len(learning) == 2 * 7 * 2  # layers, matrices, factors
    assert {id(weight) for weight in model.parameters() if weight.grad is not None} <= learning
