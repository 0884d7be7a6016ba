"""Positions on four axes as rotations (Su et al. 2021): the order of tokens, line, age and level.

The pairs of a head are divided among the axes; each pair turns by its own axis' value, so that a score knows
the differences. The order of tokens turns in whole steps of a circle that is a little more than four windows
long: the angles of token 4 billion are exactly those of some token among the first, and no two tokens that
see each other are further apart than a window. Half-split as in Llama: element i turns with element i + D/2.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import pi

import torch
from torch import Tensor, nn

from engine.flow.config import FlowConfig

LINE, AGE, LEVEL = range(3)  # columns of ``positions``
_SHARES = (4, 2, 2)  # sixteenths of a head's pairs that turn with them; half are left for the order
_SLOWEST = (65_536.0, 256.0, 256.0)  # radians are so many lines, steps of age, levels for the slowest pair


@dataclass(frozen=True, slots=True)
class Turn:
    """Cosines and sines, each (B or 1, 1, T or 1, D/2)."""

    cos: Tensor
    sin: Tensor

    def part(self, at: slice) -> Turn:
        """Of some of the tokens alone."""
        return Turn(self.cos[:, :, at], self.sin[:, :, at])


class Positions(nn.Module):
    """Angles of a run of tokens: see ``near``, ``far`` and ``back``."""

    steps: Tensor  # round the circle, by pair
    line: Tensor  # radians a line, by pair
    age: Tensor
    level: Tensor

    def __init__(self, config: FlowConfig) -> None:
        super().__init__()
        pairs = config.head_dim // 2
        self.window = config.window
        self.circle = period(config.window)
        counts = [pairs * share // 16 for share in _SHARES] if config.axes else [0, 0, 0]
        steps = speeds(self.circle, pairs - sum(counts))
        self.register_buffer("steps", steps, persistent=False)
        for name, count, slowest in zip(("line", "age", "level"), counts, _SLOWEST, strict=True):
            turns = slowest ** -(torch.arange(count, dtype=torch.float64) / max(1, count))
            self.register_buffer(name, turns.float(), persistent=False)

    def near(self, first: int, count: int, positions: Tensor | None, exact: torch.dtype) -> Turn:
        """Where tokens ``first`` and on stand; ``positions`` (B, T, 3) are their lines, ages and levels."""
        places = torch.arange(first % self.circle, first % self.circle + count, device=self.steps.device)
        return self._turn(self._order(places, exact), positions, exact)

    def far(self, count: int, positions: Tensor | None, exact: torch.dtype) -> Turn:
        """For queries that look at keys turned by ``back``: as if each were a window away."""
        places = torch.full((1,), self.window, device=self.steps.device)
        return self._turn(self._order(places, exact).expand(count, -1), positions, exact)

    def back(self, first: int, count: int, exact: torch.dtype) -> Turn:
        """What takes the order of tokens ``first`` and on out of their keys, and leaves the other axes."""
        places = torch.arange(first % self.circle, first % self.circle + count, device=self.steps.device)
        return self._turn(-self._order(places, exact), None, exact)

    def _order(self, places: Tensor, exact: torch.dtype) -> Tensor:
        turned = places[:, None] * self.steps % self.circle  # whole numbers: exact at any length
        return turned.to(exact) * (2 * pi / self.circle)

    def _turn(self, order: Tensor, positions: Tensor | None, exact: torch.dtype) -> Turn:
        """(T, order's pairs) and (B, T, 3) -> cosines and sines of all pairs."""
        angles, speeds = order[None], (self.line, self.age, self.level)
        others = sum(len(one) for one in speeds)
        if positions is None:
            angles = torch.cat((angles, angles.new_zeros(1, angles.shape[1], others)), -1)
        elif others:
            turned = [positions[..., i, None].to(exact) * one.to(exact) for i, one in enumerate(speeds)]
            angles = torch.cat((angles.expand(len(positions), -1, -1), *turned), -1)
        return Turn(angles.cos()[:, None], angles.sin()[:, None])


def rotate(x: Tensor, turn: Turn) -> Tensor:
    """``x`` (B, heads, T, D) turned."""
    first, second = x.chunk(2, dim=-1)
    cos, sin = turn.cos, turn.sin
    return torch.cat((first * cos - second * sin, second * cos + first * sin), dim=-1).to(x.dtype)


def period(window: int) -> int:
    """Tokens after which the order's angles begin again. A window is 3/13 of it, no simple fraction, so that
    a key that is a window away is like no nearer one in many pairs at once."""
    return 13 * window // 3 | 1


def speeds(circle: int, pairs: int) -> Tensor:
    """Steps round the circle that each pair takes per token: from a radian down to one step, evenly in
    proportion, and each as long as there is room of its own."""
    fastest = circle / (2 * pi)
    found: list[int] = []
    for pair in range(pairs):
        wanted = round(fastest ** (pair / max(1, pairs - 1)))
        found.append(max(wanted, found[-1] + 1 if found else 1))
    return torch.tensor(found[::-1])
