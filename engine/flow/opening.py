"""A flow checkpoint's folder to a backend that is ready to evaluate.

The weights are computed with in float32, whatever they are stored in: the model is small, and its memory adds
up over hundreds of windows. Opens safetensors alone; a tensor that is missing, unknown or of another form is
refused by name.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from engine.errors import BackendError, EngineClosed, ModelCorrupt
from engine.flow.backend import FlowBackend
from engine.flow.config import FlowConfig, read_flow_config
from engine.flow.model import FlowModel, build
from engine.loop.device import choose_device, free_bytes
from engine.loop.fit import Fit
from engine.loop.opening import Plan
from engine.loop.tensor_files import PLAIN, TensorFiles, named
from engine.loop.tokenizer import open_tokenizer

_FILE = "model.safetensors"


def plan_flow(folder: Path, *, context_tokens: int, device: str = "auto", quantise: str = "auto") -> Plan:
    """How the model in ``folder`` is going to be held. Raises ModelCorrupt, or BackendError where it does not
    fit. Its context costs no memory, so that all that is wanted is given."""
    config, where = read_flow_config(folder), choose_device(device)
    if quantise == "int4":
        raise BackendError("The flow model is not rounded to 4 bits; set engine.quantise to auto.")
    free, size = free_bytes(where), 4 * sum(one.numel() for one in _empty(config).state_dict().values())
    if size > free:
        raise BackendError(
            f"{folder.name} does not fit in memory: its weights take {size / 1e9:.1f} GB, and "
            f"{free / 1e9:.1f} GB are free."
        )
    fit = Fit("", size, context_tokens)
    return Plan(config, where, torch.float32, fit, free, (fit,))


def open_flow(
    folder: Path,
    config: FlowConfig,
    *,
    device: str,
    context_tokens: int,
    sequences: int,
    report: Callable[[float], None] | None = None,
    cancelled: threading.Event | None = None,
) -> FlowBackend:
    """Load the checkpoint in ``folder``. ``report`` is told the share loaded, 0 to 1. Raises ModelCorrupt, or
    EngineClosed once ``cancelled`` is set."""
    tokenizer = open_tokenizer(folder, config.vocabulary_size, config.stop_tokens)
    model = load_flow(folder, config, report=report, cancelled=cancelled).to(device)
    return FlowBackend(model, tokenizer, context_tokens=context_tokens, sequences=sequences)


def load_flow(
    folder: Path,
    config: FlowConfig,
    *,
    report: Callable[[float], None] | None = None,
    cancelled: threading.Event | None = None,
) -> FlowModel:
    """The model in ``folder`` in float32, on the CPU. See ``open_flow``."""
    if not (file := folder / _FILE).is_file():
        raise ModelCorrupt(f"{file} is missing: the folder is no complete checkpoint.")
    model = _empty(config)
    wanted, found = model.state_dict(), dict[str, Tensor]()
    with TensorFiles([file]) as files:
        there = files.entries
        if missing := [name for name in wanted if name not in there]:
            raise ModelCorrupt(f"{folder} lacks {named(missing)}.")
        if unknown := [name for name in there if name not in wanted]:
            raise ModelCorrupt(f"{folder} holds what its config.json does not account for: {named(unknown)}.")
        for number, (name, like) in enumerate(wanted.items(), 1):
            if there[name].shape != tuple(like.shape) or there[name].kind not in PLAIN:
                what = f"{there[name].kind} {list(there[name].shape)}"
                raise ModelCorrupt(f"{folder}: {name} is {what} in place of {list(like.shape)}.")
            if cancelled is not None and cancelled.is_set():
                raise EngineClosed("Loading the model was stopped.")
            found[name] = files.read(name).to(torch.float32, copy=True)
            if report is not None:
                report(number / len(wanted))
    model = build(config)
    model.load_state_dict(found, assign=True)
    return model


def _empty(config: FlowConfig) -> FlowModel:
    """The model's shape, without its weights."""
    with torch.device("meta"):
        return build(config)
