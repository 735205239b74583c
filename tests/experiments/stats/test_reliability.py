"""Bias, variance, error and rank correlation by hand, and bins that hold every state once."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from billp.experiments.stats.reliability import known_returns, monte_carlo_returns, rank_correlation, reliability
from tests.experiments.examples import output

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


REWARDS = st.lists(st.floats(1, 5), max_size=12)


def test_returns_by_hand():
    assert monte_carlo_returns([4, 2, 5], 0.5) == [6.25, 4.5, 5]
    assert monte_carlo_returns([4, 2, 5], 0) == [4, 2, 5]
    assert monte_carlo_returns([], 0.5) == []


@given(REWARDS, st.floats(0, 0.99))
def test_a_return_is_the_discounted_sum_from_there_on(rewards: list[float], gamma: float):
    sums = [sum(gamma**k * r for k, r in enumerate(rewards[start:])) for start in range(len(rewards))]
    assert monte_carlo_returns(rewards, gamma) == pytest.approx(sums)


def test_every_return_is_known_where_the_user_left():
    assert known_returns(output(4, 2, 5), 0.5) == [6.25, 4.5, 5]


def test_where_time_ran_out_the_last_states_are_left_out():
    cut = output(*[5] * 9, ended="horizon")
    known = known_returns(cut, 0.5)
    # 0.5^7 < 1% <= 0.5^6: seven rewards must follow.
    assert [value is None for value in known] == [False] * 3 + [True] * 6
    assert known[:3] == monte_carlo_returns([5] * 9, 0.5)[:3]
    assert known_returns(cut, 0) == [5] * 9, "without a future nothing is hidden"
    assert known_returns(cut, 0.9) == [None] * 9


@given(st.integers(1, 40), st.floats(0, 0.95))
def test_a_known_return_is_within_a_hundredth_of_the_highest_of_what_could_follow(length: int, gamma: float):
    highest = 5 / (1 - gamma)
    known = known_returns(output(*[5.0] * length, ended="horizon"), gamma)
    assert all(value >= 0.99 * highest - 1e-9 for value in known if value is not None)
