"""From a folder to weights: every tensor is accounted for, and what is wrong is said in a sentence."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from engine.errors import EngineClosed, ModelCorrupt
from engine.loop.config import read_config
from engine.loop.fit import weight_bytes
from engine.loop.int4 import Int4Linear
from engine.loop.layout import EMBEDDING, HEAD
from engine.loop.shapes import Dense, Linear, Weights
from engine.loop.weights import INDEX, expected_shapes, load_weights
from tests.engine.loop.checkpoints import GOLDEN, Checkpoint, needs_golden, opened, written
from tests.gpu.random_weights import SHAPE_40B

CPU = torch.device("cpu")


def load(folder: Path, **options: Any) -> Weights:
    return load_weights(folder, read_config(folder), **({"device": CPU, "dtype": torch.float32} | options))


def whole(linear: Linear) -> Tensor:
    assert isinstance(linear, Dense)
    return linear.weight


def assert_is(weights: Weights, tensors: dict[str, Tensor]) -> None:
    """Each published tensor stands in its place, bit for bit."""
    assert torch.equal(weights.embedding, tensors[EMBEDDING])
    assert torch.equal(weights.norm, tensors["model.norm.weight"])
    assert torch.equal(whole(weights.head), tensors.get(HEAD, tensors[EMBEDDING]))
    for index, layer in enumerate(weights.layers):
        own = {
            name.removeprefix(f"model.layers.{index}.").removesuffix(".weight"): tensor
            for name, tensor in tensors.items()
        }
        assert torch.equal(whole(layer.qkv), torch.cat([own[f"self_attn.{part}_proj"] for part in "qkv"]))
        assert torch.equal(whole(layer.gate_up), torch.cat([own["mlp.gate_proj"], own["mlp.up_proj"]]))
        assert torch.equal(whole(layer.o), own["self_attn.o_proj"])
        assert torch.equal(whole(layer.down), own["mlp.down_proj"])
        assert torch.equal(layer.input_norm, own["input_layernorm"])
        assert torch.equal(layer.post_norm, own["post_attention_layernorm"])
        gates = f"model.gate_projections.{index}"
        assert (layer.gates is not None) == (f"{gates}.bias" in tensors)
        if layer.gates is not None:
            assert torch.equal(layer.gates.weight, tensors[f"{gates}.weight"])
            assert torch.equal(layer.gates.bias, tensors[f"{gates}.bias"])


def sharded(checkpoint: Checkpoint) -> Path:
    """The same checkpoint in three files and an index."""
    folder, names = checkpoint.folder, sorted(checkpoint.tensors)
    (folder / "model.safetensors").unlink()
    places = {}
    for part in range(3):
        file = f"model-{part + 1:05}-of-00003.safetensors"
        save_file({name: checkpoint.tensors[name] for name in names[part::3]}, folder / file)
        places |= dict.fromkeys(names[part::3], file)
    (folder / INDEX).write_text(json.dumps({"metadata": {}, "weight_map": places}))
    return folder


def test_the_40b_loop_model_has_the_published_tensors_and_bytes() -> None:
    shapes = expected_shapes(SHAPE_40B)
    assert len(shapes) == 883
    assert 2 * sum(math.prod(shape) for shape in shapes.values()) == 79_589_392_640
    assert weight_bytes(SHAPE_40B) == 79_589_392_640
    assert weight_bytes(SHAPE_40B, "int4") <= 23e9


@needs_golden
@pytest.mark.parametrize("name", ["w8", "w64"])
def test_every_tensor_of_the_golden_checkpoints_stands_in_its_place(name: str) -> None:
    checkpoint = opened(GOLDEN / f"{name}_checkpoint")
    assert_is(checkpoint.weights(), checkpoint.tensors)


@pytest.mark.parametrize("loops", [1, 2, 3])
def test_one_file_and_shards_give_every_tensor_its_place(loops: int, tmp_path: Path) -> None:
    checkpoint = written(tmp_path, loops=loops)
    shares: list[float] = []
    assert_is(load(tmp_path, report=shares.append), checkpoint.tensors)
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert_is(load(sharded(checkpoint)), checkpoint.tensors)


@pytest.mark.parametrize("kept", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_tensors_are_converted_from_what_is_on_disk(
    kept: torch.dtype, dtype: torch.dtype, tmp_path: Path
) -> None:
    tensors = written(tmp_path).tensors_as(kept)
    save_file(tensors, tmp_path / "model.safetensors")
    assert_is(load(tmp_path, dtype=dtype), {name: tensor.to(dtype) for name, tensor in tensors.items()})


def test_a_tied_head_is_the_embedding(tmp_path: Path) -> None:
    """Some checkpoints hold it all the same; where it is another matrix, tying it would be wrong."""
    tensors = written(tmp_path, tie_word_embeddings=True).tensors
    with pytest.raises(ModelCorrupt, match=r"does not account for: lm_head\.weight"):
        load(tmp_path)
    for kept in ({HEAD: tensors[EMBEDDING].clone()}, {}):
        tensors = {name: tensor for name, tensor in tensors.items() if name != HEAD} | kept
        save_file(tensors, tmp_path / "model.safetensors")
        shares: list[float] = []
        weights = load(tmp_path, report=shares.append)
        assert whole(weights.head) is weights.embedding
        assert shares[-1] == 1


def test_what_old_llama_checkpoints_keep_of_their_positions_is_left_out(tmp_path: Path) -> None:
    tensors = written(tmp_path, loops=1).tensors
    save_file(
        tensors | {"model.layers.0.self_attn.rotary_emb.inv_freq": torch.ones(8)},
        tmp_path / "model.safetensors",
    )
    assert_is(load(tmp_path), tensors)


def test_int4_rounds_the_layers_matrices_and_nothing_else(tmp_path: Path) -> None:
    checkpoint = written(tmp_path, hidden=64, inner=96)
    small, exact = load(tmp_path, quantise="int4"), load(tmp_path)
    for rounded, layer in zip(small.layers, exact.layers, strict=True):
        for name in ("qkv", "o", "gate_up", "down"):
            found = getattr(rounded, name)
            assert isinstance(found, Int4Linear)
            step = found.scale.repeat_interleave(found.columns // found.scale.shape[1], dim=1)
            assert ((found.dequantised() - whole(getattr(layer, name))).abs() <= step / 2 + 1e-6).all()
            setattr(rounded, name, getattr(layer, name))
    assert_is(small, checkpoint.tensors)  # but for these nothing differs


@pytest.mark.parametrize("quantise", ["", "int4"])
@pytest.mark.parametrize("shape", [{}, {"hidden": 64, "inner": 96}, {"hidden": 128, "loops": 1}])
def test_weights_take_the_bytes_that_were_computed(
    shape: dict[str, int], quantise: str, tmp_path: Path
) -> None:
    written(tmp_path, **shape)
    weights = load(tmp_path, quantise=quantise, dtype=torch.bfloat16)
    found = weights.embedding.nbytes + weights.norm.nbytes + weights.head.nbytes
    for layer in weights.layers:
        found += layer.qkv.nbytes + layer.o.nbytes + layer.gate_up.nbytes + layer.down.nbytes
        found += layer.input_norm.nbytes + layer.post_norm.nbytes
        found += layer.gates.weight.nbytes + layer.gates.bias.nbytes if layer.gates else 0
    assert found == weight_bytes(read_config(tmp_path), quantise)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
@pytest.mark.parametrize("quantise", ["", "int4"])
def test_loading_holds_no_second_copy(quantise: str, tmp_path: Path) -> None:
    """Beside the weights there is one matrix at most (and the float32 that a part of it is rounded in)."""

    def own() -> int:  # bytes of memory that no file backs
        status = Path("/proc/self/status").read_text()
        return 1024 * int(status.split("RssAnon:")[1].split()[0])

    written(tmp_path, hidden=1024, inner=2048, heads=16, head_dim=64, kv_heads=4, layers=6)
    load(tmp_path, quantise=quantise)  # whatever is allocated once is allocated now
    before, most = own(), 0

    def report(_: float) -> None:
        nonlocal most
        most = max(most, own() - before)

    weights = load(tmp_path, quantise=quantise, report=report)
    matrix = 2 * 2048 * 1024 * 4
    assert len(weights.layers) == 6
    assert most < weight_bytes(read_config(tmp_path), quantise, itemsize=4) + 4 * matrix
    assert weight_bytes(read_config(tmp_path), itemsize=4) > 10 * matrix


def test_loading_ends_once_it_is_cancelled(tmp_path: Path) -> None:
    written(tmp_path)
    cancelled, shares = threading.Event(), []

    def report(share: float) -> None:
        shares.append(share)
        cancelled.set()

    with pytest.raises(EngineClosed, match="was stopped"):
        load(tmp_path, report=report, cancelled=cancelled)
    assert len(shares) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="limits a process as Unix does")
def test_too_little_memory_is_said_with_what_is_needed(tmp_path: Path) -> None:
    """In a process that may take 10 MB more than it has and maps; the weights take 70 MB in float64."""
    written(tmp_path, hidden=1024, vocabulary=4096, layers=1)
    program = f"""
