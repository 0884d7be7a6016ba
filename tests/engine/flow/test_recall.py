"""What is pinned is found again, and what is not is not: after a little training on one kind of question."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from torch import Tensor

from engine.flow.model import FlowModel, build
from tests.engine.flow.models import shape

WINDOW, WINDOWS, KEYS, VALUES, NOISE, STEPS = 16, 8, 6, 12, 12, 500
ASK = KEYS + VALUES + NOISE


def texts(count: int, random: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """A key and its value somewhere in the first window, noise for eight windows, the key again.

    Ids (N, T), ranks (N, T) that pin key and value, and the values that should come next (N,).
    """
    length = WINDOWS * WINDOW + 6
    ids = KEYS + VALUES + torch.randint(NOISE, (count, length), generator=random)
    keys = torch.randint(KEYS, (count,), generator=random)
    values = KEYS + torch.randint(VALUES, (count,), generator=random)
    place = torch.randint(WINDOW - 2, (count,), generator=random)
    rows, flags = torch.arange(count), torch.zeros(count, length, dtype=torch.int64)
    ids[rows, place], ids[rows, place + 1] = keys, values
    flags[rows, place] = flags[rows, place + 1] = 3
    ids[:, -2], ids[:, -1] = ASK, keys
    return ids, flags, values


def trained(pinned: bool) -> FlowModel:
    torch.manual_seed(0)
    config = shape(
        vocabulary_size=ASK + 1,
        hidden_size=64,
        intermediate_size=96,
        head_dim=16,
        layers=2,
        window=WINDOW,
        far_layers=(1,),
        memory_slots=0,
        pinned_tokens=8 if pinned else 0,
        axes=False,
    )
    model, random = build(config), torch.Generator().manual_seed(1)
    model.begin(0)
    optimiser = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.01)
    for _ in range(STEPS):
        ids, flags, values = texts(32, random)
        logits, _ = model(ids, flags)
        loss = F.cross_entropy(logits[:, -1], values)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return model.eval()


@pytest.mark.parametrize("pinned", [True, False])
def test_a_needle_eight_windows_back(pinned: bool) -> None:
    """A pinned pair is recalled over eight windows; with nothing pinned its value is only guessed at."""
    model = trained(pinned)
    ids, flags, values = texts(256, torch.Generator().manual_seed(2))
    with torch.no_grad():
        logits, _ = model(ids, flags)
    right = (logits[:, -1].argmax(-1) == values).float().mean().item()
    assert right > 0.9 if pinned else right < 0.3
