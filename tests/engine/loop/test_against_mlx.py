"""Against mlx-lm's own implementation, on random models of random shapes."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from tests.engine.loop.checkpoints import written
from tests.engine.loop.test_model import backend, chunks

mx = pytest.importorskip("mlx.core", reason="mlx is not installed")
iquest = pytest.importorskip("mlx_lm.models.iquestloopcoder", reason="mlx-lm is not installed")
cache = pytest.importorskip("mlx_lm.models.cache", reason="mlx-lm is not installed")

SHAPES = [
    {"seed": 1},
    {"seed": 2, "heads": 5, "kv_heads": 1, "window": 3, "head_dim": 8},
    {"seed": 3, "heads": 6, "kv_heads": 6, "window": 17, "layers": 3},
    {"seed": 4, "heads": 8, "kv_heads": 2, "window": 64, "head_dim": 32, "hidden": 80},
]


@pytest.mark.parametrize("shape", SHAPES)
def test_logits_are_mlx_s_within_1e_4(shape: dict[str, int], tmp_path: Path) -> None:
    """Whole, and a prompt with single tokens behind it."""
    checkpoint = written(tmp_path, **shape)
    config = checkpoint.config
    fields = {field.name for field in dataclasses.fields(iquest.ModelArgs)}
    values = {
        "model_type": "iquestloopcoder",
        "hidden_size": config.hidden_size,
        "num_hidden_layers": config.layers,
        "intermediate_size": config.intermediate_size,
        "num_attention_heads": config.heads,
        "num_key_value_heads": config.kv_heads,
        "rms_norm_eps": config.rms_norm_eps,
        "vocab_size": config.vocabulary_size,
        "head_dim": config.head_dim,
        "rope_theta": config.rope_theta,
        "loop_num": config.loops,
        "loop_window_size": config.window,
        "max_position_embeddings": config.trained_context,
        "tie_word_embeddings": config.tied,
    }
    model = iquest.Model(iquest.ModelArgs(**{k: v for k, v in values.items() if k in fields}))
    model.load_weights([(name, mx.array(tensor.numpy())) for name, tensor in checkpoint.tensors.items()])
    ids = np.random.default_rng(shape["seed"]).integers(0, config.vocabulary_size, 120).tolist()
    held = cache.make_prompt_cache(model)
    parts = [np.array(model(mx.array([ids[:90]]), cache=held))[0]]
    parts += [np.array(model(mx.array([[token]]), cache=held))[0] for token in ids[90:]]
    wanted = np.concatenate(parts)
    for sizes in ([120], [90] + [1] * 30, [50, 3, 67]):
        assert np.abs(chunks(backend(checkpoint), ids, sizes) - wanted).max() < 1e-4
