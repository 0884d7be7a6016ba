"""The trainable loop model: what the loop engine computes, with gradients."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it

from engine.errors import ModelCorrupt
from engine.training.loop_model import near_attention, read_trainable
from tests.engine.loop.checkpoints import GOLDEN, needs_golden, written
from tests.engine.loop.test_model import backend, chunks


@needs_golden
@pytest.mark.parametrize("name", ["w8", "w64"])
def test_its_logits_are_the_golden_ones(name: str) -> None:
    golden = np.load(GOLDEN / f"{name}.npz")
    model = read_trainable(GOLDEN / f"{name}_checkpoint").double()
    with torch.inference_mode():
        logits, state = model(torch.from_numpy(golden["input_ids"]).view(1, -1))
    assert state is None
    assert np.abs(logits[0].numpy() - golden["logits_oracle_f64"]).max() < 1e-8


@pytest.mark.parametrize("loops", [1, 2, 3])
@pytest.mark.parametrize("tokens", [1, 8, 9, 61])
def test_its_logits_are_the_loop_engine_s(loops: int, tokens: int, tmp_path: Path) -> None:
    checkpoint = written(tmp_path, loops=loops, window=8)
    ids = np.random.default_rng(0).integers(0, 96, tokens).tolist()
    served = chunks(backend(checkpoint), ids, [tokens])
    with torch.inference_mode():
        logits, _ = read_trainable(tmp_path)(torch.tensor([ids]))
    assert np.abs(logits[0].numpy() - served).max() < 2e-4


@pytest.mark.parametrize("window", [1, 2, 5, 8])
@pytest.mark.parametrize("length", [1, 5, 8, 16, 23])
def test_attention_in_blocks_sees_the_last_tokens_and_no_other(window: int, length: int) -> None:
    """As one matrix of all tokens against all, masked, would say."""
    torch.manual_seed(window)
    q, k, v = (torch.randn(2, length, heads, 4, dtype=torch.float64) for heads in (4, 2, 2))
    row, column = torch.arange(length)[:, None], torch.arange(length)[None]
    seen = (column <= row) & (column > row - window)
    plain = F.scaled_dot_product_attention(
        *(one.transpose(1, 2) for one in (q, k, v)), attn_mask=seen, enable_gqa=True
    )
    assert torch.allclose(near_attention(q, k, v, window), plain.transpose(1, 2), atol=1e-12)


def test_every_weight_learns(tmp_path: Path) -> None:
    """A gradient comes to each of them; to embeddings of the tokens that were there."""
    written(tmp_path)
    model = read_trainable(tmp_path)
    logits, _ = model(torch.arange(96).view(4, 24))
    logits.logsumexp(-1).sum().backward()
    for name, weight in model.named_parameters():
        assert weight.grad is not None and weight.grad.abs().sum() > 0, name


@pytest.mark.parametrize(
    ("more", "sentence"),
    [({"model_type": "llama"}, "gates of a Loop model"), ({"hidden_size": 40}, "not of the form")],
)
def test_a_config_that_does_not_fit_the_weights_is_refused(
    more: dict[str, Any], sentence: str, tmp_path: Path
) -> None:
    written(tmp_path, **({"loop_num": 1} if "model_type" in more else {}), **more)
    with pytest.raises(ModelCorrupt, match=sentence):
        read_trainable(tmp_path)
