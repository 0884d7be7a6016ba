"""Adapters as PEFT writes them: what they add, and what is refused rather than left out."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from engine.errors import ModelCorrupt
from engine.loop.backend import LoopBackend
from engine.loop.config import read_config
from engine.loop.eager import Eager
from engine.loop.layout import matrices
from engine.loop.lora import Adapter, load_adapter
from engine.loop.model import LoopModel
from engine.loop.weights import load_weights
from tests.engine.loop.checkpoints import Checkpoint, written

CPU = torch.device("cpu")
RANK, ALPHA = 4, 6
ALL = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
FIRST = "base_model.model.model.layers.0.mlp.up_proj"


def written_adapter(
    folder: Path, checkpoint: Checkpoint, targets: tuple[str, ...] = ALL, **config: Any
) -> dict[str, Tensor]:
    """A random adapter; its unscaled changes B A, in float64, by module."""
    random = np.random.default_rng(2)
    tensors, products = {}, {}
    for name, weight in checkpoint.tensors.items():
        module = name.removesuffix(".weight")
        if module.endswith(targets):
            rows, columns = weight.shape
            a, b = random.standard_normal((RANK, columns)), random.standard_normal((rows, RANK))
            for kind, factor in (("A", a), ("B", b)):
                tensors[f"base_model.model.{module}.lora_{kind}.weight"] = torch.from_numpy(factor).float()
            products[module] = (
                torch.from_numpy(b.astype(np.float32)).double()
                @ torch.from_numpy(a.astype(np.float32)).double()
            )
    folder.mkdir()
    raw = {
        "peft_type": "LORA",
        "r": RANK,
        "lora_alpha": ALPHA,
        "bias": "none",
        "target_modules": list(targets),
    }
    (folder / "adapter_config.json").write_text(json.dumps(raw | config))
    save_file(tensors, folder / "adapter_model.safetensors")
    return products


def load(folder: Path, checkpoint: Checkpoint, dtype: torch.dtype = torch.float64) -> Adapter:
    return load_adapter(folder, checkpoint.config, CPU, dtype)


@pytest.mark.parametrize(
    "targets", [ALL, ("q_proj",), ("v_proj", "q_proj"), ("up_proj", "o_proj"), ("down_proj",)]
)
@pytest.mark.parametrize("stabilised", [False, True])
def test_what_is_added_is_the_scaled_product_in_the_rows_of_each_module(
    stabilised: bool, targets: tuple[str, ...], tmp_path: Path
) -> None:
    """A matrix without any of the modules is left alone; a module without an adapter adds nothing."""
    checkpoint = written(tmp_path / "model")
    products = written_adapter(tmp_path / "lora", checkpoint, targets, use_rslora=stabilised)
    scale = ALPHA / RANK**0.5 if stabilised else ALPHA / RANK
    adapter = load(tmp_path / "lora", checkpoint)
    for layer in range(2):
        for name, matrix in matrices(checkpoint.config).items():
            x = torch.randn(3, matrix.columns, dtype=torch.float64)
            parts = [(products.get(f"model.layers.{layer}.{part}"), rows) for part, rows in matrix.parts]
            found = adapter.delta(layer, name, x)
            if all(part is None for part, _ in parts):
                assert found is None
                continue
            assert found is not None
            blocks = [torch.zeros(rows, matrix.columns) if part is None else part for part, rows in parts]
            assert (found - scale * x @ torch.cat([block.double() for block in blocks]).T).abs().max() < 1e-9


def test_an_adapter_is_of_the_models_dtype_and_knows_its_bytes(tmp_path: Path) -> None:
    checkpoint = written(tmp_path / "model")
    written_adapter(tmp_path / "lora", checkpoint, ("o_proj", "down_proj"))
    adapter = load(tmp_path / "lora", checkpoint, torch.bfloat16)
    delta = adapter.delta(1, "o", torch.ones(1, 64, dtype=torch.bfloat16))
    assert delta is not None
    assert (delta.dtype, delta.shape) == (torch.bfloat16, (1, 48))
    assert adapter.nbytes == 2 * 2 * RANK * ((48 + 64) + (48 + 80))
    assert adapter.delta(7, "o", delta) is None


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning", "ignore::DeprecationWarning")
@pytest.mark.parametrize("targets", [["q_proj", "v_proj", "up_proj"], "all-linear"])
def test_peft_itself_computes_the_same(targets: Any, tmp_path: Path) -> None:
    peft = pytest.importorskip("peft", reason="peft is not installed; the other tests write its format")
    transformers = pytest.importorskip("transformers")
    form = {"vocab_size": 64, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2}
    heads = {"num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 8}
    torch.manual_seed(0)
    model = transformers.LlamaForCausalLM(transformers.LlamaConfig(**form, **heads)).eval()
    model.save_pretrained(tmp_path / "model")
    config = peft.LoraConfig(r=3, lora_alpha=7, target_modules=targets, use_rslora=True)
    adapted = peft.get_peft_model(model, config).eval()
    for name, parameter in adapted.named_parameters():
        if "lora_" in name:
            torch.nn.init.normal_(parameter, std=0.3)
    adapted.save_pretrained(tmp_path / "lora")
    ids = torch.randint(0, 64, (1, 30))
    with torch.inference_mode():
        wanted = adapted(ids).logits[0]
        with adapted.disable_adapter():
            plain = adapted(ids).logits[0]
    read = read_config(tmp_path / "model")
    weights = load_weights(tmp_path / "model", read, device=CPU, dtype=torch.float32)
    adapter = load_adapter(tmp_path / "lora", read, CPU, torch.float32)
    tokenizer: Any = None  # there is no text here
    ours = LoopBackend(
        LoopModel(read, weights, Eager()),
        tokenizer,
        Eager(),
        context_tokens=256,
        sequences=2,
        adapters={"mine": adapter},
    )
    for sequence, (name, logits) in enumerate((("", plain), ("mine", wanted))):
        ours.adapt(name)
        found = np.stack(ours.verify(sequence, ids[0].tolist(), lambda: False) or [])
        assert np.abs(found - logits.numpy()).max() < 1e-4
    assert (wanted - plain).abs().max() > 0.1


SETTINGS: dict[str, tuple[dict[str, Any], str]] = {
    "DoRA": ({"use_dora": True}, "use_dora is True"),
    "biases": ({"bias": "all"}, "bias is 'all'"),
    "whole modules": ({"modules_to_save": ["lm_head"]}, r"modules_to_save is \['lm_head'\]"),
    "ranks of their own": ({"rank_pattern": {"q_proj": 2}}, "rank_pattern is"),
    "scales of their own": ({"alpha_pattern": {"q_proj": 2}}, "alpha_pattern is"),
    "layers again": ({"layer_replication": [[0, 2], [1, 2]]}, "layer_replication is"),
    "changed weights below": ({"init_lora_weights": "pissa"}, "init_lora_weights is 'pissa'"),
    "not yet known": ({"use_something_new": True}, "use_something_new is True"),
    "another kind": ({"peft_type": "IA3"}, "peft_type is 'IA3'"),
    "embeddings": ({"target_modules": ["q_proj", "embed_tokens"]}, "target_modules names embed_tokens"),
    "gates": ({"target_modules": ["gate_projections"]}, "target_modules names gate_projections"),
    "no rank": ({"r": 0}, "r should be a whole number of at least 1, not 0"),
    "another rank": ({"r": 8}, r"layer 0's [\w.]+\.lora_A should be of rank 8"),
    "no alpha": ({"lora_alpha": None}, "lora_alpha should be a number above 0, not None"),
}


@pytest.mark.parametrize("name", SETTINGS)
def test_what_cannot_be_applied_is_refused_by_name(name: str, tmp_path: Path) -> None:
    change, sentence = SETTINGS[name]
    checkpoint = written(tmp_path / "model")
    written_adapter(tmp_path / "lora", checkpoint, **change)
    with pytest.raises(ModelCorrupt, match=sentence) as found:
        load(tmp_path / "lora", checkpoint)
    assert str(found.value).endswith(".")


def test_what_is_of_no_consequence_once_trained_is_not_refused(tmp_path: Path) -> None:
    checkpoint = written(tmp_path / "model")
    said = {
        "lora_dropout": 0.1,
        "inference_mode": True,
        "megatron_core": "megatron.core",
        "peft_version": "0.21",
    }
    written_adapter(
        tmp_path / "lora", checkpoint, **said, init_lora_weights="gaussian", target_modules=".*_proj"
    )
    assert load(tmp_path / "lora", checkpoint).nbytes > 0


WRONG: dict[str, tuple[Callable[[dict[str, Tensor]], object], str]] = {
    "half a module": (lambda t: t.pop(f"{FIRST}.lora_B.weight"), r"mlp\.up_proj\.lora_B .* it is missing"),
    "shape": (lambda t: t.update({f"{FIRST}.lora_A.weight": torch.ones(RANK, 9)}), r"it is F32 \[4, 9\]"),
    "type": (
        lambda t: t.update({f"{FIRST}.lora_A.weight": torch.ones(RANK, 48).int()}),
        r"it is I32 \[4, 48\]",
    ),
    "a layer too many": (
        lambda t: t.update({f"{FIRST}.lora_A.weight".replace("s.0", "s.2"): torch.ones(RANK, 48)}),
        r"does not have: base_model\.model\.model\.layers\.2\.mlp",
    ),
    "an embedding": (
        lambda t: t.update({"base_model.model.lm_head.lora_A.weight": torch.ones(1)}),
        "lm_head",
    ),
    "nothing": (lambda t: t.clear(), "holds no adapter"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_with_an_adapters_tensors_is_said(name: str, tmp_path: Path) -> None:
    edit, sentence = WRONG[name]
    checkpoint = written(tmp_path / "model")
    written_adapter(tmp_path / "lora", checkpoint)
    file = tmp_path / "lora" / "adapter_model.safetensors"
    tensors = load_file(file)
    edit(tensors)
    save_file(tensors, file)
    with pytest.raises(ModelCorrupt, match=sentence) as found:
        load(tmp_path / "lora", checkpoint)
    assert str(file) in str(found.value)


def test_a_torn_file_and_a_pickle_are_refused(tmp_path: Path) -> None:
    checkpoint = written(tmp_path / "model")
    written_adapter(tmp_path / "lora", checkpoint)
    file = tmp_path / "lora" / "adapter_model.safetensors"
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(ModelCorrupt, match="damaged or not complete"):
        load(tmp_path / "lora", checkpoint)
    file.rename(file.with_suffix(".bin"))
    with pytest.raises(ModelCorrupt, match="reads adapters as safetensors only"):
        load(tmp_path / "lora", checkpoint)
