"""Logits to a choice of token: greedy, or drawn from the top of the distribution."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.backend import Logits
from engine.request import Sampling


def log_probability(logits: Logits, token: int, allowed: NDArray[np.intp] | None = None) -> float:
    """Natural log of the softmax probability of ``token``, among ``allowed`` where given; logits (V,)."""
    values = logits if allowed is None else logits[allowed]
    top = float(values.max())
    return float(logits[token]) - top - float(np.log(np.exp(values - top).sum(dtype=np.float64)))


def choose(
    logits: Logits, sampling: Sampling, random: np.random.Generator, allowed: NDArray[np.intp] | None = None
) -> int:
    """The next token; only among ``allowed`` where that is given."""
    values = logits if allowed is None else logits[allowed]
    index = int(values.argmax()) if sampling.temperature <= 0 else _draw(values, sampling, random)
    return index if allowed is None else int(allowed[index])


def best(logits: Logits, count: int, allowed: NDArray[np.intp] | None = None) -> list[int]:
    """The ``count`` likeliest tokens, likeliest first."""
    values = logits if allowed is None else logits[allowed]
    count = min(count, len(values))
    top = np.argpartition(values, -count)[-count:]
    top = top[np.argsort(-values[top], kind="stable")]
    return [int(i) if allowed is None else int(allowed[i]) for i in top]


def _draw(values: Logits, sampling: Sampling, random: np.random.Generator) -> int:
    """One index, by temperature over the ``top_k`` likeliest that make up ``top_p`` of the probability."""
    top = np.asarray(best(values, sampling.top_k))
    scaled = values[top].astype(np.float64) / sampling.temperature
    probabilities = np.exp(scaled - scaled.max())
    probabilities /= probabilities.sum()
    kept = int(np.searchsorted(np.cumsum(probabilities), sampling.top_p)) + 1
    probabilities = probabilities[:kept] / probabilities[:kept].sum()
    return int(top[random.choice(len(probabilities), p=probabilities)])
