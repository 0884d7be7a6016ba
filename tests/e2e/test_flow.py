"""The real language server with a flow checkpoint: the same walk as with any other of the loop engine's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from engine.flow.config import FlowConfig, write_config
from engine.flow.model import build
from tests.e2e.test_loop import COMMAND, TEXT, URI, loop
from tests.engine.loop.checkpoints import saying
from tests.lsp_client import INVOKED, editor


def flow_saying(folder: Path, text: str) -> Path:
    """A flow checkpoint that says ``text`` after whatever it is asked: what its layers compute adds 0."""
    said = saying(folder, text)
    tensors, config = load_file(folder / "model.safetensors"), said.config
    flow = FlowConfig(
        vocabulary_size=config.vocabulary_size,
        hidden_size=config.hidden_size,
        intermediate_size=32,
        layers=2,
        heads=2,
        kv_heads=1,
        head_dim=16,
        window=64,
        far_layers=(1,),
        memory_slots=4,
        memory_size=16,
        pinned_tokens=32,
        tied=False,
        stop_tokens=config.stop_tokens,
    )
    model = build(flow)
    model.begin(0)
    weights = model.state_dict()
    for name, weight in weights.items():
        if name.endswith(("o_proj.weight", "down_proj.weight")):
            weights[name] = torch.zeros_like(weight)
        elif name in ("model.embed_tokens.weight", "lm_head.weight"):
            weights[name] = tensors[name]
    save_file(weights, folder / "model.safetensors")
    write_config(flow, folder)
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return flow_saying(tmp_path_factory.mktemp("flow"), " a + b")


async def test_ghost_text_from_a_flow_checkpoint(folder: Path) -> None:
    """A flow checkpoint fills in by the published markers; what it read is reused while typing."""
    settings: dict[str, Any] = loop()
    async with editor(model=str(folder), settings=settings, command=COMMAND) as wire:
        status = await wire.ready()
        assert status.state == "ready", status.message
        assert status.fillsIn and "on the processor in float32" in status.reason
        wire.open(URI, TEXT)
        (item,) = await wire.complete(URI, 1, 11)
        assert str(item.insert_text) == "a + b"
        cost = await wire.account(item)
        assert cost.source == "model" and cost.generated_tokens > 1
        wire.change(URI, 2, "x", (1, 11))
        again = await wire.complete(URI, 1, 12, trigger=INVOKED)
        assert again and (await wire.account(again[0])).cached_tokens > 0
