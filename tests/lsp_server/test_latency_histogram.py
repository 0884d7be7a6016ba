"""Times come back from a histogram as percentiles that are hardly off, and histograms add up."""

from __future__ import annotations

import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lsp_server.latency_histogram import LatencyHistogram

times_ms = st.lists(st.floats(1.0, 60_000.0), min_size=1, max_size=60)


def counted(times: list[float]) -> LatencyHistogram:
    histogram = LatencyHistogram()
    for ms in times:
        histogram.note(ms)
    return histogram


@given(times_ms)
def test_a_percentile_is_within_a_tenth_of_the_time_that_it_stands_for(times: list[float]) -> None:
    histogram, ordered = counted(times), sorted(times)
    for share in (0.5, 0.95, 1.0):
        exact = next(ms for n, ms in enumerate(ordered, 1) if n >= share * len(ordered))
        assert histogram.percentile_ms(share) == pytest.approx(exact, rel=0.1, abs=0.06)


@given(times_ms, times_ms)
def test_two_histograms_make_the_one_of_all_times(some: list[float], more: list[float]) -> None:
    both = counted(some)
    both.add(counted(more))
    assert both == counted(some + more)


@given(times_ms)
def test_a_file_gives_back_what_was_counted(times: list[float]) -> None:
    assert LatencyHistogram.from_stored(counted(times).stored()) == counted(times)


def test_nothing_counted_has_no_percentile_and_at_once_is_a_time() -> None:
    assert LatencyHistogram().percentile_ms(0.5) is None
    assert counted([0.0, 0.02, 0.4]).percentile_ms(0.95) == 1.0
    assert counted([1e12]).percentile_ms(0.5) == pytest.approx(2**20, rel=0.1)  # the last bucket has the rest


def test_the_middle_of_many_times_is_their_median() -> None:
    times = [float(ms) for ms in range(100, 300)]
    assert counted(times).percentile_ms(0.5) == pytest.approx(statistics.median(times), rel=0.1)


@pytest.mark.parametrize("raw", [[], {"a": 1}, {"-1": 1}, {"81": 1}, {"3": "1"}, {"3": True}])
def test_what_is_no_histogram_is_refused(raw: object) -> None:
    with pytest.raises(ValueError):
        LatencyHistogram.from_stored(raw)
