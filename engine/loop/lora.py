"""LoRA adapters in PEFT's format, to be added to a loaded model's products (``model.Adapter``).

A module's change of its matrix W is scale * B A, A (r, in), B (out, r); the scale is put into B once. The
modules that make one matrix of ours (``layout``) share their input, so their A stand below each other and
their B side by side, each in the rows that are its own: two products for all of them. Both loops use the
same adapter, as they use the same weights. Refuses by name what would change more than that.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from torch import Tensor

from engine.errors import ModelCorrupt
from engine.loop.config import LoopConfig, read_object
from engine.loop.layout import Matrix, matrices
from engine.loop.tensor_files import PLAIN, TensorFiles, named

_SAID = {"peft_type", "r", "lora_alpha", "use_rslora", "bias", "target_modules", "init_lora_weights"}
_HARMLESS = {  # of no consequence once an adapter is trained; the tensors say where it applies
    "auto_mapping",
    "base_model_name_or_path",
    "corda_config",
    "ensure_weight_tying",
    "eva_config",
    "exclude_modules",
    "inference_mode",
    "layers_pattern",
    "layers_to_transform",
    "lora_dropout",
    "megatron_core",
    "peft_version",
    "qalora_group_size",
    "revision",
    "runtime_config",
    "task_type",
}
_BEGINNINGS = (True, False, None, "gaussian", "eva", "orthogonal")  # others change the model itself, too
_NAME = re.compile(r"base_model\.model\.model\.layers\.(\d+)\.(\w+\.\w+)\.lora_([AB])\.weight")


@dataclass(frozen=True, slots=True)
class Adapter:
    """By layer and matrix: A (ranks, in) and B (out, ranks) of all its modules, the scale within B."""

    factors: dict[tuple[int, str], tuple[Tensor, Tensor]]

    @property
    def nbytes(self) -> int:
        """Bytes on the device."""
        return sum(a.nbytes + b.nbytes for a, b in self.factors.values())

    def delta(self, layer: int, name: str, x: Tensor) -> Tensor | None:
        """(N, in), in the adapter's dtype -> (N, out); None where the adapter leaves the matrix alone."""
        factors = self.factors.get((layer, name))
        return None if factors is None else F.linear(F.linear(x, factors[0]), factors[1])


def load_adapter(folder: Path, config: LoopConfig, device: torch.device, dtype: torch.dtype) -> Adapter:
    """The adapter in ``folder`` for a model of this ``config``. Raises ModelCorrupt."""
    forms = matrices(config)
    rank, scale = _rank_and_scale(folder / "adapter_config.json", forms)
    file = folder / "adapter_model.safetensors"
    if not file.is_file():
        raise ModelCorrupt(f"{file} is missing; CodeFlow reads adapters as safetensors only.")
    where = {part: (name, part) for name, form in forms.items() for part, _ in form.parts}
    with TensorFiles([file]) as files:
        found: dict[tuple[int, str], dict[str, dict[str, str]]] = {}
        unknown = []
        for tensor in files.entries:
            match = _NAME.fullmatch(tensor)
            if match is None or match[2] not in where or int(match[1]) >= config.layers:
                unknown.append(tensor)
                continue
            matrix, part = where[match[2]]
            found.setdefault((int(match[1]), matrix), {}).setdefault(part, {})[match[3]] = tensor
        if unknown:
            raise ModelCorrupt(f"{file} changes what this model does not have: {named(unknown)}.")
        if not found:
            raise ModelCorrupt(f"{file} holds no adapter.")
        factors = {}
        for (layer, matrix), parts in found.items():
            a, b = _joined(files, f"{file}: layer {layer}'s", forms[matrix], parts, rank)
            factors[layer, matrix] = (a.to(device, dtype), (b * scale).to(device, dtype))
    return Adapter(factors)


def _rank_and_scale(file: Path, forms: dict[str, Matrix]) -> tuple[int, float]:
    """What the adapter's config says of them. Raises ModelCorrupt for whatever else it says."""
    raw = read_object(file)
    known: dict[str, tuple[Any, ...]] = {
        "peft_type": ("LORA",),
        "bias": ("none", None),
        "use_rslora": (True, False, None),
        "init_lora_weights": _BEGINNINGS,
    }
    for name, allowed in known.items():
        if raw.get(name) not in allowed:
            raise ModelCorrupt(f"{file}: {name} is {raw.get(name)!r}, which CodeFlow cannot apply.")
    for name, value in raw.items():
        if value and name not in _SAID | _HARMLESS:
            raise ModelCorrupt(f"{file}: {name} is {value!r}, which CodeFlow cannot apply.")
    rank, alpha = raw.get("r"), raw.get("lora_alpha")
    if not isinstance(rank, int) or isinstance(rank, bool) or rank < 1:
        raise ModelCorrupt(f"{file}: r should be a whole number of at least 1, not {rank!r}.")
    if not isinstance(alpha, int | float) or isinstance(alpha, bool) or not 0 < alpha < float("inf"):
        raise ModelCorrupt(f"{file}: lora_alpha should be a number above 0, not {alpha!r}.")
    targets = raw.get("target_modules")
    modules = {part.split(".")[1] for form in forms.values() for part, _ in form.parts}
    if isinstance(targets, list):  # a text is a pattern, and the tensors say what it fitted
        unknown = [str(target) for target in targets if str(target).split(".")[-1] not in modules]
        if unknown:
            raise ModelCorrupt(f"{file}: target_modules names {named(unknown)}, which CodeFlow cannot adapt.")
    return rank, alpha / (rank**0.5 if raw.get("use_rslora") else rank)


def _joined(
    files: TensorFiles, whose: str, form: Matrix, parts: dict[str, dict[str, str]], rank: int
) -> tuple[Tensor, Tensor]:
    """A (ranks, in) and B (out, ranks), in float64, of one matrix' modules; ``whose`` begins a complaint."""
    a = torch.zeros(rank * len(parts), form.columns, dtype=torch.float64)
    b = torch.zeros(form.rows, rank * len(parts), dtype=torch.float64)
    row, at = 0, 0
    for part, rows in form.parts:
        if part in parts:
            for kind, shape in (("A", (rank, form.columns)), ("B", (rows, rank))):
                entry = files.entries[parts[part][kind]] if kind in parts[part] else None
                if entry is None or entry.shape != shape or entry.kind not in PLAIN:
                    there = f"{entry.kind} {list(entry.shape)}" if entry else "missing"
                    raise ModelCorrupt(
                        f"{whose} {part}.lora_{kind} should be of rank {rank}, {'/'.join(PLAIN)} "
                        f"{list(shape)}; it is {there}."
                    )
            a[at : at + rank] = files.read(parts[part]["A"])
            b[row : row + rows, at : at + rank] = files.read(parts[part]["B"])
            at += rank
        row += rows
    return a, b
