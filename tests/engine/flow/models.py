"""Small flow models for the tests: random ones whose attention is sharp, so that mistakes show."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from engine.flow.config import FlowConfig, write_config
from engine.flow.model import FlowModel, build
from tests.engine.loop.tiny_tokenizer import write_byte_level

VOCABULARY = 48


def shape(**changed: Any) -> FlowConfig:
    usual: dict[str, Any] = {
        "vocabulary_size": VOCABULARY,
        "hidden_size": 32,
        "intermediate_size": 48,
        "layers": 3,
        "heads": 4,
        "kv_heads": 2,
        "head_dim": 16,
        "window": 6,
        "far_layers": (1, 2),
        "memory_slots": 3,
        "memory_size": 12,
        "pinned_tokens": 4,
        "loop_window": 3,
    }
    return FlowConfig(**usual | changed)


def random_model(config: FlowConfig, seed: int = 0) -> FlowModel:
    model, random = build(config), torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            centre = 1.0 if name.endswith("norm.weight") else 0.0
            spread = 0.3 if weight.dim() == 1 or "places" in name else 1.4 * weight.shape[-1] ** -0.5
            weight.copy_(centre + spread * torch.randn(weight.shape, generator=random))
        model.model.embed_tokens.weight.normal_(0.0, 1.0, generator=random)
    return model.eval()


def random_text(count: int, seed: int = 0, *, batch: int = 1) -> tuple[torch.Tensor, ...]:
    """Ids, flags, positions: a third of the tokens pinned, lines that go on, ages and levels of all sizes."""
    random = torch.Generator().manual_seed(seed)
    ids = torch.randint(VOCABULARY, (batch, count), generator=random)
    ranks = torch.randint(1, 5, (batch, count), generator=random)
    flags = ranks * (torch.rand(batch, count, generator=random) < 0.35)
    lines = torch.randint(0, 3, (batch, count), generator=random).cumsum(1)
    ages, levels = (torch.randint(most, (batch, count), generator=random) for most in (200, 9))
    return ids, flags, torch.stack((lines, ages, levels), -1)


def written(folder: Path, seed: int = 0, **changed: Any) -> FlowModel:
    """A checkpoint with a tokenizer of bytes; the model in it."""
    vocabulary = write_byte_level(folder)
    model = random_model(shape(**{"vocabulary_size": vocabulary, **changed}), seed)
    write_config(model.config, folder)
    save_file(model.state_dict(), folder / "model.safetensors", metadata={"format": "pt"})
    return model
