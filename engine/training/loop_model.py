"""LoopAttention as a torch module that can be trained; with one loop, a Llama.

The same maths as `engine.loop.model`, over whole sequences and with gradients; its state dict has the
published names, so that what it learns is a checkpoint for the loop engine. Keeps no keys and values.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from pathlib import Path

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from torch import Tensor, nn

from engine.errors import BackendError, ModelCorrupt
from engine.loop.config import LoopConfig, read_config
from engine.loop.device import free_bytes
from engine.loop.gptq import read_gptq_form
from engine.loop.rotary import rotary_table, rotate
from engine.loop.tensor_files import PLAIN, TensorFiles, named
from engine.loop.weights import expected_shapes

_SPREAD = 0.02  # standard deviation of fresh weights
_OPEN = 2.0  # bias of fresh gates: 88% global, as the published model's are


class LoopTransformer(nn.Module):
    """Token ids to logits. ``config.loops`` passes through the same layers."""

    def __init__(self, config: LoopConfig) -> None:
        super().__init__()
        self.config = config
        self.model = _Body(config)
        self.lm_head = (
            None if config.tied else nn.Linear(config.hidden_size, config.vocabulary_size, bias=False)
        )

    def forward(
        self,
        ids: Tensor,
        flags: Tensor | None = None,
        positions: Tensor | None = None,
        state: None = None,
    ) -> tuple[Tensor, None]:
        """(B, T) to logits (B, T, V); it knows no flags, no positions but the tokens' order, no state."""
        del flags, positions, state
        return self.logits(self.hidden(ids)), None

    def hidden(self, ids: Tensor) -> Tensor:
        """(B, T) -> (B, T, hidden), normed and ready for ``logits``."""
        return self.model(ids)

    def logits(self, hidden: Tensor) -> Tensor:
        """(..., hidden) -> (..., V)."""
        if self.lm_head is None:
            return F.linear(hidden, self.model.embed_tokens.weight)
        return self.lm_head(hidden)

    def begin(self, seed: int) -> None:
        """Fresh weights: normal ones, smaller where a layer adds to the residual stream; open gates."""
        random = torch.Generator().manual_seed(seed)
        depth = 2 * self.config.layers * self.config.loops
        for name, weight in self.named_parameters():
            with torch.no_grad():
                if "gate_projections" in name:
                    weight.fill_(_OPEN if name.endswith("bias") else 0.0)
                elif weight.dim() == 1:
                    weight.fill_(1.0)
                else:
                    adds = name.endswith(("o_proj.weight", "down_proj.weight"))
                    weight.normal_(0.0, _SPREAD / depth**0.5 if adds else _SPREAD, generator=random)


def read_trainable(folder: Path) -> LoopTransformer:
    """The checkpoint in ``folder`` in float32, to go on with.

    Raises ModelCorrupt, or BackendError where it does not fit in memory.
    """
    config = read_config(folder)
    if read_gptq_form(folder) is not None:
        raise ModelCorrupt(f"{folder} holds 4-bit weights, which cannot be trained; use the whole model.")
    shapes = expected_shapes(config)
    needed, free = 4 * sum(prod(shape) for shape in shapes.values()), free_bytes("cpu")
    if needed > free:
        raise BackendError(
            f"{folder.name} takes {needed / 1e9:.1f} GB of memory to train; {free / 1e9:.1f} GB are free."
        )
    with torch.device("meta"):
        model = LoopTransformer(config)
    found: dict[str, Tensor] = {}
    with TensorFiles(sorted(folder.glob("*.safetensors"))) as files:
        for name, shape in shapes.items():
            entry = files.entries.get(name)
            if entry is None or entry.shape != shape or entry.kind not in PLAIN:
                raise ModelCorrupt(f"{folder}: {name} is missing or not of the form {list(shape)}.")
            found[name] = files.read(name).to(torch.float32, copy=True)
        gates = [name for name in files.entries if "gate_projections" in name and name not in found]
    if gates:
        raise ModelCorrupt(
            f"{folder} holds the gates of a Loop model that config.json hides: {named(gates)}."
        )
    model.load_state_dict(found, assign=True)
    return model


