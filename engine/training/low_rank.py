"""Low-rank changes (LoRA, Hu et al. 2021) to a model that stays as it is, and their files in PEFT's format.

Each matrix W of the layers computes W x + scale * B A x, B zero at first; A and B alone are trained. What is
written here, `engine.loop.lora` reads.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from safetensors.torch import save_file
from torch import Tensor, nn

ADAPTED = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


class LowRank(nn.Module):
    """A matrix with its change. Takes the place of an `nn.Linear` without a bias."""

    def __init__(self, whole: nn.Linear, rank: int, scale: float) -> None:
        super().__init__()
        self.whole, self.scale, self.on = whole, scale, True
        self.a = nn.Parameter(torch.empty(rank, whole.in_features, device=whole.weight.device))
        self.b = nn.Parameter(torch.zeros(whole.out_features, rank, device=whole.weight.device))
        nn.init.kaiming_uniform_(self.a, a=5**0.5)

    def forward(self, x: Tensor) -> Tensor:
        """(..., in) -> (..., out)."""
        y = self.whole(x)
        return y + self.scale * F.linear(F.linear(x, self.a), self.b) if self.on else y


class Adapted:
    """A model whose layers' matrices have changes of this ``rank``; everything else of it is frozen."""

    def __init__(self, model: nn.Module, *, rank: int, alpha: float, seed: int = 1) -> None:
        self.model, self.rank, self.alpha = model, rank, alpha
        torch.manual_seed(seed)
        model.requires_grad_(False)
        self._parts: dict[str, LowRank] = {}
        for name, module in list(model.named_modules()):
            if isinstance(module, nn.Linear) and name.rsplit(".", 1)[-1] in ADAPTED:
                owner = model.get_submodule(name.rsplit(".", 1)[0])
                self._parts[name] = changed = LowRank(module, rank, alpha / rank)
                setattr(owner, name.rsplit(".", 1)[-1], changed)

    @property
    def parameters(self) -> list[nn.Parameter]:
        """What is trained."""
        return [factor for part in self._parts.values() for factor in (part.a, part.b)]

    @contextmanager
    def off(self) -> Iterator[None]:
        """The model as it was."""
        for part in self._parts.values():
            part.on = False
        try:
            yield
        finally:
            for part in self._parts.values():
                part.on = True

    def write(self, folder: Path, base: str) -> None:
        """adapter_config.json and adapter_model.safetensors; ``base`` names the model they belong to."""
        folder.mkdir(parents=True, exist_ok=True)
        tensors = {}
        for name, part in self._parts.items():
            for kind, factor in (("A", part.a), ("B", part.b)):
                tensors[f"base_model.model.{name}.lora_{kind}.weight"] = factor.detach().cpu().contiguous()
        config = {
            "peft_type": "LORA",
            "task_type": "CAUSAL_LM",
            "base_model_name_or_path": base,
            "r": self.rank,
            "lora_alpha": self.alpha,
            "lora_dropout": 0.0,
            "bias": "none",
            "inference_mode": True,
            "target_modules": sorted({name.rsplit(".", 1)[-1] for name in self._parts}),
        }
        save_file(tensors, folder / "adapter_model.safetensors", metadata={"format": "pt"})
        (folder / "adapter_config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
