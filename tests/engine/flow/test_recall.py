"""What is pinned is found again, and what is not is not: after a little training on one kind of question."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from torch import Tensor

from engine.flow.model import FlowModel, build
from tests.engine.flow.models import shape

WINDOW, WINDOWS, VALUES, NOISE, STEPS = 8, 8, 12, 20, 120
ASK = VALUES + NOISE


def texts(count: int, random: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """A value somewhere in the first window, noise for eight windows, a question.

    Ids (N, T), ranks (N, T) that pin the value and two tokens of noise, and the values (N,).
    """
    ids = VALUES + torch.randint(NOISE, (count, WINDOWS * WINDOW + 4), generator=random)
    values = torch.randint(VALUES, (count,), generator=random)
    place = torch.randint(WINDOW, (count,), generator=random)
    rows, flags = torch.arange(count), torch.zeros_like(ids)
    ids[rows, place], flags[rows, place] = values, 3
    flags[:, 2 * WINDOW : 2 * WINDOW + 2] = 3
    ids[:, -1] = ASK
    return ids, flags, values


def trained(pinned: bool) -> FlowModel:
    config = shape(
        vocabulary_size=ASK + 1,
        layers=1,
        window=WINDOW,
        far_layers=(0,),
        memory_slots=0,
        pinned_tokens=4 if pinned else 0,
        axes=False,
    )
    model, random = build(config), torch.Generator().manual_seed(1)
    model.begin(0)
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-2)
    for _ in range(STEPS):
        ids, flags, values = texts(32, random)
        loss = F.cross_entropy(model(ids, flags)[0][:, -1], values)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return model.eval()


@pytest.mark.parametrize("pinned", [True, False])
def test_a_needle_eight_windows_back(pinned: bool) -> None:
    """A pinned value is recalled over eight windows; with nothing pinned it is only guessed at."""
    model = trained(pinned)
    ids, flags, values = texts(256, torch.Generator().manual_seed(2))
    with torch.no_grad():
        logits, _ = model(ids, flags)
    right = (logits[:, -1].argmax(-1) == values).float().mean().item()
    assert right > 0.9 if pinned else right < 0.3