def published(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A state dict under the published names alone: what compiling and DDP put before them is taken off."""
    return {name.replace("_orig_mod.", "").removeprefix("module."): one for name, one in state.items()}


class _Body(nn.Module):
    def __init__(self, config: LoopConfig) -> None:
        super().__init__()
        self._config = config
        self.embed_tokens = nn.Embedding(config.vocabulary_size, config.hidden_size)
        self.layers = nn.ModuleList(_Block(config) for _ in range(config.layers))
        self.norm = nn.RMSNorm(config.hidden_size, config.rms_norm_eps)
        if config.loops > 1:
            self.gate_projections = nn.ModuleList(_Gate(config) for _ in range(config.layers))

    def forward(self, ids: Tensor) -> Tensor:
        config = self._config
        x = self.embed_tokens(ids)
        exact = torch.float64 if x.dtype == torch.float64 else torch.float32
        cos, sin = rotary_table(config, ids.shape[1], dtype=exact, device=ids.device)
        kept: list[tuple[Tensor, Tensor]] = []
        for loop in range(config.loops):
            for index, layer in enumerate(self.layers):
                if loop == 0:
                    x, keys_values = layer(x, cos, sin, None, None)
                    kept.append(keys_values)
                else:
                    x, _ = layer(x, cos, sin, kept[index], self.gate_projections[index])
        return self.norm(x)


class _Block(nn.Module):
    def __init__(self, config: LoopConfig) -> None:
        super().__init__()
        self._window = config.window
        self.input_layernorm = nn.RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.self_attn = _Attention(config)
        self.post_attention_layernorm = nn.RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.mlp = _FeedForward(config)

    def forward(
        self, x: Tensor, cos: Tensor, sin: Tensor, first: tuple[Tensor, Tensor] | None, gate: _Gate | None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """``first``: the first loop's keys and values of this layer; None in that loop."""
        h = self.input_layernorm(x)
        q, k, v = self.self_attn.queries_keys_values(h, cos, sin)
        if first is None or gate is None:
            mixed = whole_attention(q, k, v)
        else:
            share = gate(q)
            mixed = share * whole_attention(q, *first) + (1 - share) * near_attention(q, k, v, self._window)
        x = x + self.self_attn.o_proj(mixed.flatten(2))
        return x + self.mlp(self.post_attention_layernorm(x)), (k, v)


class _Attention(nn.Module):
    def __init__(self, config: LoopConfig) -> None:
        super().__init__()
        hidden, d = config.hidden_size, config.head_dim
        self._d = d
        self.q_proj = nn.Linear(hidden, config.heads * d, bias=False)
        self.k_proj = nn.Linear(hidden, config.kv_heads * d, bias=False)
        self.v_proj = nn.Linear(hidden, config.kv_heads * d, bias=False)
        self.o_proj = nn.Linear(config.heads * d, hidden, bias=False)

    def queries_keys_values(self, h: Tensor, cos: Tensor, sin: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(B, T, heads, D), queries and keys turned to their positions."""
        parts = (self.q_proj(h), self.k_proj(h), self.v_proj(h))
        q, k, v = (part.unflatten(-1, (-1, self._d)) for part in parts)
        return rotate(q, cos, sin).to(v.dtype), rotate(k, cos, sin).to(v.dtype), v


class _FeedForward(nn.Module):
    def __init__(self, config: LoopConfig) -> None:
        super().__init__()
        hidden, inner = config.hidden_size, config.intermediate_size
        self.gate_proj = nn.Linear(hidden, inner, bias=False)
        self.up_proj = nn.Linear(hidden, inner, bias=False)
        self.down_proj = nn.Linear(inner, hidden, bias=False)

    def forward(self, u: Tensor) -> Tensor:
        return self.down_proj(F.silu(self.gate_proj(u)) * self.up_proj(u))


class _Gate(nn.Module):
    """How much of the global attention each head takes; raw parameters, as published."""

    def __init__(self, config: LoopConfig) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(config.heads, config.head_dim))
        self.bias = nn.Parameter(torch.full((config.heads,), _OPEN))

    def forward(self, q: Tensor) -> Tensor:
        """(B, T, H, D) -> (B, T, H, 1)."""
        return torch.sigmoid((q * self.weight).sum(-1) + self.bias).to(q.dtype)[..., None]


def whole_attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Causal attention; (B, T, H, D) and keys and values (B, T, K, D) -> (B, T, H, D)."""
    k, v = (_for_each_query_head(one, q) for one in (k, v))
    q, k, v = (one.transpose(1, 2) for one in (q, k, v))
    return F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2)


def near_attention(q: Tensor, k: Tensor, v: Tensor, window: int) -> Tensor:
    """Attention to the last ``window`` tokens, itself included, in blocks of as many: linear in T."""
    length, blocks = q.shape[1], -(-q.shape[1] // window)
    if blocks == 1:
        return whole_attention(q, k, v)
    k, v = (_for_each_query_head(one, q) for one in (k, v))
    q, k, v = (F.pad(one, (0, 0, 0, 0, 0, blocks * window - length)) for one in (q, k, v))
    q, k, v = (one.unflatten(1, (blocks, window)) for one in (q, k, v))  # (B, blocks, w, H, D)
    k, v = (torch.cat((F.pad(one[:, :-1], (0, 0, 0, 0, 0, 0, 1, 0)), one), 2) for one in (k, v))
    seen = _seen(blocks, window, q.device).repeat(len(q), 1, 1, 1)  # (B * blocks, 1, w, 2w)
    q, k, v = (one.flatten(0, 1).transpose(1, 2) for one in (q, k, v))
    mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=seen).transpose(1, 2)
    return mixed.unflatten(0, (-1, blocks)).flatten(1, 2)[:, :length]


def _seen(blocks: int, window: int, device: torch.device) -> Tensor:
    """Which keys of its own block and the one before a query sees; (blocks, 1, w, 2w)."""
    query = torch.arange(window, device=device)[:, None]
    key = torch.arange(-window, window, device=device)[None]
    seen = (key <= query) & (key > query - window)
    first = seen & (key >= 0)  # there is no block before
    return torch.stack((first, *[seen] * (blocks - 1)))[:, None]


def _for_each_query_head(x: Tensor, q: Tensor) -> Tensor:
    """Keys or values (B, T, K, D), each for its group of query heads: (B, T, H, D)."""
    return x if x.shape[2] == q.shape[2] else x.repeat_interleave(q.shape[2] // x.shape[2], 2)
