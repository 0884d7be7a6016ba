"""What a piece of a window's tokens looks at, and how much of it each of them takes: one softmax over all.

Three groups of keys: the tokens of the last window, with the query turned to its place; pinned tokens beyond
it, with the query turned as if it were a window away; slots of memory, with the query as it is. Grouped
queries stand below each other as further rows, so that no key is copied.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from torch import Tensor

from engine.flow.masks import Mask
from engine.flow.positions import Turn, rotate
from engine.flow.state import KeysValues

# PyTorch's own, but private: another version may lack it, and all is one softmax then.
_attention_and_sums = getattr(torch.ops.aten, "_scaled_dot_product_flash_attention_for_cpu", None)


@dataclass(frozen=True, slots=True)
class Seen:
    """What a piece sees; the masks say which keys, None all of them. ``read_mask`` (B, 1, 1, 1)."""

    near: KeysValues
    near_mask: Mask | None
    pinned: tuple[tuple[KeysValues, Mask | None], ...] = ()
    read: KeysValues | None = None
    read_mask: Mask | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """Turned queries (B, K, H/K * n, D), keys and values (B, K, m, D) with ``mask``, made for these rows."""

    queries: Tensor
    keys: Tensor
    values: Tensor
    mask: Mask | None


def attended(queries: Tensor, near: Turn, far: Turn, seen: Seen) -> Tensor:
    """Queries (B, H, n, D), not turned yet, of tokens that stand at ``near``: (B, H, n, D)."""
    if not seen.pinned and seen.read is None:
        return near_attended(rotate(queries, near), seen)
    groups = [_group(rotate(queries, near), seen.near, seen.near_mask)]
    if seen.pinned:
        turned = rotate(queries, far)
        groups += [_group(turned, keys_values, mask) for keys_values, mask in seen.pinned]
    if seen.read is not None:
        groups.append(_group(queries, seen.read, seen.read_mask))
    quick = _served_on_cpu(queries) and _attention_and_sums is not None
    return (fused if quick else softmax_of_all)(groups).reshape(queries.shape)


def softmax_of_all(groups: Sequence[Group]) -> Tensor:
    """The definition, on any device and with gradients: one softmax over all groups' scores, side by side."""
    queries, scores = groups[0].queries, []
    for group in groups:
        score = (group.queries * queries.shape[-1] ** -0.5) @ group.keys.transpose(-1, -2)
        scores.append(score if group.mask is None else score.masked_fill(group.mask.hidden, float("-inf")))
    wide = torch.float64 if queries.dtype == torch.float64 else torch.float32
    shares = torch.cat(scores, -1).softmax(-1, dtype=wide).to(queries.dtype)
    parts = shares.split([group.keys.shape[2] for group in groups], -1)
    mixed = parts[0] @ groups[0].values
    for share, group in zip(parts[1:], groups[1:], strict=True):
        mixed = mixed + share @ group.values
    return mixed


def fused(groups: Sequence[Group]) -> Tensor:
    """The same on a processor: fused attention over each group, without scores: a fifth of the time.

    Each group's answer is weighed by its sum of exponentials, which makes one softmax of them exactly
    (FlashAttention, Dao et al. 2022, section 3.1).
    """
    assert _attention_and_sums is not None  # noqa: S101 - callers look
    answers, sums = [], []
    for group in groups:
        added = None if group.mask is None else group.mask.added(group.queries.dtype)
        answer, total = _attention_and_sums(group.queries, group.keys, group.values, attn_mask=added)
        if group.mask is not None:  # the sum for a query that sees nothing comes as 1
            total = total.masked_fill(group.mask.blind, float("-inf"))
        answers.append(answer)
        sums.append(total)
    shares = torch.stack(sums).softmax(0)[..., None].to(answers[0].dtype)
    return (shares * torch.stack(answers)).sum(0)


def near_attended(turned: Tensor, seen: Seen) -> Tensor:
    """Queries (B, H, n, D) over the group of near keys alone."""
    group = _group(turned, seen.near, seen.near_mask)
    mask = group.mask and (group.mask.added(turned.dtype) if _served_on_cpu(turned) else group.mask.seen)
    mixed = F.scaled_dot_product_attention(group.queries, group.keys, group.values, attn_mask=mask)
    return mixed.reshape(turned.shape)


@lru_cache(maxsize=16)
def band(start: int, end: int, window: int, device: torch.device) -> Mask | None:
    """Which of keys 0 to ``end`` each of the tokens ``start`` to ``end`` sees, itself the last: (n, end).

    None for one token that sees them all.
    """
    if end - start == 1 and start < window:
        return None
    with torch.inference_mode(False):  # it serves training, too
        tokens = torch.arange(start, end, device=device)[:, None]
        keys = torch.arange(end, device=device)
        return Mask((keys <= tokens) & (keys > tokens - window))


def _group(turned: Tensor, seen: KeysValues, mask: Mask | None) -> Group:
    """Queries (B, H, n, D) below each other by the key head that they share."""
    keys, values = seen
    each = turned.shape[1] // keys.shape[1]
    queries = turned.reshape(len(turned), keys.shape[1], -1, turned.shape[-1])
    return Group(queries, keys, values, mask and mask.repeated(each))


def _served_on_cpu(queries: Tensor) -> bool:
    return queries.device.type == "cpu" and not torch.is_grad_enabled()
