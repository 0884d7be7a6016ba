"""What a model takes in memory, computed from its config: weights, and cache by the length of its context.

Formulas: loopcoder, section 8. Knows no device; whoever asks says how many bytes are free.
"""

from __future__ import annotations

from dataclasses import dataclass

from engine.errors import BackendError
from engine.loop.cache import local_pages, pages_for
from engine.loop.config import LoopConfig
from engine.loop.int4 import group_of
from engine.loop.pages import PAGE

_WORK_BYTES = 1_500_000_000  # kernels, recorded steps, activations of a chunk at the 40B's width
_WORK_SHARE = 0.03  # of the weights, in place of that where it is less
_LEAST_CONTEXT = 2048  # tokens below which a model is of little use


@dataclass(frozen=True, slots=True)
class Fit:
    """One way to hold a model: ``quantise`` is "" or "int4"; ``context_tokens`` is what fits beside it, at
    most what was asked for, and 0 where not even the weights do."""

    quantise: str
    weight_bytes: int
    context_tokens: int


def weight_bytes(config: LoopConfig, quantise: str = "", *, itemsize: int = 2) -> int:
    """Bytes of the weights, ``itemsize`` each where they are not quantised."""
    attended, keys = config.heads * config.head_dim, config.kv_heads * config.head_dim
    hidden, inner = config.hidden_size, config.intermediate_size
    matrices = ((attended + 2 * keys, hidden), (hidden, attended), (2 * inner, hidden), (hidden, inner))
    layer = sum(_matrix_bytes(rows, columns, quantise, itemsize) for rows, columns in matrices)
    gates = config.heads * (config.head_dim + 1) if config.loops > 1 else 0
    layer += (2 * hidden + gates) * itemsize
    tables = config.vocabulary_size * hidden * (1 if config.tied else 2)
    return config.layers * layer + (tables + hidden) * itemsize


def cache_bytes(config: LoopConfig, *, tokens: int, sequences: int, chunk: int, itemsize: int = 2) -> int:
    """Bytes of the keys and values of ``sequences`` sequences that share ``tokens`` tokens."""
    page = 2 * config.layers * PAGE * config.kv_heads * config.head_dim * itemsize
    near = local_pages(config, tokens=tokens, sequences=sequences, chunk=chunk) if config.loops > 1 else 0
    return page * (pages_for(tokens) + sequences + near * (config.loops - 1))


def what_fits(
    config: LoopConfig,
    free_bytes: int,
    *,
    wanted_tokens: int,
    sequences: int,
    chunk: int,
    itemsize: int = 2,
) -> list[Fit]:
    """Each way to hold the model in ``free_bytes``, the finer one first."""
    found = []
    for quantise in ("", "int4"):
        weights = weight_bytes(config, quantise, itemsize=itemsize)
        left = free_bytes - weights - min(_WORK_BYTES, int(weights * _WORK_SHARE))

        def fits(tokens: int, left: int = left) -> bool:
            form = {"tokens": tokens, "sequences": sequences, "chunk": chunk, "itemsize": itemsize}
            return cache_bytes(config, **form) <= left

        pages = pages_for(min(wanted_tokens, config.trained_context))
        low, high = 0, pages  # the most pages that fit are among these
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if fits(middle * PAGE) else (low, middle - 1)
        found.append(Fit(quantise, weights, min(low * PAGE, wanted_tokens)))
    return found


def choose_fit(fits: list[Fit], quantise: str, free_bytes: int, wanted_tokens: int) -> Fit:
    """The finest way that holds the context wanted, or else the one that holds the longest.

    ``quantise`` is "auto", "none" or "int4". Raises BackendError, which says what would fit.
    """
    allowed = [
        one for one in fits if quantise == "auto" or one.quantise == ("" if quantise == "none" else quantise)
    ]
    enough = [one for one in allowed if one.context_tokens >= wanted_tokens]
    best = enough[0] if enough else max(allowed, key=lambda one: one.context_tokens)
    if best.context_tokens >= min(wanted_tokens, _LEAST_CONTEXT):
        return best
    raise BackendError(does_not_fit(fits, free_bytes))


def does_not_fit(fits: list[Fit], free_bytes: int) -> str:
    """A sentence for the user: what the model needs, what is free, what to do."""
    needs = " or ".join(f"{one.weight_bytes / 1e9:.1f} GB in {_name(one.quantise)}" for one in fits)
    usable = [one for one in fits if one.context_tokens >= _LEAST_CONTEXT]
    if usable:
        way = usable[-1]
        advice = (
            f"in {_name(way.quantise)} it fits with {way.context_tokens:,} tokens of context: set "
            f"engine.quantise to {'int4' if way.quantise else 'none'} and engine.contextTokens to at most "
            "that."
        )
    else:
        advice = "close what else uses the memory, or choose a smaller model."
    return f"The model's weights take {needs}, and {free_bytes / 1e9:.1f} GB are free; {advice}"


def _name(quantise: str) -> str:
    return "INT4" if quantise else "bfloat16"


def _matrix_bytes(rows: int, columns: int, quantise: str, itemsize: int) -> int:
    group = group_of(columns) if quantise else 0
    if not group:
        return rows * columns * itemsize
    return rows * columns // 2 + 2 * rows * (columns // group) * itemsize
