"""Return times: one model of days, its draws, and what several visits add up to."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from billp.errors import BadInputError
from billp.simulators.env.visits import MOST_DAYS, ReturnModel, expected_visits

CONTENTS = st.lists(st.tuples(st.floats(-4, 4), st.booleans()), min_size=1, max_size=5)


def columns(episodes: list[tuple[float, bool]]) -> tuple[np.ndarray, np.ndarray]:
    return np.array([content for content, _ in episodes]), np.array([left for _, left in episodes])


@given(CONTENTS)
def test_the_days_are_geometric_and_the_last_holds_the_rest(episodes):
    chances = ReturnModel().chances(*columns(episodes))
    assert chances.shape == (len(episodes), MOST_DAYS)
    assert np.allclose(chances.sum(axis=1), 1)
    for (content, left), row in zip(episodes, chances, strict=True):
        daily = 1 / (1 + np.exp(-(np.log(7 / 3) + 0.5 * content - 2 * left)))
        assert row[0] == pytest.approx(daily)
        assert row[3] == pytest.approx(daily * (1 - daily) ** 3)


def test_the_content_come_sooner_and_those_who_left_later():
    days = ReturnModel().chances(np.array([-1.0, 0, 1, 0]), np.array([False, False, False, True])) @ np.arange(1, 11)
    unhappy, usual, happy, left = days
    assert happy < usual < unhappy
    assert left > usual


def test_a_draw_is_its_seed_and_follows_the_chances():
    model, contents, left = ReturnModel(), np.full(40_000, -1.0), np.ones(40_000, dtype=bool)
    drawn = model.draw(contents, left, np.random.default_rng(3))
    assert np.array_equal(drawn, model.draw(contents, left, np.random.default_rng(3)))
    assert not np.array_equal(drawn, model.draw(contents, left, np.random.default_rng(4)))
    shares = np.bincount(drawn, minlength=MOST_DAYS + 1) / len(drawn)
    assert shares[0] == 0
    assert np.allclose(shares[1:], model.chances(contents[:1], left[:1])[0], atol=0.01)


def test_expected_visits_are_those_of_many_drawn_months():
    rng, model, days = np.random.default_rng(0), ReturnModel(), 30
    contents, left = np.array([0.8, -1.5, 0.0]), np.array([False, True, True])
    (expected,) = expected_visits([model.chances(contents, left)], days)
    counts = []
    for _ in range(3000):
        day = visits = 0
        while day < days:
            visits += 1
            had = rng.integers(3)
            day += int(model.draw(contents[[had]], left[[had]], rng)[0])
        counts.append(visits)
    assert expected == pytest.approx(np.mean(counts), abs=4 * np.std(counts) / np.sqrt(len(counts)))


@pytest.mark.parametrize(("day", "expected"), [(1, 30), (2, 15), (7, 5), (10, 3)])
def test_who_always_returns_after_as_many_days(day, expected):
    always = np.zeros((2, MOST_DAYS))
    always[:, day - 1] = 1
    assert expected_visits([always], 30).tolist() == [expected]


def test_nobody_visits_in_no_time():
    with pytest.raises(BadInputError, match="0 days"):
        expected_visits([], 0)
    assert expected_visits([], 5).tolist() == []
    with pytest.raises(BadInputError, match="between 0 and 1"):
        ReturnModel(usual=1.0).chances(np.zeros(1), np.zeros(1, dtype=bool))
