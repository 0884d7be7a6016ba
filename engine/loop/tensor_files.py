"""Safetensors files as one table of tensors, mapped into memory and read one by one.

From paths to names, shapes, kinds and, on demand, values. Opens nothing but safetensors: a pickle runs what
is in it. Knows no folders and not what tensors mean.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, Self

from safetensors import SafetensorError, safe_open
from torch import Tensor

from engine.errors import ModelCorrupt
from engine.loop.layout import Shape

PLAIN = ("F32", "F16", "BF16")  # kinds of weights that are not quantised
Wanted = dict[str, tuple[Shape, tuple[str, ...]]]  # by name: the shape and the kinds that are taken
_BYTES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U8": 1, "BOOL": 1}
_NAMES_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Entry:
    """A tensor as its file describes it; ``kind`` in safetensors' words: F32, BF16, I32, ..."""

    file: Path
    shape: Shape
    kind: str

    @property
    def nbytes(self) -> int:
        """On disk."""
        return prod(self.shape) * _BYTES.get(self.kind, 1)


class TensorFiles:
    """The tensors of some safetensors files. A context manager, which closes them.

    Raises ModelCorrupt where one is missing, truncated or something else, or two hold the same tensor.
    """

    def __init__(self, files: list[Path]) -> None:
        self.entries: dict[str, Entry] = {}
        self._open: dict[Path, Any] = {}
        with ExitStack() as stack:
            for file in files:
                handle = self._open[file] = stack.enter_context(_opened(file))
                for name in handle.keys():  # noqa: SIM118 - it is no dict
                    if name in self.entries:
                        raise ModelCorrupt(f"{name} is in both {self.entries[name].file} and {file}.")
                    part = handle.get_slice(name)
                    self.entries[name] = Entry(file, tuple(part.get_shape()), part.get_dtype())
            self._closing = stack.pop_all()

    def read(self, name: str) -> Tensor:
        """A tensor on the CPU, backed by the file where the system can do that."""
        return self._open[self.entries[name].file].get_tensor(name)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.clear()
        self._closing.close()


def named(names: list[str]) -> str:
    """The first few of some names, and how many more there are."""
    more = len(names) - _NAMES_SHOWN
    return ", ".join(names[:_NAMES_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _opened(file: Path) -> Any:
    try:
        return safe_open(file, framework="pt")
    except SafetensorError as error:
        raise ModelCorrupt(
            f"{file} is damaged or not complete ({str(error).rstrip('.')}); download it again."
        ) from None
    except OSError as error:
        raise ModelCorrupt(f"{file} cannot be read: {error}.") from None
