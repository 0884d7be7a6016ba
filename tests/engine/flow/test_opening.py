"""A flow checkpoint is opened like any other of the loop engine's, or refused by name."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from engine.decoding import Decoder
from engine.errors import BackendError, EngineClosed, ModelCorrupt
from engine.flow.backend import FlowBackend
from engine.flow.config import FlowConfig, read_flow_config, write_config
from engine.loop.opening import open_loop, plan_for
from engine.request import GenerationRequest
from tests.engine.flow.models import shape, written


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    written(tmp_path / "model", window=16)
    return tmp_path / "model"


def opened(folder: Path, **more: Any) -> FlowBackend:
    plan = plan_for(folder, sequences=2, context_tokens=4096, device="cpu")
    backend = open_loop(folder, plan, sequences=2, **more)
    assert isinstance(backend, FlowBackend)
    return backend


def test_a_checkpoint_answers(folder: Path) -> None:
    """A folder is opened by its model_type, and a request goes on with the likeliest tokens."""
    shares: list[float] = []
    backend = opened(folder, report=shares.append)
    assert shares[-1] == 1.0 and sorted(shares) == shares
    prompt = backend.tokenizer.encode("def f(x):\n    return x\n" * 4)
    request = GenerationRequest(tokens=prompt, max_tokens=5)
    tokens = [token.id for token in Decoder(backend, 1).run(request, lambda: False)]
    wanted: list[int] = []
    for _ in tokens:
        backend.rewind(1, 0)
        logits = backend.prefill(1, [*prompt, *wanted], lambda: False)
        assert logits is not None
        wanted.append(int(np.argmax(logits)))
    assert tokens == wanted and tokens


def test_a_config_comes_back(tmp_path: Path) -> None:
    """What is written of a config is what is read."""
    config = shape(loops=2, stop_tokens=(1, 2), begin_token=3, far_layers=(0, 2), axes=False)
    write_config(config, tmp_path)
    assert read_flow_config(tmp_path) == config


def test_bfloat16_is_read_too(folder: Path) -> None:
    """Weights are computed with in float32, whatever they are stored in."""
    file = folder / "model.safetensors"
    save_file({name: one.bfloat16() for name, one in load_file(file).items()}, file)
    assert opened(folder).prefill(0, [1, 2, 3], lambda: False) is not None


def _config(**changed: Any) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        file = folder / "config.json"
        raw = json.loads(file.read_text()) | changed
        file.write_text(json.dumps({name: value for name, value in raw.items() if value != "gone"}))

    return change


def _tensors(change: Callable[[dict[str, torch.Tensor]], object]) -> Callable[[Path], None]:
    def changed(folder: Path) -> None:
        tensors = load_file(folder / "model.safetensors")
        change(tensors)
        save_file(tensors, folder / "model.safetensors")

    return changed


WRONG: dict[str, tuple[Callable[[Path], object], str]] = {
    "unknown setting": (_config(sliding=4), "sliding is a setting that"),
    "missing setting": (_config(hidden_size="gone"), "hidden_size"),
    "a window of one": (_config(window=1), "window should be a whole number of at least 2"),
    "a layer too many": (_config(far_layers=[1, 3]), "far_layers should hold numbers from 0 to below 3"),
    "odd heads": (_config(num_attention_heads=3), "no multiple of num_key_value_heads"),
    "a head too small for its axes": (_config(head_dim=8), "positions need a multiple of 16"),
    "true for a number": (_config(loop_num=True), "loop_num should be a whole number"),
    "a token out of range": (_config(eos_token_id=[100_000]), "eos_token_id"),
    "lost tensor": (_tensors(lambda all: all.pop("model.norm.weight")), "lacks model.norm.weight"),
    "further tensor": (_tensors(lambda all: all.update(more=torch.zeros(1))), "does not account for: more"),
    "tensor of another form": (
        _tensors(lambda all: all.update({"model.norm.weight": torch.zeros(3)})),
        r"model.norm.weight is F32 \[3\] in place of \[32\]",
    ),
    "whole numbers": (
        _tensors(lambda all: all.update({"model.norm.weight": torch.zeros(32, dtype=torch.int32)})),
        "model.norm.weight is I32",
    ),
    "no weights": (lambda folder: (folder / "model.safetensors").unlink(), "no complete checkpoint"),
    "damaged": (lambda folder: (folder / "model.safetensors").write_bytes(b"x" * 100), "damaged"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_named(folder: Path, name: str) -> None:
    """A checkpoint that is not what its config says is refused, with a sentence that names it."""
    spoil, said = WRONG[name]
    spoil(folder)
    with pytest.raises(ModelCorrupt, match=said):
        opened(folder)


def test_what_cannot_be_done_is_said(folder: Path) -> None:
    """INT4 is refused; loading ends when it is told to."""
    with pytest.raises(BackendError, match="not rounded to 4 bits"):
        plan_for(folder, sequences=1, context_tokens=64, device="cpu", quantise="int4")
    stopped = threading.Event()
    stopped.set()
    with pytest.raises(EngineClosed):
        opened(folder, cancelled=stopped)


@pytest.mark.parametrize("changed", [{"memory_size": 7}, {"loop_window": 9}, {"memory_dropout": 1.0}])
def test_shapes_that_cannot_be(changed: dict[str, Any]) -> None:
    """A shape that cannot be computed is no config."""
    with pytest.raises(ValueError, match=r"should|multiple|more than"):
        shape(**changed)


def test_every_setting_is_checked() -> None:
    """No setting of a config is taken as it comes: each refuses a text."""
    for name in FlowConfig.__slots__:
        with pytest.raises((TypeError, ValueError)):
            shape(**{name: "x"})
