"""Rounding to 4 bits: how far a weight may move, and what does not move at all."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from engine.loop.int4 import Int4Linear, group_of, pack, quantised, unpack
from engine.loop.int4_cpu import ProcessorInt4

DTYPES = {torch.float32: 2.0**-24, torch.bfloat16: 2.0**-9, torch.float16: 2.0**-11}  # half of the last bit


def small(weight: Tensor) -> Int4Linear:
    found = quantised(weight)
    assert found is not None
    return found


@st.composite
def matrices(draw: st.DrawFn) -> Tensor:
    """Of every dtype, with groups of any size, spread and distance from 0."""
    dtype = draw(st.sampled_from(list(DTYPES)))
    rows, columns = draw(st.integers(1, 5)), 32 * draw(st.integers(1, 9))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 10**6)))
    values = torch.randn(rows, columns, generator=generator, dtype=torch.float64)
    spread = 10.0 ** draw(st.integers(-6, 3))
    centre = draw(st.sampled_from([0.0, 0.0, 1.0, -1.0])) * 10.0 ** draw(st.integers(-6, 3))
    values = values * spread + centre
    values[torch.rand(rows, columns, generator=generator) < draw(st.sampled_from([0.0, 0.3]))] = 0
    return values.to(dtype)


@settings(max_examples=150, deadline=None)
@given(matrices())
def test_no_weight_moves_further_than_half_a_step(weight: Tensor) -> None:
    """And what the dtype itself rounds: the step, 15 times at most, and the weight that is computed."""
    found = small(weight)
    last = DTYPES[weight.dtype]
    group = found.columns // found.scale.shape[1]
    step = found.scale.double().repeat_interleave(group, dim=1)
    spread = weight.double().view(len(weight), -1, group)
    spread = (spread.amax(-1) - spread.amin(-1)).repeat_interleave(group, dim=1)
    least = torch.finfo(weight.dtype).smallest_normal * 2 * last  # between neighbours next to 0
    bound = step / 2 + 4 * last * (weight.double().abs() + spread) + 16 * least
    assert ((found.dequantised().double() - weight.double()).abs() <= bound).all()
    assert ((step <= spread / 15 * (1 + 4 * last) + least) | (step == 1)).all()  # 1 where all are equal


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("value", [0.0, 1.0, -0.37, 1e-7, 60000.0])
def test_a_group_of_equal_weights_stays_as_it_is(value: float, dtype: torch.dtype) -> None:
    weight = torch.full((3, 256), value, dtype=dtype)
    assert torch.equal(small(weight).dequantised(), weight)


def test_sixteen_even_levels_stay_as_they_are() -> None:
    weight = torch.arange(-7, 9).repeat(4, 16).float() / 8
    assert torch.equal(small(weight).dequantised(), weight)


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 7), st.integers(1, 9), st.integers(0, 10**6))
def test_codes_come_out_of_their_words_as_they_went_in(rows: int, words: int, seed: int) -> None:
    codes = torch.randint(0, 16, (rows, 8 * words), generator=torch.Generator().manual_seed(seed))
    packed = pack(codes)
    assert (packed.dtype, packed.shape) == (torch.int32, (rows, words))
    assert torch.equal(unpack(packed), codes.int())


@pytest.mark.parametrize(
    ("columns", "group"),
    [(5120, 128), (27648, 128), (128, 128), (192, 64), (64, 64), (160, 32), (80, 0), (48, 0), (5121, 0)],
)
def test_a_group_is_the_largest_power_of_two_up_to_128_that_divides_the_columns(
    columns: int, group: int
) -> None:
    assert group_of(columns) == group
    found = quantised(torch.randn(2, columns, generator=torch.Generator().manual_seed(0)))
    assert (found is None) == (group == 0)
    if found is not None:
        assert found.scale.shape == found.zero.shape == (2, columns // group)


def test_more_rows_than_are_rounded_at_once_are_each_rounded_by_themselves() -> None:
    weight = torch.randn(4100, 32, generator=torch.Generator().manual_seed(0))
    together = small(weight).dequantised()
    assert torch.equal(together[4090:], small(weight[4090:].clone()).dequantised())
    assert torch.equal(together[:10], small(weight[:10].clone()).dequantised())


@pytest.mark.parametrize("ordered", [False, True])
def test_a_product_is_that_of_the_whole_matrix(ordered: bool) -> None:
    generator = torch.Generator().manual_seed(0)
    found = small(torch.randn(24, 256, generator=generator))
    whole = found.dequantised()
    if ordered:
        found.order = torch.randperm(256, generator=generator)
        whole = torch.empty_like(whole).index_copy_(1, found.order, whole)
    x = torch.randn(5, 256, generator=generator)
    assert (found(x).double() - x.double() @ whole.double().T).abs().max() < 1e-4
    assert (found.rows, found.columns) == (24, 256)
    order = 256 * 8 if ordered else 0
    assert found.nbytes == 24 * 256 // 2 + 2 * 24 * 2 * 4 + order
    assert found.fastest() is found  # in float32 nothing is faster


@pytest.mark.parametrize("ordered", [False, True])
@pytest.mark.parametrize("columns", [64, 160, 384])  # groups of 64, 32 and 128
@pytest.mark.parametrize("rows", [16, 80])
@pytest.mark.parametrize("count", [1, 3, 40])
def test_in_bfloat16_a_processor_multiplies_as_the_whole_matrix_does(
    count: int, rows: int, columns: int, ordered: bool
) -> None:
    """Off by what bfloat16 rounds of each weight, for groups around 0 and for groups far from it."""
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn(rows, columns, generator=generator)
    weight[: rows // 2] += 3
    slow = small(weight.bfloat16())
    slow.order = torch.randperm(columns, generator=generator) if ordered else None
    fast = slow.fastest()
    assert isinstance(fast, ProcessorInt4)
    order = columns * 8 if ordered else 0
    assert (fast.rows, fast.columns) == (rows, columns)
    assert fast.nbytes == slow.nbytes == rows * columns // 2 + 2 * slow.scale.nbytes + order
    x = torch.randn(count, columns, generator=generator).bfloat16()
    seen = x[:, slow.order] if slow.order is not None else x
    whole = slow.dequantised().double().T
    wanted, summed = seen.double() @ whole, seen.double().abs() @ whole.abs()
    found = fast(x)
    assert (found.dtype, found.shape) == (torch.bfloat16, (count, rows))
    assert (found.double() - wanted).norm() / summed.norm() < 2e-3
    assert (seen.double() @ whole.roll(1, 0) - wanted).norm() / summed.norm() > 1e-2  # one column off


@pytest.mark.parametrize(("rows", "columns", "group"), [(24, 128, 128), (16, 512, 512)])
def test_what_a_processor_cannot_multiply_so_is_made_whole_first(rows: int, columns: int, group: int) -> None:
    terms = torch.ones(rows, columns // group, dtype=torch.bfloat16)
    slow = Int4Linear(pack(torch.zeros(rows, columns, dtype=torch.int64)), terms, terms)
    assert slow.fastest() is slow
    assert torch.equal(
        slow(torch.ones(1, columns).bfloat16()), torch.full((1, rows), -float(columns)).bfloat16()
    )
