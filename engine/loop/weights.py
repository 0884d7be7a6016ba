"""A checkpoint's tensors to ``shapes.Weights``: each straight to its place in a matrix on the device.

Beside the weights themselves no more is held than one tensor, or one matrix on its way to INT4. Nothing is
left over and nothing is made up: a tensor that is missing, unknown or of another form is refused by name.
Published names: loopcoder, section 2. Reads JSON and safetensors; evaluates nothing.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Collection
from pathlib import Path

import torch
from torch import Tensor

from engine.errors import BackendError, EngineClosed, ModelCorrupt
from engine.loop import layout
from engine.loop.config import LoopConfig, read_object
from engine.loop.device import free_bytes
from engine.loop.fit import weight_bytes
from engine.loop.gptq import GptqForm, gptq_linear, gptq_tensors, read_gptq_form
from engine.loop.int4 import quantised
from engine.loop.shapes import Dense, Gates, Layer, Linear, Weights
from engine.loop.tensor_files import PLAIN, TensorFiles, Wanted, named

INDEX = "model.safetensors.index.json"
_PLAIN_NAME = re.compile(r"[^/\\:]+\.safetensors")  # on any system; what it links to is the user's affair
_IGNORED = re.compile(r"\.rotary_emb\.inv_freq$")  # old Llama checkpoints keep what config.json says


def load_weights(
    folder: Path,
    config: LoopConfig,
    *,
    device: torch.device,
    dtype: torch.dtype,
    quantise: str = "",
    report: Callable[[float], None] | None = None,
    cancelled: threading.Event | None = None,
) -> Weights:
    """The weights in ``folder``, in ``dtype`` but for matrices of 4 bits.

    ``quantise`` "int4" rounds the layers' matrices to nearest; a GPTQ checkpoint's are of 4 bits anyway.
    ``report`` is told the share loaded, 0 to 1. Raises ModelCorrupt; BackendError where the memory does not
    suffice; EngineClosed once ``cancelled`` is set.
    """
    form = read_gptq_form(folder)
    with TensorFiles(_files(folder)) as files:
        wanted = _checked(files, folder, config, form)
        loading = _Loading(files, wanted, device, dtype, report, cancelled)
        try:
            return _weights(loading, config, form, quantise)
        except RuntimeError as error:  # torch.OutOfMemoryError is one; on a CPU only its text tells
            if not isinstance(error, torch.OutOfMemoryError) and "can't allocate memory" not in str(error):
                raise
    if device.type == "cuda":
        torch.cuda.empty_cache()  # what was loaded is given back before it is counted
    whole, small = (weight_bytes(config, form) / 1e9 for form in ("", "int4"))
    raise BackendError(
        f"{folder.name} does not fit in memory: its weights take {whole:.1f} GB in bfloat16 and {small:.1f} "
        f"GB in INT4, and {free_bytes(device.type) / 1e9:.1f} GB are free."
    )


def expected_shapes(config: LoopConfig) -> dict[str, layout.Shape]:
    """Every tensor of a checkpoint that is not quantised, by name."""
    found = layout.shapes_beside_matrices(config)
    for name, rows, columns in layout.published_matrices(config):
        found[f"{name}.weight"] = (rows, columns)
    return found


def _weights(loading: _Loading, config: LoopConfig, form: GptqForm | None, quantise: str) -> Weights:
    embedding = loading.plain(layout.EMBEDDING)
    head = Dense(embedding if config.tied else loading.plain(layout.HEAD))
    layers = []
    for layer in range(config.layers):
        own: dict[str, Linear] = {}
        for name, matrix in layout.matrices(config).items():
            parts = tuple((f"{layout.layer_name(layer)}.{part}", rows) for part, rows in matrix.parts)
            own[name] = loading.matrix(layout.Matrix(matrix.columns, parts), form, quantise)
        gates = None
        if config.loops > 1:
            gates = Gates(*(loading.plain(name) for name in layout.gate_names(layer)))
        norms = [loading.plain(name(layer)) for name in (layout.input_norm_name, layout.post_norm_name)]
        layers.append(Layer(norms[0], own["qkv"], own["o"], norms[1], own["gate_up"], own["down"], gates))
    return Weights(embedding, layers, loading.plain(layout.NORM), head)


class _Loading:
    """Reads tensors, counts their bytes and ends when told to."""

    def __init__(
        self,
        files: TensorFiles,
        wanted: Collection[str],
        device: torch.device,
        dtype: torch.dtype,
        report: Callable[[float], None] | None,
        cancelled: threading.Event | None,
    ) -> None:
        self._files, self._wanted, self._device, self._dtype = files, wanted, device, dtype
        self._report, self._cancelled = report, cancelled
        self._total = sum(files.entries[name].nbytes for name in wanted)
        self._done = 0

    def read(self, name: str) -> Tensor:
        """A tensor as it is, on the CPU. Raises EngineClosed."""
        if self._cancelled is not None and self._cancelled.is_set():
            raise EngineClosed("Loading the model was stopped.")
        self._done += self._files.entries[name].nbytes
        if self._report is not None:
            self._report(self._done / self._total)
        return self._files.read(name)

    def plain(self, name: str) -> Tensor:
        """A tensor on the device, of the weights' dtype."""
        return self._empty(*self._files.entries[name].shape).copy_(self.read(name))

    def matrix(self, matrix: layout.Matrix, form: GptqForm | None, quantise: str) -> Linear:
        """A matrix of the published parts, one below the other."""
        if form is not None:
            found = gptq_linear(form, self.read, self._wanted, matrix, dtype=self._dtype, device=self._device)
            return found.fastest()
        weight, first = self._empty(matrix.rows, matrix.columns), 0
        for name, rows in matrix.parts:
            weight[first : first + rows].copy_(self.read(f"{name}.weight"))
            first += rows
        small = quantised(weight) if quantise == "int4" else None
        return Dense(weight) if small is None else small.fastest()

    def _empty(self, *shape: int) -> Tensor:
        return torch.empty(shape, dtype=self._dtype, device=self._device)


