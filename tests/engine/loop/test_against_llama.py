"""Trained weights: a Llama that llama.cpp runs, run by the loop engine with one loop, says the same."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from engine.catalog import resolve
from engine.errors import ModelUnavailable
from engine.llama.opening import open_llama
from tests.engine.loop.checkpoints import opened
from tests.engine.loop.test_model import backend, chunks, never

gguf = pytest.importorskip("gguf", reason="gguf is not installed")
TEXT = (Path(__file__).parents[3] / "context" / "window.py").read_text(encoding="utf-8")[:900]


def as_checkpoint(file: Path, folder: Path) -> None:
    """A GGUF file's weights, made whole, under the published names."""
    reader = gguf.GGUFReader(file)

    def fact(name: str) -> Any:
        field = reader.fields[f"llama.{name}"]
        return field.parts[field.data[0]][0].item()

    heads, kv_heads = fact("attention.head_count"), fact("attention.head_count_kv")
    hidden, layers = fact("embedding_length"), fact("block_count")
    half = hidden // heads // 2
    whole = {
        one.name: torch.from_numpy(gguf.dequantize(one.data, one.tensor_type).astype(np.float32))
        for one in reader.tensors
    }

    def halves(weight: Tensor, count: int) -> Tensor:
        """llama.cpp has the elements of a head that turn together side by side."""
        return weight.view(count, half, 2, -1).transpose(1, 2).reshape(weight.shape).contiguous()

    found = {"model.embed_tokens.weight": whole["token_embd.weight"]}
    found["model.norm.weight"] = whole["output_norm.weight"]
    for index in range(layers):
        there, here = f"blk.{index}", f"model.layers.{index}"
        found[f"{here}.input_layernorm.weight"] = whole[f"{there}.attn_norm.weight"]
        found[f"{here}.post_attention_layernorm.weight"] = whole[f"{there}.ffn_norm.weight"]
        for part, count in (("q", heads), ("k", kv_heads)):
            found[f"{here}.self_attn.{part}_proj.weight"] = halves(
                whole[f"{there}.attn_{part}.weight"], count
            )
        found[f"{here}.self_attn.v_proj.weight"] = whole[f"{there}.attn_v.weight"]
        found[f"{here}.self_attn.o_proj.weight"] = whole[f"{there}.attn_output.weight"]
        for part in ("gate", "up", "down"):
            found[f"{here}.mlp.{part}_proj.weight"] = whole[f"{there}.ffn_{part}.weight"]
    config = {
        "model_type": "llama",
        "vocab_size": len(found["model.embed_tokens.weight"]),
        "hidden_size": hidden,
        "intermediate_size": fact("feed_forward_length"),
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": kv_heads,
        "max_position_embeddings": fact("context_length"),
        "rms_norm_eps": fact("attention.layer_norm_rms_epsilon"),
        "rope_theta": fact("rope.freq_base"),
        "tie_word_embeddings": "output.weight" not in whole,
    }
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    save_file(found, folder / "model.safetensors")


@pytest.mark.model
def test_a_trained_llama_says_what_it_says_in_llama_cpp(tmp_path: Path) -> None:
    """As nearly as llama.cpp's 8-bit activations allow: a text is as likely, the next tokens are the same."""
    try:
        file = resolve("smollm2-135m", allow_smaller=False).path
    except ModelUnavailable as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))
    as_checkpoint(file, tmp_path)
    other = open_llama(file, sequences=1, context_tokens=1024)
    try:
        ids = list(other.tokenizer.encode(TEXT))
        theirs = [
            row.copy()
            for at in range(0, len(ids), 64)
            for row in other.verify(0, ids[at : at + 64], never) or []
        ]
    finally:
        other.close()
    ours = chunks(backend(opened(tmp_path)), ids, [100, len(ids) - 101, 1])
    scores = [torch.from_numpy(rows).double().log_softmax(-1).numpy() for rows in (ours, np.stack(theirs))]
    likely = [np.mean([rows[i][token] for i, token in enumerate(ids[1:])]) for rows in scores]
    assert abs(likely[0] - likely[1]) < 0.02
    assert (np.exp(scores[0]) * (scores[0] - scores[1])).sum(-1).mean() < 0.02
    assert (ours.argmax(-1) == np.stack(theirs).argmax(-1)).mean() > 0.9
