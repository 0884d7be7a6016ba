"""Where a training runs: which device, in which precision, and which of several processes this one is.

Started by torchrun, processes share the work as its environment says; started plainly there is one.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from engine.errors import BackendError
from engine.llama.threads import FreeCores
from engine.loop.device import choose_device


@dataclass(frozen=True, slots=True)
class Place:
    """One process of a training. ``precision``: what products are computed in."""

    device: torch.device
    precision: torch.dtype
    rank: int = 0
    ranks: int = 1
    free_cores: FreeCores | None = None

    @property
    def leads(self) -> bool:
        """Whether this process writes files and shows progress."""
        return self.rank == 0

    def follow_load(self) -> None:
        """Use the cores that nobody else does, where that was asked for; called before every step.

        Threads of which one has to wait for its core hold up the others at every product: beside other work
        two of them took 15 times as long as one (docs/log.md).
        """
        if self.free_cores is not None and (threads := self.free_cores()) != torch.get_num_threads():
            torch.set_num_threads(threads)

    def autocast(self) -> Any:
        """A context in which products are computed in ``precision``; weights and sums stay in float32."""
        return torch.autocast(self.device.type, dtype=self.precision, enabled=self.precision != torch.float32)

    def shared(self, model: nn.Module) -> nn.Module:
        """The model whose gradients all processes average."""
        if self.ranks == 1:
            return model
        ids = [self.device.index] if self.device.type == "cuda" else None
        return nn.parallel.DistributedDataParallel(model, device_ids=ids)

    def mean(self, value: float) -> float:
        """Of every process's value."""
        if self.ranks == 1:
            return value
        one = torch.tensor(value, device=self.device, dtype=torch.float64)
        torch.distributed.all_reduce(one)
        return one.item() / self.ranks


@contextlib.contextmanager
def training_place(
    precision: str = "auto", device: str = "auto", *, threads: int | None = 0
) -> Iterator[Place]:
    """This process's place; torch's group of processes ends with it. Raises BackendError.

    ``threads`` of a processor: 0 follows the load, which changes how sums are rounded; None changes nothing.
    """
    ranks = int(os.environ.get("WORLD_SIZE", "1"))
    kind = choose_device(device)
    where = torch.device(f"cuda:{os.environ.get('LOCAL_RANK', '0')}" if kind == "cuda" else kind)
    if kind == "cuda":
        torch.cuda.set_device(where)
        torch.set_float32_matmul_precision("high")
    follows = kind == "cpu" and ranks == 1 and threads == 0
    place = Place(
        where,
        _precision(precision, kind),
        int(os.environ.get("RANK", "0")),
        ranks,
        FreeCores() if follows else None,
    )
    if threads:
        torch.set_num_threads(threads)
    if ranks == 1:
        yield place
        return
    if not torch.distributed.is_available():
        raise BackendError("this torch was built without torch.distributed, which several processes need")
    torch.distributed.init_process_group("nccl" if kind == "cuda" else "gloo")
    try:
        yield place
    finally:
        torch.distributed.destroy_process_group()


def _precision(wanted: str, kind: str) -> torch.dtype:
    """``auto``: bfloat16 on a GPU, and on a processor that multiplies it itself (docs/training.md)."""
    if wanted != "auto":
        return {"float32": torch.float32, "bfloat16": torch.bfloat16}[wanted]
    if kind == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
    return torch.bfloat16 if {"amx_bf16", "avx512_bf16"} & set(_capabilities().split()) else torch.float32


def _capabilities() -> str:
    """What this processor computes with, as Linux names it; "" elsewhere."""
    try:
        with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:  # noqa: PTH123 - read in part
            return next((line for line in file if line.startswith("flags")), "")
    except OSError:
        return ""
