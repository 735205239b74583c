"""Bias, variance, error and rank correlation by hand, and bins that hold every state once."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from billp.experiments.stats.reliability import rank_correlation, reliability

PAIRS = st.lists(st.tuples(st.floats(0, 10), st.floats(0, 10)), min_size=1, max_size=80)


def test_numbers_by_hand():
    found = reliability([2, 4, 6], [1, 4, 4])
    assert (found.states, found.mean_value, found.mean_return) == (3, 4, 3)
    assert found.bias == 1
    assert found.variance == pytest.approx(2 / 3)
    assert found.rmse == pytest.approx((5 / 3) ** 0.5)
    assert found.rank_correlation == pytest.approx(3**0.5 / 2)


def test_values_that_are_right_have_no_error():
    found = reliability([1, 5, 3], [1, 5, 3])
    assert (found.bias, found.variance, found.rmse, found.rank_correlation) == (0, 0, 0, 1)


def test_values_that_say_nothing_have_no_rank():
    assert reliability([3, 3, 3], [1, 2, 3]).rank_correlation is None
    assert reliability([1, 2, 3], [3, 3, 3]).rank_correlation is None
    assert len(reliability([3, 3, 3], [1, 2, 3]).bins) == 1


def test_without_states_nothing_is_said():
    found = reliability([], [])
    assert (found.states, found.bias, found.rmse, found.rank_correlation, found.bins) == (0, None, None, None, [])


def test_values_and_returns_go_together():
    with pytest.raises(ValueError, match="do not go with"):
        reliability([1, 2], [1])


@pytest.mark.parametrize(
    ("first", "second", "rho"),
    [
        ([1, 2, 3], [10, 20, 30], 1),
        ([1, 2, 3], [30, 20, 10], -1),
        ([1, 2, 3, 4], [1, 100, 3, 1000], 0.8),
        ([1, 2, 2, 3], [1, 3, 2, 4], 4.5 / 22.5**0.5),  # ties share the ranks 2 and 3
        ([0, 0, 1, 1], [0, 1, 0, 1], 0),
    ],
)
def test_rank_correlation_by_hand(first: list[float], second: list[float], rho: float):
    assert rank_correlation(np.array(first, float), np.array(second, float)) == pytest.approx(rho)


@given(PAIRS)
def test_the_error_is_bias_and_variance_together(pairs: list[tuple[float, float]]):
    found = reliability(*zip(*pairs, strict=True))
    assert found.bias is not None
    assert found.variance is not None
    assert found.rmse is not None
    assert found.rmse**2 == pytest.approx(found.bias**2 + found.variance, abs=1e-9)
    assert found.rank_correlation is None or -1 <= found.rank_correlation <= 1


@given(PAIRS)
def test_bins_hold_every_state_once_in_order(pairs: list[tuple[float, float]]):
    found = reliability(*zip(*pairs, strict=True))
    assert 1 <= len(found.bins) <= 10
    assert sum(one.states for one in found.bins) == len(pairs)
    assert all(one.low <= one.high for one in found.bins)
    assert all(one.high < following.low for one, following in zip(found.bins, found.bins[1:], strict=False))
    weighted = sum(one.states * one.mean_return for one in found.bins) / len(pairs)
    assert weighted == pytest.approx(found.mean_return, abs=1e-9)


def test_bins_of_spread_values_are_alike_in_size():
    found = reliability(range(100), range(100))
    assert [one.states for one in found.bins] == [10] * 10
