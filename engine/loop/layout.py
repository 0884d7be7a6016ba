"""How checkpoints name their tensors, and which of them make one matrix of ours.

From a config to names and shapes. Knows no files and no values.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from engine.loop.config import LoopConfig

EMBEDDING, NORM, HEAD = "model.embed_tokens.weight", "model.norm.weight", "lm_head.weight"
Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Matrix:
    """A matrix of ``shapes.Layer``: ``parts`` are the published ones it consists of, each with its rows."""

    columns: int
    parts: tuple[tuple[str, int], ...]

    @property
    def rows(self) -> int:
        """Of all parts together."""
        return sum(rows for _, rows in self.parts)


def matrices(config: LoopConfig) -> dict[str, Matrix]:
    """Every layer's matrices, by their names in ``shapes.Layer``; the parts' names are within a layer."""
    hidden, inner = config.hidden_size, config.intermediate_size
    queries, keys = config.heads * config.head_dim, config.kv_heads * config.head_dim
    qkv = (("self_attn.q_proj", queries), ("self_attn.k_proj", keys), ("self_attn.v_proj", keys))
    return {
        "qkv": Matrix(hidden, qkv),
        "o": Matrix(queries, (("self_attn.o_proj", hidden),)),
        "gate_up": Matrix(hidden, (("mlp.gate_proj", inner), ("mlp.up_proj", inner))),
        "down": Matrix(inner, (("mlp.down_proj", hidden),)),
    }


def layer_name(layer: int) -> str:
    """What the names of a layer's tensors begin with."""
    return f"model.layers.{layer}"


def input_norm_name(layer: int) -> str:
    """The norm before attention."""
    return f"{layer_name(layer)}.input_layernorm.weight"


def post_norm_name(layer: int) -> str:
    """The norm before the feed-forward part."""
    return f"{layer_name(layer)}.post_attention_layernorm.weight"


def gate_names(layer: int) -> tuple[str, str]:
    """Weight and bias of a layer's gates."""
    return f"model.gate_projections.{layer}.weight", f"model.gate_projections.{layer}.bias"


def published_matrices(config: LoopConfig) -> Iterator[tuple[str, int, int]]:
    """Name, rows and columns of each matrix as checkpoints have it."""
    for layer in range(config.layers):
        for matrix in matrices(config).values():
            for part, rows in matrix.parts:
                yield f"{layer_name(layer)}.{part}", rows, matrix.columns


def shapes_beside_matrices(config: LoopConfig) -> dict[str, Shape]:
    """What is never quantised: embedding, head, norms, gates."""
    hidden = config.hidden_size
    found: dict[str, Shape] = {EMBEDDING: (config.vocabulary_size, hidden), NORM: (hidden,)}
    if not config.tied:
        found[HEAD] = (config.vocabulary_size, hidden)
    for layer in range(config.layers):
        found[input_norm_name(layer)] = found[post_norm_name(layer)] = (hidden,)
        if config.loops > 1:
            weight, bias = gate_names(layer)
            found[weight], found[bias] = (config.heads, config.head_dim), (config.heads,)
    return found
