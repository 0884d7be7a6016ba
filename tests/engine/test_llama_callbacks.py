"""What llama.cpp calls back, and what is left once nobody is to be called any more."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest

from engine.llama import callbacks
from engine.llama.opening import open_llama

pytestmark = pytest.mark.model


def test_each_model_is_stopped_by_its_own_word(small_model: Path):
    """And one that was closed, and freed, takes nothing away from the other."""
    one, other = (open_llama(small_model, sequences=1, context_tokens=256) for _ in range(2))
    tokens = one.tokenizer.encode("def area(width, height):\n    return width * height\n")
    try:
        assert one.prefill(0, tokens, lambda: True) is None
        assert other.prefill(0, tokens, lambda: False) is not None
        one.close()
        del one
        gc.collect()
        other.rewind(0, 0)
        assert other.prefill(0, tokens, lambda: True) is None
        assert other.prefill(0, tokens, lambda: False) is not None
    finally:
        other.close()
    assert not callbacks._stops and not callbacks._loads


def test_a_number_that_is_known_no_more_stops_nothing():
    """C may ask late."""
    asked, told = callbacks.asked_to_stop(lambda: True), callbacks.told_of_loading(lambda _: False)
    assert asked.callback(asked.data) is True and told.callback(0.5, told.data) is False
    asked.close()
    told.close()
    assert asked.callback(asked.data) is False and told.callback(0.5, told.data) is True
