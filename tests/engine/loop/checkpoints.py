"""Checkpoints for the tests: the golden ones, and random ones of any shape in the published layout."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from engine.loop.config import LoopConfig, read_config
from engine.loop.tokenizer import open_tokenizer
from engine.loop.weights import load_weights
from tests.engine.loop.tiny_tokenizer import write_tokenizer

SHARED = Path(__file__).parents[4] / "shared"
GOLDEN = SHARED / "golden" / "loopcoder"
needs_golden = pytest.mark.skipif(
    not GOLDEN.is_dir() and not os.environ.get("CI"), reason="the golden checkpoints are not at hand"
)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A folder with its config and its tensors, in float32."""

    folder: Path
    config: LoopConfig
    tensors: dict[str, Tensor]

    def weights(self, dtype: torch.dtype = torch.float32) -> Any:
        return load_weights(self.folder, self.config, device=torch.device("cpu"), dtype=dtype)

    def tensors_as(self, dtype: torch.dtype) -> dict[str, Tensor]:
        return {name: tensor.to(dtype) for name, tensor in self.tensors.items()}


def opened(folder: Path) -> Checkpoint:
    return Checkpoint(folder, read_config(folder), load_file(folder / "model.safetensors"))


def written(
    folder: Path,
    *,
    seed: int = 0,
    layers: int = 2,
    hidden: int = 48,
    heads: int = 4,
    kv_heads: int = 2,
    head_dim: int = 16,
    inner: int = 80,
    vocabulary: int = 96,
    window: int = 8,
    loops: int = 2,
    **more: Any,
) -> Checkpoint:
    """A random checkpoint; its attention is sharp and its gates are open, so that mistakes show."""
    random = np.random.default_rng(seed)

    def matrix(*shape: int, size: float) -> Tensor:
        return torch.from_numpy((random.standard_normal(shape) * size).astype(np.float32))

    tensors = {"model.embed_tokens.weight": matrix(vocabulary, hidden, size=1.0)}
    for index in range(layers):
        layer = f"model.layers.{index}"
        shapes = {
            "self_attn.q_proj": (heads * head_dim, hidden),
            "self_attn.k_proj": (kv_heads * head_dim, hidden),
            "self_attn.v_proj": (kv_heads * head_dim, hidden),
            "self_attn.o_proj": (hidden, heads * head_dim),
            "mlp.gate_proj": (inner, hidden),
            "mlp.up_proj": (inner, hidden),
            "mlp.down_proj": (hidden, inner),
        }
        for name, shape in shapes.items():
            tensors[f"{layer}.{name}.weight"] = matrix(*shape, size=1.2 * shape[1] ** -0.5)
        for name in ("input_layernorm", "post_attention_layernorm"):
            tensors[f"{layer}.{name}.weight"] = 1 + matrix(hidden, size=0.1)
        if loops > 1:
            tensors[f"model.gate_projections.{index}.weight"] = matrix(heads, head_dim, size=0.3)
            tensors[f"model.gate_projections.{index}.bias"] = matrix(heads, size=0.5)
    tensors["model.norm.weight"] = 1 + matrix(hidden, size=0.1)
    tensors["lm_head.weight"] = matrix(vocabulary, hidden, size=2 * hidden**-0.5)
    config = {
        "architectures": ["IQuestLoopCoderForCausalLM" if loops > 1 else "LlamaForCausalLM"],
        "model_type": "iquestloopcoder" if loops > 1 else "llama",
        "vocab_size": vocabulary,
        "hidden_size": hidden,
        "intermediate_size": inner,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": kv_heads,
        "head_dim": head_dim,
        "hidden_act": "silu",
        "max_position_embeddings": 8192,
        "rms_norm_eps": 1e-5,
        "rope_theta": 500000,
        "tie_word_embeddings": False,
        "attention_bias": False,
        "mlp_bias": False,
        "eos_token_id": [2],
        "bos_token_id": 1,
    }
    if loops > 1:
        config |= {"loop_num": loops, "loop_window_size": window}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config | more), encoding="utf-8")
    save_file(tensors, folder / "model.safetensors")
    return opened(folder)


def saying(folder: Path, text: str, *, window: int = 8) -> Checkpoint:
    """A checkpoint with a tokenizer that says ``text`` after whatever it is asked, and ends.

    Its attention is computed and then adds nothing: each token's embedding points at the next one.
    """
    vocabulary = write_tokenizer(folder)
    hidden = 1 << (vocabulary - 1).bit_length()  # as many directions as tokens, so that none is like another
    checkpoint = written(folder, vocabulary=vocabulary, hidden=hidden, window=window)
    tokenizer = open_tokenizer(folder, vocabulary, checkpoint.config.stop_tokens)
    said = tokenizer.encode(text)
    assert len(set(said)) == len(said), "each token has one successor"
    tensors = dict(checkpoint.tensors)
    for name in tensors:
        if name.endswith(("o_proj.weight", "down_proj.weight")):
            tensors[name] = torch.zeros_like(tensors[name])
        elif name.endswith("norm.weight"):
            tensors[name] = torch.ones_like(tensors[name])
    rows = torch.ones(1, 1)
    while len(rows) < hidden:  # Hadamard's matrix: signs, each row at right angles to the others
        rows = torch.cat((torch.cat((rows, rows), 1), torch.cat((rows, -rows), 1)))
    embedding = rows[:vocabulary].clone()
    head = torch.zeros(vocabulary, hidden)
    following = dict(zip(said, [*said[1:], checkpoint.config.stop_tokens[0]], strict=True))
    for token in range(vocabulary):
        head[following.get(token, said[0])] += embedding[token] / (1 if token in following else 8)
    tensors |= {"model.embed_tokens.weight": embedding, "lm_head.weight": head}
    save_file(tensors, folder / "model.safetensors")
    return opened(folder)
