"""A TOML file to a `Recipe`: the shape of a model, and how it is trained.

What is unknown, missing or of the wrong type is refused by name. Knows no tensors and no data.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import cos, pi
from pathlib import Path
from typing import Any, Literal

import cattrs

from engine.errors import BackendError

HERE = Path(__file__).parent / "recipes"


class RecipeError(BackendError):
    """A recipe that cannot be followed; the message names the file and the setting."""


@dataclass(frozen=True, slots=True)
class Stage:
    """``steps`` updates, each over ``sequences`` windows of ``context`` tokens."""

    context: int
    sequences: int
    steps: int

    @property
    def tokens(self) -> int:
        """Of all its steps."""
        return self.context * self.sequences * self.steps


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to train. ``model`` is the shape that all architectures share, ``loop``, ``standard`` and ``flow``
    are what each has beside or in place of it; stages follow each other (curriculum)."""

    stage: tuple[Stage, ...]
    model: Mapping[str, Any] = field(default_factory=dict)
    loop: Mapping[str, Any] = field(default_factory=dict)
    standard: Mapping[str, Any] = field(default_factory=dict)
    flow: Mapping[str, Any] = field(default_factory=dict)
    learning_rate: float = 1e-3
    final_share: float = 0.1  # of the learning rate, at the end of the cosine
    warmup: float = 0.02  # share of all steps
    weight_decay: float = 0.1
    betas: tuple[float, float] = (0.9, 0.95)
    clip: float = 1.0  # the gradient's norm
    micro_tokens: int = 16_384  # evaluated at once on a device; what is more is accumulated
    carried: int = 1  # windows that follow each other with the state carried on (`flow`)
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    compile: bool | None = None  # None: where it pays
    seed: int = 1
    validate_every: int = 200  # steps
    validation_windows: int = 64
    save_every: int = 200  # steps

    @property
    def steps(self) -> int:
        """Of all stages."""
        return sum(stage.steps for stage in self.stage)

    @property
    def tokens(self) -> int:
        """Of all stages."""
        return sum(stage.tokens for stage in self.stage)

    @property
    def longest(self) -> int:
        """Tokens of the longest window."""
        return max(stage.context for stage in self.stage)

    def shape(self, architecture: str) -> Mapping[str, Any]:
        """The table of an architecture."""
        return {**self.model, **getattr(self, architecture)}

    def at(self, step: int) -> tuple[int, int]:
        """Which stage a step belongs to, by number, and which step of that it is."""
        for number, stage in enumerate(self.stage):
            if step < stage.steps:
                return number, step
            step -= stage.steps
        raise IndexError("a recipe has no such step")

    def done(self, step: int) -> list[tuple[int, int]]:
        """After so many steps: of each stage its context and the tokens read."""
        found = []
        for stage in self.stage:
            steps = min(step, stage.steps)
            step -= steps
            found.append((stage.context, steps * stage.sequences * stage.context))
        return found

    def rate(self, step: int) -> float:
        """The learning rate of a step: up in a line, down as a cosine."""
        return self.learning_rate * rate_share(step, self.steps, self.warmup, self.final_share)


def rate_share(step: float, steps: float, warmup: float, final_share: float) -> float:
    """Of the highest learning rate: a line up over the share ``warmup``, then a cosine to ``final_share``."""
    up = max(1.0, steps * warmup)
    if step < up:
        return (step + 1) / (up + 1)
    down = min(1.0, (step - up) / max(1.0, steps - up))
    return final_share + (1 - final_share) * (1 + cos(pi * down)) / 2


def read_recipe(file: Path) -> Recipe:
    """The recipe in a file, or the one of that name that comes with CodeFlow. Raises RecipeError."""
    known = {path.stem: path for path in sorted(HERE.glob("*.toml"))}
    path = known.get(str(file), file)
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        names = ", ".join(known)
        raise RecipeError(
            f"{file} cannot be read ({error.strerror or error}); recipes that come with CodeFlow: {names}."
        ) from None
    except ValueError as error:  # bad TOML, bad UTF-8
        raise RecipeError(f"{path} is no TOML: {error}.") from None
    return recipe_of(raw, str(path))


def recipe_of(raw: Mapping[str, Any], whose: str) -> Recipe:
    """A recipe from plain values; ``whose`` begins a complaint. Raises RecipeError."""
    converter = cattrs.Converter(forbid_extra_keys=True)
    try:
        recipe = converter.structure(raw, Recipe)
    except cattrs.BaseValidationError as error:
        raise RecipeError(f"{whose}: {'; '.join(cattrs.transform_error(error))}.") from None
    if not recipe.stage:
        raise RecipeError(f"{whose}: there is no [[stage]].")
    for stage in recipe.stage:
        if min(stage.context, stage.sequences, stage.steps) < 1:
            raise RecipeError(f"{whose}: a stage's context, sequences and steps are at least 1.")
        if stage.sequences % recipe.carried:
            raise RecipeError(f"{whose}: a stage's sequences should be a multiple of carried.")
    return recipe
