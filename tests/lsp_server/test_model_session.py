"""The budget of a prompt follows the machine."""

from __future__ import annotations

import pytest

from engine.speed import Speed
from lsp_server.model_session import affordable, sizes
from lsp_server.settings import parse_settings


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


@pytest.mark.parametrize(
    ("prefill", "given", "budget", "context"),
    [
        (300, {}, 1_800, 2_377),  # five prompts of so many tokens
        (300, {"context": {"budgetTokens": 16_384}}, 16_384, 18_784),
        (300, {"engine": {"contextTokens": 2_048}}, 1_440, 2_048),  # the budget gives way
        (20_000, {}, 16_384, 32_768),
        (20_000, {"engine": {"contextTokens": 262_144}}, 120_000, 262_144),
        (20_000, {"context": {"budgetTokens": 65_536}}, 65_536, 131_072),
    ],
)
def test_a_prompt_and_its_answer_fit(prefill: float, given: dict, budget: int, context: int) -> None:
    settings, problems = parse_settings(given)
    assert not problems
    assert sizes(settings, Speed(prefill, 50.0)) == (budget, context)
