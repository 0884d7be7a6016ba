"""GPTQ checkpoints: written here from random numbers, in numpy, and read as the same matrices."""

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
from engine.loop.config import read_config
from engine.loop.eager import Eager
from engine.loop.int4 import Int4Linear
from engine.loop.layout import matrices
from engine.loop.model import LoopModel
from engine.loop.shapes import Linear, Weights
from engine.loop.weights import load_weights
from tests.engine.loop.checkpoints import Checkpoint, written
from tests.engine.loop.reference import logits

CPU = torch.device("cpu")
SHAPE = {"hidden": 128, "heads": 8, "kv_heads": 2, "head_dim": 16, "inner": 256, "vocabulary": 64}
PLAIN_CONFIG = {"quant_method": "gptq", "bits": 4, "sym": True, "checkpoint_format": "gptq"}
UP = "model.layers.1.mlp.up_proj"


def packed(numbers: np.ndarray) -> np.ndarray:
    """(A, 8B) numbers below 16 to (A, B) words, the first number in the lowest bits."""
    words = np.zeros((numbers.shape[0], numbers.shape[1] // 8), dtype=np.uint32)
    for place in range(8):
        words |= numbers[:, place::8].astype(np.uint32) << np.uint32(4 * place)
    return words


def as_words(words: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(words).view(np.int32))


def written_gptq(folder: Path, *, group: int = 32, ordered: bool = False, **config: Any) -> Checkpoint:
    """A checkpoint of 4 bits; its ``tensors`` are the plain ones that it stands for."""
    plain = written(folder, **SHAPE)
    random = np.random.default_rng(5)
    raw = PLAIN_CONFIG | {"group_size": group, "desc_act": ordered} | config
    tensors, inputs = dict(plain.tensors), {}
    for name, old in plain.tensors.items():
        module = name.removesuffix(".weight")
        if not module.endswith("_proj"):
            continue
        rows, columns = old.shape
        size = columns if group == -1 else group
        groups = columns // size
        seen_by = (
            module.replace("k_proj", "q_proj").replace("v_proj", "q_proj").replace("up_proj", "gate_proj")
        )
        if seen_by not in inputs:  # what shares an input is reordered alike
            inputs[seen_by] = np.argsort(random.permutation(columns)) // size
        owner = inputs[seen_by] if ordered else np.arange(columns) // size
        codes = random.integers(0, 16, (columns, rows))
        zeros = random.integers(0, 16, (groups, rows)) if not raw["sym"] else np.full((groups, rows), 8)
        scales = (random.random((groups, rows)) * 0.02 + 0.005).astype(np.float16)
        whole = scales[owner].astype(np.float64) * (codes - zeros[owner])
        plain.tensors[name] = torch.from_numpy(np.ascontiguousarray(whole.T.astype(np.float32)))
        stored = packed(zeros)
        if raw["checkpoint_format"] == "gptq":
            stored = stored - np.uint32(0x11111111)
        del tensors[name]
        tensors |= {
            f"{module}.qweight": as_words(packed(codes.T).T),
            f"{module}.qzeros": as_words(stored),
            f"{module}.scales": torch.from_numpy(scales),
            f"{module}.g_idx": torch.from_numpy(owner.astype(np.int32)),
        }
    save_file(tensors, folder / "model.safetensors")
    configure(folder, quantization_config=raw)
    return plain


def configure(folder: Path, **settings: Any) -> None:
    file = folder / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | settings))


def load(folder: Path, dtype: torch.dtype = torch.float32) -> Weights:
    return load_weights(folder, read_config(folder), device=CPU, dtype=dtype)


def whole(linear: Linear) -> Tensor:
    """The matrix with its columns where the model has them."""
    assert isinstance(linear, Int4Linear)
    found = linear.dequantised()
    return found if linear.order is None else torch.empty_like(found).index_copy_(1, linear.order, found)


