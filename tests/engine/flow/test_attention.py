"""Attention over several groups of keys: the fused way gives what one softmax over all of them does."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.flow.attention import Group, fused, softmax_of_all
from engine.flow.masks import Mask
from tests.engine.flow.models import random_model, random_text, shape

TOKENS, SIZE, HEADS, BATCH = 5, 16, 2, 2


@given(
    sizes=st.lists(st.integers(1, 40), min_size=1, max_size=3),
    seen=st.floats(0.0, 1.0),
    sharpness=st.sampled_from([0.1, 1.0, 30.0]),
    seed=st.integers(0, 1 << 20),
)
@settings(max_examples=200, deadline=None)
def test_fused_as_one_softmax(sizes: list[int], seen: float, sharpness: float, seed: int) -> None:
    """Whatever each query sees of the further groups, be it nothing; however sharp the scores are.

    In float64, since sharp scores make much of a rounding."""
    random = torch.Generator().manual_seed(seed)

    def numbers(*form: int) -> torch.Tensor:
        return torch.randn(form, generator=random, dtype=torch.float64)

    def group(keys: int, mask: Mask | None) -> Group:
        queries = sharpness * numbers(BATCH, HEADS, TOKENS, SIZE)
        return Group(queries, numbers(BATCH, HEADS, keys, SIZE), numbers(BATCH, HEADS, keys, SIZE), mask)

    groups = [group(TOKENS, Mask(torch.ones(TOKENS, TOKENS, dtype=torch.bool).tril()))]
    for keys in sizes:
        groups.append(group(keys, Mask(torch.rand(BATCH, 1, TOKENS, keys, generator=random) < seen)))
    groups.append(group(3, Mask(torch.rand(BATCH, 1, 1, 1, generator=random) < seen)))
    with torch.no_grad():
        torch.testing.assert_close(fused(groups), softmax_of_all(groups), atol=1e-9, rtol=0)


def test_training_goes_on_after_answers() -> None:
    """What was prepared while answering, without a record for gradients, serves a training step after it."""
    model, text = random_model(shape(window=7)), random_text(30)
    with torch.inference_mode():
        answered, _ = model(*text)
    logits, _ = model(*text)
    logits.sum().backward()
    torch.testing.assert_close(logits, answered, atol=1e-4, rtol=1e-4)
