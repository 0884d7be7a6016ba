"""Which keys a query sees, in each of the forms that attention asks for, each made once.

A mask that was first asked for while answering may serve training later, so no form is an inference tensor.
"""

from __future__ import annotations

import torch
from torch import Tensor


class Mask:
    """``seen`` (..., n, keys), or (B, 1, 1, 1) for whole rows of a batch: True where a query sees a key."""

    __slots__ = ("_added", "_blind", "_hidden", "_repeated", "seen")

    def __init__(self, seen: Tensor) -> None:
        self.seen = seen
        self._hidden: Tensor | None = None
        self._added: Tensor | None = None
        self._blind: Tensor | None = None
        self._repeated: dict[int, Mask] = {}

    def repeated(self, each: int) -> Mask:
        """For ``each`` times the queries, below each other."""
        if each == 1 or self.seen.shape[-2] == 1:
            return self
        if each not in self._repeated:
            with torch.inference_mode(False):
                rows = self.seen.repeat(*([1] * (self.seen.dim() - 2)), each, 1)
            self._repeated[each] = Mask(rows)
        return self._repeated[each]

    @property
    def hidden(self) -> Tensor:
        """True where a query does not see a key."""
        if self._hidden is None:
            with torch.inference_mode(False):
                self._hidden = ~self.seen
        return self._hidden

    @property
    def blind(self) -> Tensor:
        """(..., n): True for queries that see nothing."""
        if self._blind is None:
            with torch.inference_mode(False):
                self._blind = ~self.seen.any(-1)
        return self._blind

    def added(self, dtype: torch.dtype) -> Tensor:
        """0 where a query sees a key, minus infinity elsewhere."""
        if self._added is None or self._added.dtype != dtype:
            with torch.inference_mode(False):
                nothing = torch.zeros((), dtype=dtype, device=self.seen.device)
                self._added = torch.where(self.seen, nothing, nothing - torch.inf)
        return self._added
