"""What fits in memory, as computed, and what is said where nothing does."""

from __future__ import annotations

import dataclasses
import json
import os
import stat
import sys
from pathlib import Path

import pytest
import torch

from engine.errors import BackendError
from engine.loop import device
from engine.loop.cache import LoopCache
from engine.loop.config import LoopConfig
from engine.loop.fit import cache_bytes, choose_fit, what_fits
from engine.loop.opening import plan_for
from tests.engine.loop.checkpoints import written
from tests.gpu.random_weights import SHAPE_40B

H200, GAMER = 150_000_000_000, 24_000_000_000  # bytes free
SMALL = dataclasses.replace(SHAPE_40B, layers=2, kv_heads=2, head_dim=16, window=100)


def fits(config: LoopConfig, free: int, wanted: int = 131_072):
    return what_fits(config, free, wanted_tokens=wanted, sequences=9, chunk=512)


def test_a_card_of_141_gb_holds_the_40b_whole_with_its_full_context() -> None:
    whole, small = fits(SHAPE_40B, H200)
    assert (whole.quantise, whole.context_tokens) == ("", 131_072)
    assert small.context_tokens == 131_072
    assert choose_fit([whole, small], "auto", H200, 131_072) is whole
    assert choose_fit([whole, small], "int4", H200, 131_072) is small


def test_what_does_not_fit_whole_is_held_in_int4_with_the_context_that_is_left() -> None:
    found = fits(SHAPE_40B, 40_000_000_000)
    assert found[0].context_tokens == 0
    best = choose_fit(found, "auto", 40_000_000_000, 131_072)
    assert best.quantise == "int4"
    assert 30_000 < best.context_tokens < 60_000


def test_the_sentence_says_what_would_fit() -> None:
    found = fits(SHAPE_40B, 40_000_000_000)
    with pytest.raises(BackendError, match=r"79\.6 GB in bfloat16 .* set engine\.quantise to int4"):
        choose_fit(found, "none", 40_000_000_000, 131_072)
    with pytest.raises(BackendError, match="choose a smaller model"):
        choose_fit(fits(SHAPE_40B, GAMER // 2), "auto", GAMER // 2, 131_072)


@pytest.mark.parametrize("loops", [1, 2, 3])
def test_the_cache_takes_what_was_computed(loops: int) -> None:
    config = dataclasses.replace(SMALL, loops=loops)
    cache = LoopCache(
        config, tokens=5000, sequences=3, chunk=100, dtype=torch.bfloat16, device=torch.device("cpu")
    )
    pools = [pool for pool in (cache.pool, cache.local_pool) if pool is not None]
    taken = sum(tensor.nbytes for pool in pools for tensor in (pool.keys, pool.values))
    scratch = sum(tensor[:, :1].nbytes for pool in pools for tensor in (pool.keys, pool.values))
    assert taken - scratch == cache_bytes(config, tokens=5000, sequences=3, chunk=100)


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in for nvidia-smi is a shell script")
def test_a_gpu_that_torch_cannot_use_is_said_loudly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The driver says that there is one, and this torch has no CUDA: an error, not the processor."""
    if torch.cuda.is_available():
        pytest.skip("there is a GPU that can be used")
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\necho 'NVIDIA H200, 580.1, 143771, 140000'\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert device.find_gpus() == [device.Gpu("NVIDIA H200", "580.1", 143771 << 20, 140000 << 20)]
    with pytest.raises(BackendError, match=r"A GPU is here that .* built without CUDA.*engine\.device: cpu"):
        device.choose_device("auto")
    assert device.choose_device("cpu") == "cpu"
    program.write_text(
        "#!/bin/sh\necho 'Failed to initialize NVML: Driver/library version mismatch'\nexit 18\n"
    )
    with pytest.raises(BackendError, match="does not work: Failed to initialize NVML"):
        device.choose_device("auto")


def test_without_a_gpu_cuda_is_refused_and_the_processor_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a GPU that can be used")
    monkeypatch.setenv("PATH", "")
    assert device.choose_device("auto") == "cpu"
    with pytest.raises(BackendError, match="cannot use a GPU here: the installed torch"):
        device.choose_device("cuda")


def test_on_a_processor_int4_is_computed_in_bfloat16_and_all_else_in_float32(tmp_path: Path) -> None:
    written(tmp_path, hidden=128, inner=256, head_dim=32)
    plans = [
        plan_for(tmp_path, sequences=2, context_tokens=2048, device="cpu", quantise=way)
        for way in ("none", "int4", "auto")
    ]
    assert [plan.dtype for plan in plans] == [torch.float32, torch.bfloat16, torch.float32]
    assert [plan.fit.quantise for plan in plans] == ["", "int4", ""]
    raw = json.loads((tmp_path / "config.json").read_text())
    raw["quantization_config"] = {"quant_method": "gptq", "bits": 4, "group_size": 32}
    (tmp_path / "config.json").write_text(json.dumps(raw))
    plan = plan_for(tmp_path, sequences=2, context_tokens=2048, device="cpu")
    assert (plan.fit.quantise, plan.dtype) == ("int4", torch.bfloat16)