def _checked(files: TensorFiles, folder: Path, config: LoopConfig, form: GptqForm | None) -> Collection[str]:
    """The tensors to read: the files hold what the config asks for and nothing else, or ModelCorrupt."""
    there = {name: entry for name, entry in files.entries.items() if not _IGNORED.search(name)}
    if form is None:
        wanted: Wanted = {name: (shape, PLAIN) for name, shape in expected_shapes(config).items()}
    else:
        wanted = {name: (shape, PLAIN) for name, shape in layout.shapes_beside_matrices(config).items()}
        for name, rows, columns in layout.published_matrices(config):
            wanted |= gptq_tensors(form, name, rows, columns, there)
    unknown = [name for name in there if name not in wanted]
    if config.tied and layout.HEAD in unknown and _same(files, layout.HEAD, layout.EMBEDDING):
        unknown.remove(layout.HEAD)
    if config.loops == 1 and any(name.startswith("model.gate_projections.") for name in unknown):
        raise ModelCorrupt(
            f"{folder} holds the gates of a Loop model, but its config.json runs its layers once; it would "
            "answer wrongly: take the published config.json."
        )
    if form is None and any(name.endswith(".qweight") for name in unknown):
        raise ModelCorrupt(
            f"{folder} holds quantised weights, but neither quantization_config nor quantize_config.json "
            "says how to read them."
        )
    if missing := [name for name in wanted if name not in there]:
        raise ModelCorrupt(f"{folder} lacks {named(missing)}.")
    if unknown:
        raise ModelCorrupt(f"{folder} holds what its config.json does not account for: {named(unknown)}.")
    wrong = [
        f"{name} is {list(there[name].shape)} in place of {list(shape)}"
        for name, (shape, _) in wanted.items()
        if there[name].shape != shape
    ] or [
        f"{name} is {there[name].kind} in place of {' or '.join(kinds)}"
        for name, (_, kinds) in wanted.items()
        if there[name].kind not in kinds
    ]
    if wrong:
        raise ModelCorrupt(f"{folder} does not hold what its config.json says: {named(wrong)}.")
    return wanted


def _same(files: TensorFiles, one: str, other: str) -> bool:
    return other in files.entries and torch.equal(files.read(one), files.read(other))


def _files(folder: Path) -> list[Path]:
    """The files that hold the weights. Raises ModelCorrupt."""
    index = folder / INDEX
    if index.is_file():
        return _indexed(index)
    if (single := folder / "model.safetensors").is_file():
        return [single]
    others = sorted(folder.glob("*.safetensors"))
    if len(others) == 1:  # quantisers have names of their own
        return others
    if any(folder.glob("*.bin")):
        raise ModelCorrupt(
            f"{folder} has its weights as .bin files only, which can run programs and are never opened; "
            "CodeFlow reads safetensors."
        )
    what = f"several and no {INDEX}" if others else "no safetensors file"
    raise ModelCorrupt(f"{folder} holds {what}.")


def _indexed(index: Path) -> list[Path]:
    table = read_object(index).get("weight_map")
    if not isinstance(table, dict) or not table:
        raise ModelCorrupt(f"{index}: weight_map should say which file each tensor is in.")
    files = []
    for name in dict.fromkeys(map(str, table.values())):
        if not _PLAIN_NAME.fullmatch(name):
            raise ModelCorrupt(f"{index} names {name!r}, which is no safetensors file of this folder.")
        file = index.with_name(name)
        if not file.is_file():
            raise ModelCorrupt(f"{file} is missing, which {INDEX} names; download it.")
        files.append(file)
    return files
