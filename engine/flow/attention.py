"""What a piece of a window's tokens looks at, and how much of it each of them takes: one softmax over all.

Three groups of keys: the tokens of the last window, with the query turned to its place; pinned tokens beyond
it, with the query turned as if it were a window away; slots of memory, with the query as it is. Grouped
queries stand below each other as further rows, so that no key is copied.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from torch import Tensor

from engine.flow.positions import Turn, rotate
from engine.flow.state import KeysValues


@dataclass(frozen=True, slots=True)
class Seen:
    """What a piece sees. ``near_mask`` (n, keys), None where every token sees all. ``pinned_mask`` (B, 1, n,
    keys) and ``read_mask`` (B, 1, 1, 1): which are seen at all."""

    near: KeysValues
    near_mask: Tensor | None
    pinned: KeysValues | None = None
    pinned_mask: Tensor | None = None
    read: KeysValues | None = None
    read_mask: Tensor | None = None


def attended(queries: Tensor, near: Turn, far: Turn, seen: Seen) -> Tensor:
    """Queries (B, H, n, D), not turned yet, of tokens that stand at ``near``: (B, H, n, D)."""
    if seen.pinned is None and seen.read is None:
        return near_attended(rotate(queries, near), seen)
    groups = [(rotate(queries, near), seen.near, seen.near_mask)]
    if seen.pinned is not None:
        groups.append((rotate(queries, far), seen.pinned, seen.pinned_mask))
    if seen.read is not None:
        groups.append((queries, seen.read, seen.read_mask))
    scores, each = [], queries.shape[1] // seen.near[0].shape[1]
    for turned, (keys, _), mask in groups:
        score = (_grouped(turned, keys) * queries.shape[-1] ** -0.5) @ keys.transpose(-1, -2)
        scores.append(score if mask is None else score.masked_fill(~_each(mask, each), float("-inf")))
    wide = torch.float64 if queries.dtype == torch.float64 else torch.float32
    shares = torch.cat(scores, -1).softmax(-1, dtype=wide).to(queries.dtype)
    parts = shares.split([keys.shape[2] for _, (keys, _), _ in groups], -1)
    mixed = parts[0] @ seen.near[1]
    for share, (_, (_, values), _) in zip(parts[1:], groups[1:], strict=True):
        mixed = mixed + share @ values
    return mixed.reshape(queries.shape)


def near_attended(turned: Tensor, seen: Seen) -> Tensor:
    """Queries (B, H, n, D) over the group of near keys alone."""
    keys, values = seen.near
    each = turned.shape[1] // keys.shape[1]
    mask = None if seen.near_mask is None else _each(seen.near_mask, each)
    mixed = F.scaled_dot_product_attention(_grouped(turned, keys), keys, values, attn_mask=mask)
    return mixed.reshape(turned.shape)


@lru_cache(maxsize=16)
def band(start: int, end: int, window: int, device: torch.device) -> Tensor | None:
    """Which of keys 0 to ``end`` each of the tokens ``start`` to ``end`` sees, itself the last: (n, end).

    None for one token that sees them all.
    """
    if end - start == 1 and start < window:
        return None
    with torch.inference_mode(False):  # it serves training, too
        tokens = torch.arange(start, end, device=device)[:, None]
        keys = torch.arange(end, device=device)
        return (keys <= tokens) & (keys > tokens - window)


def _grouped(queries: Tensor, keys: Tensor) -> Tensor:
    """(B, H, n, D) -> (B, K, H/K * n, D)."""
    return queries.reshape(len(queries), keys.shape[1], -1, queries.shape[-1])


def _each(mask: Tensor, each: int) -> Tensor:
    """A mask for every query of a group: n rows become ``each`` times n, where they are not one for all."""
    if each == 1 or mask.shape[-2] == 1:
        return mask
    return mask.repeat(*([1] * (mask.dim() - 2)), each, 1)