def assert_is(weights: Weights, checkpoint: Checkpoint, within: float = 0.0) -> None:
    for index, layer in enumerate(weights.layers):
        for name, matrix in matrices(checkpoint.config).items():
            parts = [checkpoint.tensors[f"model.layers.{index}.{part}.weight"] for part, _ in matrix.parts]
            assert (whole(getattr(layer, name)) - torch.cat(parts)).abs().max() <= within


@pytest.mark.parametrize("ordered", [False, True])
@pytest.mark.parametrize("group", [32, 64, 128, -1])
@pytest.mark.parametrize("form", [{}, {"sym": False}, {"sym": False, "checkpoint_format": "gptq_v2"}])
def test_every_weight_is_the_one_that_was_written(
    form: dict[str, Any], group: int, ordered: bool, tmp_path: Path
) -> None:
    checkpoint = written_gptq(tmp_path, group=group, ordered=ordered, **form)
    weights = load(tmp_path)
    assert_is(weights, checkpoint)
    down = weights.layers[0].down
    assert isinstance(down, Int4Linear)
    assert down.scale.shape[1] == (1 if group == -1 else 256 // group)
    assert (down.order is not None) == (ordered and group != -1)


def test_a_model_of_4_bits_answers_as_the_plain_one_that_it_stands_for(tmp_path: Path) -> None:
    from tests.engine.loop.test_model import exact_logits

    checkpoint = written_gptq(tmp_path, ordered=True, sym=False)
    ids = np.random.default_rng(1).integers(0, 64, 40).tolist()
    model = LoopModel(checkpoint.config, load(tmp_path, torch.float64), Eager())
    wanted = logits(checkpoint.config, checkpoint.tensors_as(torch.float64), torch.tensor(ids)).numpy()
    assert np.abs(exact_logits(model, ids) - wanted).max() < 1e-5
    assert np.abs(wanted).max() > 1


def test_in_bfloat16_a_weight_moves_by_what_its_scale_is_rounded_and_zero_stays_zero(tmp_path: Path) -> None:
    checkpoint = written_gptq(tmp_path)
    found = load(tmp_path, torch.bfloat16).layers[0].down(torch.eye(256, dtype=torch.bfloat16)).T
    wanted = checkpoint.tensors["model.layers.0.mlp.down_proj.weight"]
    assert ((found.float() - wanted).abs() <= 2**-7 * wanted.abs()).all()
    assert (wanted == 0).any()


def older(folder: Path, tensors: dict[str, Tensor]) -> None:
    """As AutoGPTQ wrote them: a config and a name of their own, biases of 0, numbers of groups left at 0."""
    raw = json.loads((folder / "config.json").read_text()).pop("quantization_config")
    configure(folder, quantization_config=None)
    del raw["quant_method"], raw["checkpoint_format"]
    (folder / "quantize_config.json").write_text(json.dumps(raw))
    (folder / "model.safetensors").unlink()
    for name in [name for name in tensors if name.endswith(".g_idx")]:
        tensors[name].zero_()
        tensors[name.replace("g_idx", "bias")] = torch.zeros(
            tensors[name.replace("g_idx", "scales")].shape[1], dtype=torch.float16
        )
    save_file(tensors, folder / "gptq_model-4bit-32g.safetensors")


def test_older_checkpoints_are_read_too(tmp_path: Path) -> None:
    checkpoint = written_gptq(tmp_path)
    older(tmp_path, load_file(tmp_path / "model.safetensors"))
    assert_is(load(tmp_path), checkpoint)


def test_without_reordering_the_numbers_of_groups_may_be_left_out(tmp_path: Path) -> None:
    checkpoint = written_gptq(tmp_path)
    tensors = load_file(tmp_path / "model.safetensors")
    save_file({k: v for k, v in tensors.items() if not k.endswith("g_idx")}, tmp_path / "model.safetensors")
    assert_is(load(tmp_path), checkpoint)
    configure(tmp_path, quantization_config=PLAIN_CONFIG | {"group_size": 32, "desc_act": True})
    with pytest.raises(ModelCorrupt, match=r"lacks model\.layers\.0\.self_attn\.q_proj\.g_idx"):
        load(tmp_path)


SETTINGS: dict[str, tuple[Any, str]] = {
    "8 bits": ({"bits": 8}, "bits is 8"),
    "3 bits": ({"bits": 3}, "bits is 3"),
    "AWQ": ({"quant_method": "awq"}, "quantised by 'awq'"),
    "bitsandbytes": ({"quant_method": "bitsandbytes", "load_in_4bit": True}, "quantised by 'bitsandbytes'"),
    "fp8": ({"quant_method": "fp8"}, "quantised by 'fp8'"),
    "compressed-tensors": ({"quant_method": "compressed-tensors"}, "quantised by 'compressed-tensors'"),
    "unsaid": ({"quant_method": None}, "quantised by None"),
    "Marlin": ({"checkpoint_format": "marlin"}, "checkpoint_format is 'marlin'"),
    "Marlin, older": ({"is_marlin_format": True}, "is_marlin_format is True"),
    "by module": ({"dynamic": {"-:.*down.*": {}}}, "dynamic is"),
    "the head too": ({"lm_head": True}, "lm_head is True"),
    "other words": ({"pack_dtype": "int64"}, "pack_dtype is 'int64'"),
    "no group": ({"group_size": None}, "group_size should be -1 or a multiple of 8, not None"),
    "group of 0": ({"group_size": 0}, "group_size should be"),
    "groups that do not fit": ({"group_size": 96}, "make no groups of 96 columns"),
}


@pytest.mark.parametrize("name", SETTINGS)
def test_other_quantisations_are_refused_by_name(name: str, tmp_path: Path) -> None:
    change, sentence = SETTINGS[name]
    written_gptq(tmp_path)
    configure(tmp_path, quantization_config=PLAIN_CONFIG | {"group_size": 32, "desc_act": False} | change)
    with pytest.raises(ModelCorrupt, match=sentence):
        load(tmp_path)


def test_a_quantisation_that_is_no_object_is_refused(tmp_path: Path) -> None:
    written_gptq(tmp_path)
    configure(tmp_path, quantization_config="gptq")
    with pytest.raises(ModelCorrupt, match="quantization_config should be an object, not 'gptq'"):
        load(tmp_path)


WRONG: dict[str, tuple[Callable[[dict[str, Tensor]], object], str]] = {
    "no scales": (lambda t: t.pop(f"{UP}.scales"), rf"lacks {UP}\.scales"),
    "shape": (
        lambda t: t.update({f"{UP}.qzeros": t[f"{UP}.qzeros"][:-1].clone()}),
        r"is \[3, 32\] in place of",
    ),
    "type": (lambda t: t.update({f"{UP}.qweight": t[f"{UP}.qweight"].long()}), "is I64 in place of I32"),
    "a bias": (lambda t: t.update({f"{UP}.bias": torch.ones(256)}), f"{UP} has a bias"),
    "gates of 4 bits": (
        lambda t: t.update({"model.gate_projections.0.qweight": t[f"{UP}.qweight"].clone()}),
        r"does not account for: model\.gate_projections\.0\.qweight",
    ),
    "a plain matrix beside": (
        lambda t: t.update({f"{UP}.weight": torch.ones(256, 128)}),
        "does not account for",
    ),
    "uneven groups": (lambda t: t[f"{UP}.g_idx"].fill_(1), r"g_idx does not divide 128 columns evenly"),
    "unlike parts": (
        lambda t: t.update({f"{UP}.g_idx": t[f"{UP}.g_idx"].flip(0)}),
        "see the same input but group its columns differently",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_with_a_quantised_checkpoint_is_said(name: str, tmp_path: Path) -> None:
    edit, sentence = WRONG[name]
    written_gptq(tmp_path, ordered=True)
    tensors = load_file(tmp_path / "model.safetensors")
    edit(tensors)
    save_file(tensors, tmp_path / "model.safetensors")
    with pytest.raises(ModelCorrupt, match=sentence):
        load(tmp_path)
