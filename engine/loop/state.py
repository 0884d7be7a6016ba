"""What a sequence holds as bytes (safetensors), to be loaded again by the same model in another session."""

from __future__ import annotations

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from engine.errors import ContextFull
from engine.loop.cache import LoopCache
from engine.loop.pages import PAGE, PagePool

State = bytes | memoryview


def state_bytes(cache: LoopCache, sequence: int) -> int:
    """What ``save_state`` would give, but for a header of some hundred bytes."""
    held, config = cache.sequences[sequence], cache.config
    token = 2 * config.kv_heads * config.head_dim * cache.pool.keys.element_size() * config.layers
    near = sum(page is not None for page in held.local) * PAGE * (config.loops - 1)
    return token * (held.length + near)


def save_state(cache: LoopCache, sequence: int) -> bytes:
    """All that a sequence holds; the later loops' pages whole, whatever they are filled to."""
    held = cache.sequences[sequence]
    tensors = {"length": torch.tensor([held.length])}
    tensors["keys"], tensors["values"] = _read(cache.pool, held.pages, held.length)
    if cache.local_pool is not None:
        kept = [index for index, page in enumerate(held.local) if page is not None]
        pages = [page for page in held.local if page is not None]
        tensors["near_pages"] = torch.tensor(kept)
        read = _read(cache.local_pool, pages, len(pages) * PAGE)
        tensors["near_keys"], tensors["near_values"] = read
    return save(tensors)


def load_state(cache: LoopCache, sequence: int, state: State) -> bool:
    """Let ``sequence`` hold a saved state; False, and then it is empty, where that is none of this model's,
    or does not fit in."""
    cache.rewind(sequence, 0)
    try:
        tensors = load(bytes(state))
        length = int(tensors["length"][0])
        kept = tensors["near_pages"].tolist() if cache.local_pool is not None else []
        _check(tensors["keys"], cache.pool, length)
        if cache.local_pool is not None:
            _check(tensors["near_keys"], cache.local_pool, len(kept) * PAGE)
        cache.restore(sequence, length, kept)
    except (SafetensorError, KeyError, ValueError, ContextFull):
        return False
    held = cache.sequences[sequence]
    _write(cache.pool, held.pages, tensors["keys"], tensors["values"])
    if cache.local_pool is not None:
        near = [page for page in held.local if page is not None]
        _write(cache.local_pool, near, tensors["near_keys"], tensors["near_values"])
    return True


def _check(keys: Tensor, pool: PagePool, length: int) -> None:
    layers, _, *form = pool.keys.shape
    if tuple(keys.shape) != (layers, length, *form) or keys.dtype != pool.keys.dtype:
        raise ValueError("a state of another model")


def _read(pool: PagePool, pages: list[int], count: int) -> tuple[Tensor, Tensor]:
    cells = _cells(pages, pool)[:count]
    return pool.keys[:, cells].cpu(), pool.values[:, cells].cpu()


def _write(pool: PagePool, pages: list[int], keys: Tensor, values: Tensor) -> None:
    cells = _cells(pages, pool)[: keys.shape[1]]
    pool.keys[:, cells] = keys.to(pool.keys.device)
    pool.values[:, cells] = values.to(pool.keys.device)


def _cells(pages: list[int], pool: PagePool) -> Tensor:
    cells = torch.tensor(pages, dtype=torch.int64)[:, None] * PAGE + torch.arange(PAGE)
    return cells.flatten().to(pool.keys.device)