import resource, torch
from pathlib import Path
from engine.errors import BackendError
from engine.loop.config import read_config
from engine.loop.weights import load_weights
folder = Path({str(tmp_path)!r})
torch.ones(64, 64) @ torch.ones(64, 64)
size = next(int(l.split()[1]) for l in open("/proc/self/status") if l.startswith("VmSize")) * 1024
file = (folder / "model.safetensors").stat().st_size
resource.setrlimit(resource.RLIMIT_AS, (size + 2 * file + 10_000_000,) * 2)
load = lambda: load_weights(folder, read_config(folder), device=torch.device("cpu"), dtype=torch.float64)
try:
    load()
except BackendError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "does not fit in memory: its weights take 0.0 GB in bfloat16 and" in done.stdout, done.stderr


Change = Callable[[Path, dict[str, Tensor]], object]
UP, LAST = "model.layers.1.mlp.up_proj.weight", "model.safetensors"


def changed(edit: Callable[[dict[str, Tensor]], object]) -> Change:
    def change(folder: Path, tensors: dict[str, Tensor]) -> None:
        edit(tensors)
        save_file(tensors, folder / LAST)

    return change


def configured(**settings: Any) -> Change:
    def change(folder: Path, _: dict[str, Tensor]) -> None:
        raw = json.loads((folder / "config.json").read_text()) | settings
        (folder / "config.json").write_text(json.dumps({k: v for k, v in raw.items() if v is not None}))

    return change


