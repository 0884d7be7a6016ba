"""Adapters beside one model: each request has its own, and no prompt is taken for another's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from engine.decoding import Decoder
from engine.errors import BackendError
from engine.loop.backend import LoopBackend
from engine.loop.eager import Eager
from engine.loop.lora import load_adapter
from engine.loop.model import LoopModel
from engine.request import Generation, GenerationRequest
from tests.engine.loop.checkpoints import Checkpoint, written
from tests.engine.loop.reference import logits
from tests.scripted_backend import ByteTokenizer

CPU = torch.device("cpu")
TARGETS = ("q_proj", "v_proj", "o_proj", "up_proj", "down_proj")


def adapter_in(folder: Path, checkpoint: Checkpoint, seed: int, **config: Any) -> dict[str, torch.Tensor]:
    """Written as PEFT does; the weights of the model with it merged in, in float64."""
    raw = {"peft_type": "LORA", "r": 4, "lora_alpha": 6, "bias": "none", "target_modules": TARGETS} | config
    generator = torch.Generator().manual_seed(seed)
    tensors, merged = {}, checkpoint.tensors_as(torch.float64)
    scale = raw["lora_alpha"] / (raw["r"] ** 0.5 if raw.get("use_rslora") else raw["r"])
    for name, weight in checkpoint.tensors.items():
        if name.split(".")[-2] in TARGETS:
            rows, columns = weight.shape
            a = torch.randn(raw["r"], columns, generator=generator) / columns**0.5
            b = torch.randn(rows, raw["r"], generator=generator) / 4
            stem = f"base_model.model.{name.removesuffix('.weight')}"
            tensors |= {f"{stem}.lora_A.weight": a, f"{stem}.lora_B.weight": b}
            merged[name] = merged[name] + scale * b.double() @ a.double()
    folder.mkdir(parents=True)
    (folder / "adapter_config.json").write_text(json.dumps(raw))
    save_file(tensors, folder / "adapter_model.safetensors")
    return merged


def backend(checkpoint: Checkpoint, **folders: Path) -> LoopBackend:
    adapters = {
        name: load_adapter(folder, checkpoint.config, device=CPU, dtype=torch.float32)
        for name, folder in folders.items()
    }
    tokenizer: Any = ByteTokenizer()
    model = LoopModel(checkpoint.config, checkpoint.weights(), Eager())
    return LoopBackend(model, tokenizer, Eager(), context_tokens=2048, sequences=8, adapters=adapters)


@pytest.mark.parametrize("stabilised", [False, True])
def test_an_adapter_computes_what_merged_weights_do(stabilised: bool, tmp_path: Path) -> None:
    checkpoint = written(tmp_path / "model")
    merged = adapter_in(tmp_path / "lora", checkpoint, 1, use_rslora=stabilised)
    ids = np.random.default_rng(3).integers(0, checkpoint.config.vocabulary_size, 60).tolist()
    held = backend(checkpoint, mine=tmp_path / "lora")
    held.adapt("mine")
    found = np.stack([*(held.verify(0, ids[:40], bool) or []), *(held.verify(0, ids[40:], bool) or [])])
    wanted = logits(checkpoint.config, merged, torch.tensor(ids)).numpy()
    assert np.abs(found - wanted).max() < 1e-4
    held.adapt("")
    plain = logits(checkpoint.config, checkpoint.tensors_as(torch.float64), torch.tensor(ids)).numpy()
    assert np.abs(np.stack(held.verify(1, ids, bool) or []) - plain).max() < 1e-4
    assert np.abs(plain - wanted).max() > 0.1


def ask(decoder: Decoder, tokens: tuple[int, ...], **options: Any) -> Generation:
    running = decoder.run(GenerationRequest(tokens, **options), lambda: False)
    while True:
        try:
            next(running)
        except StopIteration as end:
            return end.value


def test_requests_with_different_adapters_share_no_prefix(tmp_path: Path) -> None:
    """In turns, with prompts that begin alike: each is answered as if the others had never been."""
    checkpoint = written(tmp_path / "model", vocabulary=260)
    for name, seed in (("one", 1), ("two", 2)):
        adapter_in(tmp_path / name, checkpoint, seed)
    folders = {name: tmp_path / name for name in ("one", "two")}
    decoder = Decoder(backend(checkpoint, **folders), 3, named=2, parked_bytes=1_000_000)
    begin = tuple(range(97, 117)) * 3
    for turn, adapter in enumerate(["", "one", "two", "one", "", "two", "two"]):
        prompt = (*begin, 97 + turn)
        found = ask(decoder, prompt, adapter=adapter, max_tokens=5)
        fresh = ask(
            Decoder(backend(checkpoint, **folders), 3, named=2), prompt, adapter=adapter, max_tokens=5
        )
        assert [one.text for one in found.candidates] == [one.text for one in fresh.candidates]
        assert found.timings.cached_tokens == (0 if turn < 3 else len(begin))
    with pytest.raises(BackendError, match=r"no adapter named three \(one, two\)"):
        ask(decoder, begin, adapter="three")
