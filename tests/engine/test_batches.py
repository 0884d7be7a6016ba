"""In which batches prompts are evaluated: always all of it, never a batch whose values depend on the cut."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from engine.batches import batches, body_length, usable

BLOCKS = st.sampled_from([1, 4])


@given(st.integers(1, 700), st.data(), BLOCKS, st.sampled_from([16, 32, 128]))
def test_batches_cover_what_is_missing_and_are_whole_blocks(length, data, block, most):
    body = body_length(length, block)
    shared = data.draw(st.integers(0, length))
    held_body = data.draw(st.integers(0, shared // block).map(lambda n: n * block) | st.just(body))
    cached = usable(shared, min(held_body, shared), length, block)
    ranges = list(batches(cached, length, most=most, block=block))
    assert ranges[0][0] <= cached
    assert ranges[-1][1] == length
    assert all(end == start for (_, end), (start, _) in itertools.pairwise(ranges))
    for start, end in ranges:
        assert end - start <= most
        if block > 1:
            in_body = end <= body and (end - start) % block == 0 and end - start >= 2 * block
            assert in_body or (start >= body and end - start == 1)


def test_a_keystroke_costs_single_tokens():
    assert list(batches(usable(101, 100, 102, 4), 102, most=128, block=4)) == [(101, 102)]


def test_a_tail_that_became_a_block_is_evaluated_as_one():
    assert usable(103, 100, 104, 4) == 100
    assert list(batches(100, 104, most=128, block=4)) == [(96, 104)]


def test_the_same_prompt_without_its_logits_costs_the_least_batch():
    assert list(batches(104, 104, most=128, block=4)) == [(96, 104)]
    assert list(batches(105, 105, most=128, block=4)) == [(104, 105)]
    assert list(batches(104, 104, most=128, block=1)) == [(103, 104)]
