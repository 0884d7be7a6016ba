"""A checkpoint's folder and a few plain numbers to a backend that is ready to evaluate."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from engine.backend import Backend
from engine.errors import BackendError
from engine.flow.config import FlowConfig, is_flow
from engine.loop.backend import CHUNK_ON_CPU, CHUNK_ON_GPU, LoopBackend
from engine.loop.config import LoopConfig, read_config
from engine.loop.device import choose_device, free_bytes
from engine.loop.eager import Eager
from engine.loop.fit import Fit, choose_fit, does_not_fit, what_fits
from engine.loop.gptq import read_gptq_form
from engine.loop.lora import load_adapter
from engine.loop.model import LoopModel, Operations
from engine.loop.shapes import has_kernels
from engine.loop.tokenizer import open_tokenizer
from engine.loop.weights import load_weights


@dataclass(frozen=True, slots=True)
class Plan:
    """How a model is going to be held: ``device`` "cuda" or "cpu", ``fit`` in ``free_bytes``."""

    config: LoopConfig | FlowConfig
    device: str
    dtype: torch.dtype
    fit: Fit
    free_bytes: int
    others: tuple[Fit, ...]

    @property
    def sentence(self) -> str:
        """For the user: where and how."""
        name = torch.cuda.get_device_name() if self.device == "cuda" else "the processor"
        how = "INT4" if self.fit.quantise else str(self.dtype).removeprefix("torch.")
        size = f"{self.fit.weight_bytes / 1e9:.1f} GB"
        return f"on {name} in {how} ({size} of {self.free_bytes / 1e9:.1f} GB free)"


def plan_for(
    folder: Path, *, sequences: int, context_tokens: int, device: str = "auto", quantise: str = "auto"
) -> Plan:
    """What ``open_loop`` would do. Raises ModelCorrupt, or BackendError where the model does not fit."""
    if is_flow(folder):
        from engine.flow.opening import plan_flow

        return plan_flow(folder, context_tokens=context_tokens, device=device, quantise=quantise)
    config, where = read_config(folder), choose_device(device)
    free, fits = free_bytes(where), []
    for way in ("", "int4") if read_gptq_form(folder) is None else ("int4",):
        found = what_fits(
            config,
            free,
            wanted_tokens=context_tokens,
            sequences=sequences,
            chunk=CHUNK_ON_GPU if where == "cuda" else CHUNK_ON_CPU,
            itemsize=_dtype(where, way).itemsize,
        )
        fits += [one for one in found if one.quantise == way]
    wanted = "int4" if len(fits) == 1 else quantise  # a GPTQ checkpoint has no other form
    fit = choose_fit(fits, wanted, free, min(context_tokens, config.trained_context))
    return Plan(config, where, _dtype(where, fit.quantise), fit, free, tuple(fits))


def open_loop(
    folder: Path,
    plan: Plan,
    *,
    sequences: int,
    adapters: Mapping[str, Path] | None = None,
    report: Callable[[float], None] | None = None,
    cancelled: threading.Event | None = None,
) -> Backend:
    """Load the checkpoint in ``folder`` as ``plan`` says. ``report`` is told the share loaded, 0 to 1.

    Raises ModelCorrupt or BackendError; whatever was loaded is freed again.
    """
    device, config = torch.device(plan.device), plan.config
    if isinstance(config, FlowConfig):
        from engine.flow.opening import open_flow

        return open_flow(
            folder,
            config,
            device=plan.device,
            context_tokens=plan.fit.context_tokens,
            sequences=sequences,
            report=report,
            cancelled=cancelled,
        )
    tokenizer = open_tokenizer(folder, config.vocabulary_size, config.stop_tokens)
    try:
        weights = load_weights(
            folder,
            config,
            device=device,
            dtype=plan.dtype,
            quantise=plan.fit.quantise,
            report=report,
            cancelled=cancelled,
        )
        changes = {
            name: load_adapter(path, config, device, plan.dtype) for name, path in (adapters or {}).items()
        }
        operations = _operations(device)
        backend = LoopBackend(
            LoopModel(config, weights, operations),
            tokenizer,
            operations,
            context_tokens=plan.fit.context_tokens,
            sequences=sequences,
            adapters=changes,
            graphs=device.type == "cuda" and has_kernels(),
        )
        backend.record()
        return backend
    except torch.OutOfMemoryError:
        raise BackendError(does_not_fit(list(plan.others), plan.free_bytes)) from None


def state_identity(folder: Path, plan: Plan) -> str:
    """What a saved state belongs to: the checkpoint, told by its files, and how it is computed."""
    files = sorted([*folder.glob("*.safetensors"), folder / "config.json"])
    facts = [f"{file.name} {file.stat().st_size} {file.stat().st_mtime_ns}" for file in files]
    how = f"{plan.device} {plan.dtype} {plan.fit.quantise or 'whole'} torch {torch.__version__}"
    return " | ".join((str(folder), *facts, how))


def _dtype(device: str, quantise: str) -> torch.dtype:
    """What is computed in: what is multiplied fast. A processor's INT4 products are bfloat16's alone."""
    if device == "cpu":
        return torch.bfloat16 if quantise else torch.float32
    return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16


def _operations(device: torch.device) -> Operations:
    if device.type == "cuda" and has_kernels():
        from engine.loop.kernels.elementwise import Fused

        return Fused()
    return Eager()
