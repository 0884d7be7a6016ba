"""The flow model: layers that see one window exactly, a few of them further, at a cost that stays the same.

One function reads tokens, be they one, a chunk or a training text: ``hidden`` takes what the tokens before
left behind (``FlowState``) and gives what these leave. Design and reasons: docs/flow-model.md. Names of
weights are the published ones of the loop model where it has the same. Knows no tokenizer and no files.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from torch import Tensor, nn

from engine.flow.attention import Seen
from engine.flow.blocks import OPEN, Gate, linear
from engine.flow.config import FlowConfig
from engine.flow.layer import Layer
from engine.flow.positions import Positions
from engine.flow.run import begin_run
from engine.flow.state import FlowState

_SPREAD = 0.02  # standard deviation of fresh weights
_SLOTS_APART = 0.5  # the same of fresh slots: they have to ask different things from the first window on
_KEEPS = 1.0  # bias of a fresh GRU's gate: a slot keeps 73% of what it was


class FlowModel(nn.Module):
    """Token ids to logits."""

    def __init__(self, config: FlowConfig) -> None:
        super().__init__()
        self.config = config
        self.model = _Body(config)
        self.positions = Positions(config)
        self.lm_head = None if config.tied else linear(config.hidden_size, config.vocabulary_size)

    def forward(
        self,
        ids: Tensor,
        flags: Tensor | None = None,
        positions: Tensor | None = None,
        state: FlowState | None = None,
    ) -> tuple[Tensor, FlowState]:
        """Logits (B, T, V), and what to go on with; see ``hidden``."""
        hidden, state = self.hidden(ids, flags, positions, state)
        return self.logits(hidden), state

    def hidden(
        self,
        ids: Tensor,
        flags: Tensor | None = None,
        positions: Tensor | None = None,
        state: FlowState | None = None,
        between: Callable[[], None] = lambda: None,
    ) -> tuple[Tensor, FlowState]:
        """(B, T, hidden), normed, and the state after. ``state`` is used up; None at a text's beginning.

        ``flags`` (B, T): ranks of pinned tokens, 0 for others. ``positions`` (B, T, 3): line, age and level
        (``engine.training.data.shards``). ``between`` is called before every layer and may raise.
        """
        config, body = self.config, self.model
        if state is None:
            state = FlowState.empty(config, len(ids), ids.device)
        double = body.embed_tokens.weight.dtype == torch.float64
        run = begin_run(
            config,
            state,
            self.positions,
            torch.zeros_like(ids) if flags is None else flags,
            positions,
            exact=torch.float64 if double else torch.float32,
            read_mask=self._read_mask(ids),
        )
        x = body.embed_tokens(ids)
        seen: list[list[Seen]] = []
        for layer, held in zip(body.layers, state.layers, strict=True):
            between()
            x, looked_at = layer(x, run, held)
            seen.append(looked_at)
        for loop in range(config.loops - 1):
            for index, held in enumerate(state.layers):
                between()
                layer, gate = cast(Layer, body.layers[index]), cast(Gate, body.gate_projections[index])
                x = layer.again(x, run, held.later[loop], seen[index], gate)
        state.trim(config)
        return body.norm(x), state

    def logits(self, hidden: Tensor) -> Tensor:
        """(..., hidden) -> (..., V)."""
        head = self.model.embed_tokens.weight if self.lm_head is None else self.lm_head.weight
        return F.linear(hidden, head)

    def begin(self, seed: int) -> None:
        """Fresh weights: normal ones, smaller where a layer adds to the residual stream; open gates."""
        random = torch.Generator().manual_seed(seed)
        depth = 2 * self.config.layers * self.config.loops
        with torch.no_grad():
            for name, weight in self.named_parameters():
                if name.endswith("memory.first"):
                    weight.normal_(0.0, _SLOTS_APART, generator=random)
                elif name.endswith("cell.bias_ih"):
                    weight.zero_()[len(weight) // 3 : 2 * len(weight) // 3] = _KEEPS
                elif "gate_projections" in name:
                    weight.fill_(OPEN if name.endswith("bias") else 0.0)
                elif weight.dim() == 1:
                    weight.fill_(1.0 if "norm" in name else 0.0)
                elif ".memory." in name:  # what it multiplies is normed, or below 1
                    weight.normal_(0.0, weight.shape[-1] ** -0.5, generator=random)
                else:
                    adds = name.endswith(("o_proj.weight", "down_proj.weight"))
                    weight.normal_(0.0, _SPREAD / depth**0.5 if adds else _SPREAD, generator=random)

    def _read_mask(self, ids: Tensor) -> Tensor | None:
        """Which rows read their memory: all but, in training, some."""
        if not (self.training and self.config.memory_dropout):
            return None
        return torch.rand(len(ids), 1, 1, 1, device=ids.device) >= self.config.memory_dropout


def build(config: FlowConfig) -> FlowModel:
    """A model of that shape in float32; ``begin`` gives it weights to train, a checkpoint's are loaded."""
    return FlowModel(config)


class _Body(nn.Module):
    def __init__(self, config: FlowConfig) -> None:
        super().__init__()
        self.embed_tokens = nn.Embedding(config.vocabulary_size, config.hidden_size)
        self.layers = nn.ModuleList(Layer(config, n in config.far_layers) for n in range(config.layers))
        self.norm = nn.RMSNorm(config.hidden_size, config.rms_norm_eps)
        if config.loops > 1:
            self.gate_projections = nn.ModuleList(Gate(config) for _ in range(config.layers))
