"""Monte-Carlo returns by hand, and what the horizon hides."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billp.experiments.stats.returns import known_returns, monte_carlo_returns
from tests.experiments.examples import output

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
