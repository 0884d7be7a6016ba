"""The budget of a prompt follows the machine."""

from __future__ import annotations

import pytest

from engine.speed import Speed
from lsp_server.model_session import affordable


@pytest.mark.parametrize(
    ("prefill", "context_tokens", "budget"),
    [
        (50, 8_192, 1_024),  # a slow CPU: other files still have room
        (300, 8_192, 1_800),  # what six seconds evaluate
        (1_000, 262_144, 4_096),  # a quick CPU: depth would slow every token
        (20_000, 8_192, 4_096),  # a GPU with the default KV cache
        (20_000, 262_144, 120_000),  # a GPU with a large one
        (50_000, 262_144, 131_072),
    ],
)
def test_budget_follows_speed_and_cache(prefill: float, context_tokens: int, budget: int) -> None:
    assert affordable(Speed(prefill, 50.0), context_tokens) == budget