def indexed(place: str) -> Change:
    """An index that has the head elsewhere."""

    def change(folder: Path, tensors: dict[str, Tensor]) -> None:
        places = dict.fromkeys(tensors, LAST) | {HEAD: place}
        (folder / INDEX).write_text(json.dumps({"weight_map": places}))

    return change


def twice(folder: Path, tensors: dict[str, Tensor]) -> None:
    indexed("more.safetensors")(folder, tensors)
    save_file({HEAD: tensors[HEAD]}, folder / "more.safetensors")


def without_gates(tensors: dict[str, Tensor]) -> None:
    for name in [name for name in tensors if "gate_projections" in name]:
        del tensors[name]


OUTSIDE = "which is no safetensors file of this folder"
WRONG: dict[str, tuple[Change, str]] = {
    "truncated": (
        lambda f, _: (f / LAST).write_bytes((f / LAST).read_bytes()[:-100]),
        "damaged or not complete",
    ),
    "empty": (lambda f, _: (f / LAST).write_bytes(b""), "damaged or not complete"),
    "text": (lambda f, _: (f / LAST).write_text("nonsense" * 9), "damaged or not complete"),
    "nothing": (lambda f, _: (f / LAST).unlink(), "holds no safetensors file"),
    "several": (
        lambda f, t: (save_file(t, f / "a.safetensors"), (f / LAST).rename(f / "b.safetensors")),
        f"holds several and no {INDEX}",
    ),
    "pickle": (lambda f, _: (f / LAST).rename(f / "pytorch_model.bin"), "never opened"),
    "missing": (changed(lambda t: t.pop(UP)), f"lacks {UP}"),
    "many missing": (changed(lambda t: [t.pop(n) for n in list(t) if "mlp" in n]), "_proj.weight and 3 more"),
    "superfluous": (changed(lambda t: t.update(extra=torch.ones(2))), "not account for: extra"),
    "a bias": (
        changed(lambda t: t.update({"model.layers.0.self_attn.q_proj.bias": torch.zeros(64)})),
        r"not account for: model\.layers\.0\.self_attn\.q_proj\.bias",
    ),
    "a layer more": (configured(num_hidden_layers=1), "and 8 more"),
    "shape": (changed(lambda t: t.update({UP: torch.ones(3, 4)})), r"is \[3, 4\] in place of \[80, 48\]"),
    "turned": (
        changed(lambda t: t.update({UP: t[UP].T.contiguous()})),
        r"is \[48, 80\] in place of \[80, 48\]",
    ),
    "type": (
        changed(lambda t: t.update({UP: torch.ones(80, 48).int()})),
        "is I32 in place of F32 or F16 or BF16",
    ),
    "8 bits": (changed(lambda t: t.update({UP: t[UP].to(torch.float8_e4m3fn)})), "is F8_E4M3 in place of"),
    "no gates": (
        changed(without_gates),
        r"lacks model\.gate_projections\.0\.weight, .* and 1 more",
    ),
    "gates of more heads": (
        changed(lambda t: t.update({"model.gate_projections.1.bias": torch.ones(8)})),
        r"model\.gate_projections\.1\.bias is \[8\] in place of \[4\]",
    ),
    "relabelled": (
        configured(model_type="llama", loop_num=None, loop_window_size=None),
        "holds the gates of a Loop model, .* runs its layers once; it would answer wrongly",
    ),
    "one loop": (configured(loop_num=1), "it would answer wrongly"),
    "quantised, unsaid how": (
        changed(lambda t: t.update({UP.replace("weight", "qweight"): torch.ones(2, 2).int()})),
        "neither quantization_config nor quantize_config.json",
    ),
    "shard above": (indexed("../model.safetensors"), OUTSIDE),
    "shard elsewhere": (indexed("/etc/passwd"), OUTSIDE),
    "shard above, as Windows has it": (indexed("..\\model.safetensors"), OUTSIDE),
    "shard on another drive": (indexed("C:model.safetensors"), OUTSIDE),
    "shard without a name": (indexed(".."), OUTSIDE),
    "shard missing": (indexed("model-2.safetensors"), "model-2.safetensors is missing"),
    "shard that is a pickle": (indexed("pytorch_model.bin"), OUTSIDE),
    "index without a table": (
        lambda f, _: (f / INDEX).write_text('{"weight_map": []}'),
        "weight_map should say",
    ),
    "twice": (twice, r"lm_head\.weight is in both"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_with_a_checkpoint_is_said_in_a_sentence(name: str, tmp_path: Path) -> None:
    written(tmp_path)
    change, sentence = WRONG[name]
    change(tmp_path, load_file(tmp_path / LAST))
    with pytest.raises(ModelCorrupt, match=sentence) as found:
        load(tmp_path)
    assert str(tmp_path) in str(found.value)
    assert str(found.value).endswith(".")


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege there")
def test_a_shard_may_be_a_link_as_in_hugging_faces_cache(tmp_path: Path) -> None:
    checkpoint = written(tmp_path / "snapshot")
    (checkpoint.folder / LAST).rename(tmp_path / "blob")
    (checkpoint.folder / LAST).symlink_to(tmp_path / "blob")
    assert_is(load(checkpoint.folder), checkpoint.tensors)
