"""GPTQ checkpoints of 4 bits, as AutoGPTQ and GPTQModel publish them, to ``Int4Linear``.

Of a matrix (rows, columns) they hold ``qweight`` (columns / 8, rows), eight columns a word, the first in the
lowest bits; ``qzeros`` (groups, rows / 8), packed likewise; ``scales`` (groups, rows); and ``g_idx``
(columns,), the group of each column. A weight is scale * (q - zero). No value is rounded anew but scales and
zeros to the weights' dtype. Knows tensors by name; not where files lie or what the matrices are for.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from engine.errors import ModelCorrupt
from engine.loop.config import read_object
from engine.loop.int4 import Int4Linear, pack
from engine.loop.layout import Matrix
from engine.loop.tensor_files import PLAIN, Wanted

_ONE_EACH = 0x11111111  # of the eight numbers of a word
_ROWS_AT_ONCE = 1024  # repacked together: bounds what is needed beside the matrix


@dataclass(frozen=True, slots=True)
class GptqForm:
    """How a checkpoint is quantised. ``group``: columns that share a scale, -1 for all of a row.

    ``ordered``: columns were quantised by their importance, so that a group's lie scattered (desc_act).
    ``less_one``: zeros are stored one too low (the format "gptq", which "gptq_v2" mends).
    """

    group: int
    ordered: bool
    less_one: bool

    def groups(self, columns: int) -> int:
        """Of a matrix with so many columns; 0 where they do not come out even."""
        if columns % 8:
            return 0
        size = columns if self.group == -1 else self.group
        return columns // size if columns % size == 0 else 0


def read_gptq_form(folder: Path) -> GptqForm | None:
    """How the checkpoint in ``folder`` is quantised; None where it is not. Raises ModelCorrupt.

    config.json says it, or for older ones quantize_config.json.
    """
    file = folder / "config.json"
    raw = read_object(file).get("quantization_config")
    if raw is None:
        file = folder / "quantize_config.json"
        if not file.is_file():
            return None
        raw = {"quant_method": "gptq"} | read_object(file)
    if not isinstance(raw, dict):
        raise ModelCorrupt(f"{file}: quantization_config should be an object, not {raw!r}.")
    if raw.get("quant_method") != "gptq":
        raise ModelCorrupt(
            f"{file}: the weights are quantised by {raw.get('quant_method')!r}; CodeFlow reads GPTQ, and "
            "makes INT4 of plain weights itself."
        )
    return _form(raw, file)


def _form(raw: dict[str, Any], file: Path) -> GptqForm:
    layout = raw.get("checkpoint_format", raw.get("format", "gptq"))
    unlike = {  # settings that change what the tensors mean, and the values that are known
        "bits": (raw.get("bits"), (4,)),
        "checkpoint_format": (layout, ("gptq", "gptq_v2")),
        "pack_dtype": (raw.get("pack_dtype", "int32"), ("int32",)),
        "is_marlin_format": (raw.get("is_marlin_format"), (None, False)),
        "lm_head": (raw.get("lm_head"), (None, False)),
        "dynamic": (raw.get("dynamic"), (None, {})),
        "adapter": (raw.get("adapter"), (None, {})),
        "desc_act": (raw.get("desc_act", False), (True, False)),
    }
    for name, (value, known) in unlike.items():
        if value not in known:
            raise ModelCorrupt(f"{file}: the GPTQ setting {name} is {value!r}, which CodeFlow cannot read.")
    group = raw.get("group_size")
    if not isinstance(group, int) or isinstance(group, bool) or (group != -1 and (group < 8 or group % 8)):
        raise ModelCorrupt(f"{file}: group_size should be -1 or a multiple of 8, not {group!r}.")
    return GptqForm(group, ordered=bool(raw.get("desc_act")), less_one=layout == "gptq")


def gptq_tensors(form: GptqForm, name: str, rows: int, columns: int, there: Collection[str]) -> Wanted:
    """What a checkpoint holds in place of ``name``.weight (rows, columns); ``there``: the names it has.

    Raises ModelCorrupt where such a matrix cannot be quantised in this form.
    """
    groups = form.groups(columns)
    if not groups or rows % 8:
        raise ModelCorrupt(
            f"{name} has {rows} rows and {columns} columns, which make no groups of {form.group} columns and "
            "no words of eight."
        )
    wanted: Wanted = {
        f"{name}.qweight": ((columns // 8, rows), ("I32",)),
        f"{name}.qzeros": ((groups, rows // 8), ("I32",)),
        f"{name}.scales": ((groups, rows), PLAIN),
    }
    if form.ordered or f"{name}.g_idx" in there:
        wanted[f"{name}.g_idx"] = ((columns,), ("I32",))
    if f"{name}.bias" in there:  # old quantisers wrote zeros
        wanted[f"{name}.bias"] = ((rows,), PLAIN)
    return wanted


def gptq_linear(
    form: GptqForm,
    read: Callable[[str], Tensor],
    there: Collection[str],
    matrix: Matrix,
    *,
    dtype: torch.dtype,
    device: torch.device,
) -> Int4Linear:
    """The ``matrix`` whose parts are in the checkpoint, one below the other; scales and zeros in ``dtype``.

    Raises ModelCorrupt where the parts group their columns differently, or a bias is not zero.
    """
    shape = (matrix.rows, form.groups(matrix.columns))
    scale, zero = (torch.empty(shape, dtype=dtype, device=device) for _ in range(2))
    packed = torch.empty(matrix.rows, matrix.columns // 8, dtype=torch.int32, device=device)
    orders: list[Tensor | None] = []
    first = 0
    for name, rows in matrix.parts:
        if f"{name}.bias" in there and read(f"{name}.bias").any():
            raise ModelCorrupt(f"{name} has a bias, which CodeFlow's loop engine does not have.")
        order = _order(read(f"{name}.g_idx"), shape[1], name) if f"{name}.g_idx" in there else None
        orders.append(order)
        words = read(f"{name}.qweight").to(device).T
        at = order.to(device) if order is not None else slice(None)
        for start in range(0, rows, _ROWS_AT_ONCE):
            codes = _numbers(words[start : start + _ROWS_AT_ONCE])[:, at]
            packed[first + start : first + start + len(codes)] = pack(codes.contiguous())
        zeros = read(f"{name}.qzeros").to(device)
        if form.less_one:  # over whole words, wrapping round, as it was subtracted
            zeros = zeros + _ONE_EACH
        own = read(f"{name}.scales").to(device, dtype)
        scale[first : first + rows] = own.T
        # by the scale as it is kept, so that a weight of 0 stays 0
        zero[first : first + rows] = (own * _numbers(zeros)).T
        first += rows
    if not all(_is_same(order, orders[0]) for order in orders):
        names = ", ".join(name for name, _ in matrix.parts)
        raise ModelCorrupt(
            f"{names} see the same input but group its columns differently (g_idx), which CodeFlow cannot "
            "read; quantise without desc_act."
        )
    return Int4Linear(packed, scale, zero, None if orders[0] is None else orders[0].to(device))


def _numbers(words: Tensor) -> Tensor:
    """Words (A, B) to the numbers of 0 to 15 in them (A, 8B)."""
    shifts = torch.arange(0, 32, 4, dtype=torch.int32, device=words.device)
    return ((words[..., None] >> shifts) & 15).flatten(1)


def _order(group_of_column: Tensor, groups: int, name: str) -> Tensor | None:
    """The columns (C,) as they lie group by group; None where they lie so already."""
    columns = len(group_of_column)
    if not group_of_column.any():  # of one group, or never filled in: then nothing was reordered
        return None
    order = torch.argsort(group_of_column, stable=True)
    even = torch.arange(columns, dtype=group_of_column.dtype) // (columns // groups)
    if not torch.equal(group_of_column[order], even):
        raise ModelCorrupt(f"{name}.g_idx does not divide {columns} columns evenly into {groups} groups.")
    return None if torch.equal(group_of_column, even) else order


def _is_same(one: Tensor | None, other: Tensor | None) -> bool:
    if one is None or other is None:
        return one is other
    return torch.equal(one, other)
