"""The model as slowly and as plainly as it can be written: whole sequences, no cache, no fused matrix.

Beside the right one it computes every mistake that is known from other implementations, so that a test can
show that it would notice them.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from engine.loop.config import LoopConfig

MISTAKES = (
    "window one short",
    "window one long",
    "no window",
    "gate before rotation",
    "gate swapped",
    "global reads its own loop",
    "local reads loop 0",
    "interleaved rotation",
    "norm between loops",
    "embedding added again",
    "one loop",
    "heads not transposed back",
)


def logits(config: LoopConfig, tensors: Mapping[str, Tensor], ids: Tensor, mistake: str = "") -> Tensor:
    """(T,) -> (T, vocabulary), in the tensors' own dtype."""
    assert not mistake or mistake in MISTAKES
    x = embedded = tensors["model.embed_tokens.weight"][ids]
    first: list[tuple[Tensor, Tensor]] = []
    for loop in range(1 if mistake == "one loop" else config.loops):
        for index in range(config.layers):
            layer = f"model.layers.{index}"
            h = _norm(x, tensors[f"{layer}.input_layernorm.weight"], config)
            q, k, v = (
                (h @ tensors[f"{layer}.self_attn.{name}_proj.weight"].T).view(len(ids), -1, config.head_dim)
                for name in "qkv"
            )
            plain_q, q, k = q, _turn(q, config, mistake), _turn(k, config, mistake)
            if loop == 0:
                first.append((k, v))
                mixed = _attend(q, k, v, window=len(ids))
            else:
                window = config.window
                window += {"window one short": -1, "window one long": 1, "no window": len(ids)}.get(
                    mistake, 0
                )
                far = (k, v) if mistake == "global reads its own loop" else first[index]
                near = first[index] if mistake == "local reads loop 0" else (k, v)
                weight = tensors[f"model.gate_projections.{index}.weight"]
                asked = plain_q if mistake == "gate before rotation" else q
                share = torch.sigmoid(
                    (asked * weight).sum(-1) + tensors[f"model.gate_projections.{index}.bias"]
                )
                share = (1 - share if mistake == "gate swapped" else share)[..., None]
                mixed = share * _attend(q, *far, window=len(ids)) + (1 - share) * _attend(
                    q, *near, window=window
                )
                if mistake == "heads not transposed back":
                    mixed = mixed.transpose(0, 1).reshape(mixed.shape)
            x = x + mixed.flatten(1) @ tensors[f"{layer}.self_attn.o_proj.weight"].T
            h = _norm(x, tensors[f"{layer}.post_attention_layernorm.weight"], config)
            gate = torch.nn.functional.silu(h @ tensors[f"{layer}.mlp.gate_proj.weight"].T)
            up = h @ tensors[f"{layer}.mlp.up_proj.weight"].T
            x = x + (gate * up) @ tensors[f"{layer}.mlp.down_proj.weight"].T
        if loop < config.loops - 1:
            if mistake == "norm between loops":
                x = _norm(x, tensors["model.norm.weight"], config)
            if mistake == "embedding added again":
                x = x + embedded
    head = tensors.get("lm_head.weight", tensors["model.embed_tokens.weight"])
    return _norm(x, tensors["model.norm.weight"], config) @ head.T


def _norm(x: Tensor, weight: Tensor, config: LoopConfig) -> Tensor:
    return x / (x.square().mean(-1, keepdim=True) + config.rms_norm_eps).sqrt() * weight


def _turn(x: Tensor, config: LoopConfig, mistake: str) -> Tensor:
    """(T, heads, D), each pair of elements turned by its position."""
    half = config.head_dim // 2
    angle = torch.arange(len(x), dtype=x.dtype)[:, None] * config.rope_theta ** -(
        torch.arange(half, dtype=x.dtype) / half
    )
    turn = torch.polar(torch.ones_like(angle), angle)[:, None]
    if mistake == "interleaved rotation":
        pairs = torch.view_as_complex(x.view(*x.shape[:-1], half, 2).contiguous())
        return torch.view_as_real(pairs * turn).flatten(-2)
    pairs = torch.complex(x[..., :half], x[..., half:]) * turn
    return torch.cat((pairs.real, pairs.imag), dim=-1)


def _attend(q: Tensor, k: Tensor, v: Tensor, *, window: int) -> Tensor:
    """(T, H, D): token by token, head by head."""
    out = torch.empty_like(q)
    group = q.shape[1] // k.shape[1]
    for token in range(len(q)):
        seen = slice(max(0, token - window + 1), token + 1)
        for head in range(q.shape[1]):
            score = k[seen, head // group] @ q[token, head] / q.shape[-1] ** 0.5
            out[token, head] = score.softmax(0) @ v[seen, head // group]
    return out
