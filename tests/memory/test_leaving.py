"""What makes users leave: rates of causes, found in worlds whose causes are known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from billp.memory.leaving import LONGEST, SPANS, Departures, Leaving, fit_leaving

MEASURES, STEPS = ("categories", "text"), (6, 3)
CAUSES = len(SPANS) * sum(STEPS)


def steps(
    left: NDArray[np.bool_] | list[bool],
    levels: NDArray[np.int64] | None = None,
    stars: NDArray[np.int64] | None = None,
    weights: NDArray[np.float64] | None = None,
) -> Departures:
    """Steps of users who gave 4 stars to items close to none before them, where nothing else is said."""
    count = len(left)
    return Departures(
        left=np.array(left, dtype=bool),
        stars=np.full(count, 4) if stars is None else stars,
        levels=(np.zeros((count, LONGEST, 2)) if levels is None else levels).astype(np.uint8),
        weights=np.ones((count, LONGEST)) if weights is None else weights,
    )


def fit(seen: Departures, *, logs: bool = False) -> Leaving:
    return fit_leaving(MEASURES, STEPS, seen, logs=logs)


def test_with_nothing_seen_the_prior_is_believed():
    prior = fit(steps([]))
    categories, text = prior.tables(prior.rates)
    assert prior.usual == 0
    assert list(prior.star_rates) == [0.5, 0.3, 0.02, 0.01, 0.01]
    # Within four steps items of the same categories bore; beyond them, and by other measures, hardly.
    assert (categories[:4, 6] > 0.19).all()
    assert (categories[4:, 6] < 0.005).all()
    assert text.max() < 0.01
    assert all(cause.exposures == cause.departures == 0 for cause in prior.causes())


@given(seed=st.integers(0, 2**32 - 1))
def test_a_pair_leaves_at_the_rates_of_all_causes_that_it_sets_off(seed):
    rates = np.random.default_rng(seed).random(CAUSES)
    found, start = fit(steps([])).tables(rates), 0
    for table, levels in zip(found, STEPS, strict=True):
        causes = rates[start : start + len(SPANS) * levels].reshape(len(SPANS), levels)
        start += causes.size
        expected = [
            [
                sum(causes[place, :level].sum() for place, span in enumerate(SPANS) if span > back)
                for level in range(levels + 1)
            ]
            for back in range(LONGEST)
        ]
        assert table == pytest.approx(np.array(expected))


def test_a_cause_that_alone_drives_users_away_is_found():
    """Users leave half of the time when an item is as close as can be by text to one of the last two."""
    rng = np.random.default_rng(0)
    levels = np.zeros((20_000, LONGEST, 2), dtype=np.int64)
    levels[..., 0] = rng.integers(0, 7, (20_000, LONGEST)) * (rng.random((20_000, LONGEST)) < 0.3)
    levels[..., 1] = rng.integers(0, 4, (20_000, LONGEST)) * (rng.random((20_000, LONGEST)) < 0.3)
    bored = (levels[:, :2, 1] == 3).any(axis=1)
    found = fit(steps(bored & (rng.random(20_000) < 0.5), levels))
    categories, text = found.tables(found.rates)
    rate = -np.log(1 - 0.5)
    assert text[:2, 3] == pytest.approx(np.full(2, rate), rel=0.2)
    assert text[2:, 3].max() < rate / 10
    assert text[:, :3].max() < rate / 10
    assert categories.max() < rate / 10, "what is worth so little was believed to bore before"
    first = found.causes()[0]
    assert (first.measure, first.level, first.span) == ("text", 3, 2)
    assert first.departures > 100


def test_where_users_stay_rates_fall_to_what_others_may_mind():
    """What seldom bores is not unlearned from users who did not mind; what often bores is where it does not bore."""
    rng = np.random.default_rng(1)
    levels = np.zeros((20_000, LONGEST, 2), dtype=np.int64)
    levels[..., 0] = rng.integers(0, 7, (20_000, LONGEST))
    prior, found = fit(steps([])), fit(steps(np.zeros(20_000, dtype=bool), levels))
    before, after = prior.tables(prior.rates)[0][0, 1:], found.tables(found.rates)[0][0, 1:]
    assert after[0] == pytest.approx(before[0])
    assert (after <= before).all()
    assert after[-1] < before[-1] / 8
    drawn = found.tables(found.draw(rng))[0][0, 1:]
    assert (drawn >= after - 0.002).all()


def test_with_logs_users_are_expected_to_look_back_further_until_none_does():
    stayed = steps(np.zeros(20_000, dtype=bool), np.full((20_000, LONGEST, 2), 6))
    without, prior, found = (fit(steps([])), fit(steps([]), logs=True), fit(stayed, logs=True))
    far = [each.tables(each.rates)[0][4:, 6] for each in (without, prior, found)]
    assert far[1] == pytest.approx(5 * far[0])
    assert far[2] == pytest.approx(far[0], rel=0.1)
    near = [each.tables(each.rates)[0][0, 6] for each in (without, prior)]
    assert near[1] == pytest.approx(near[0], rel=0.1)


def test_stars_after_which_users_leave_are_found():
    rng = np.random.default_rng(2)
    stars = rng.integers(1, 6, 5000)
    found = fit(steps((stars <= 2) & (rng.random(5000) < 0.8), stars=stars))
    assert found.star_rates[:2] == pytest.approx(np.full(2, -np.log(0.2)), rel=0.1)
    assert found.star_rates[2:].max() < 0.01
    assert found.usual == pytest.approx(0.32, abs=0.02)


def test_the_same_pair_met_again_and_again_counts_once():
    levels = np.zeros((1000, LONGEST, 2), dtype=np.int64)
    levels[:40, 0, 1] = 2
    left = [True] * 40 + [False] * 960
    once = np.ones((1000, LONGEST))
    once[:40, 0] = 1 / 40
    many, one = fit(steps(left, levels)), fit(steps(left, levels, weights=once))
    prior, alone = fit(steps([])), fit(steps(left[39:], levels[39:]))
    rates = [each.tables(each.rates)[1][0, 2] for each in (prior, one, alone)]
    assert rates == sorted(rates), "forty departures over one pair say no more of it than one"
    assert many.tables(many.rates)[1][0, 2] > 5 * one.tables(one.rates)[1][0, 2]
    exposed = {(cause.measure, cause.level, cause.span): cause.exposures for cause in one.causes()}
    assert exposed["text", 2, 1] == pytest.approx(1)
    assert exposed["text", 3, 1] == 0


@given(st.lists(st.floats(0, 5), min_size=CAUSES, max_size=CAUSES))
def test_what_is_closer_or_more_recent_never_has_a_lower_rate(rates: list[float]):
    for table, levels in zip(fit(steps([])).tables(np.array(rates)), STEPS, strict=True):
        assert table.shape == (LONGEST, levels + 1)
        assert not table[:, 0].any()
        assert (np.diff(table, axis=1) >= -1e-12).all()
        assert (np.diff(table, axis=0) <= 1e-12).all()


def test_tables_add_up_the_causes_that_a_pair_puts_to_work():
    rates = np.zeros(CAUSES)
    rates[SPANS.index(4) * STEPS[0] + 2 - 1] = 0.5  # categories, at least level 2, within 4 steps
    rates[len(SPANS) * STEPS[0] + SPANS.index(1) * STEPS[1] + 3 - 1] = 0.25  # text, level 3, the step before
    categories, text = fit(steps([])).tables(rates)
    expected = np.zeros((LONGEST, 7))
    expected[:4, 2:] = 0.5
    assert np.array_equal(categories, expected)
    assert (text[0, 3], text.sum()) == (0.25, 0.25)


def test_draws_have_the_moments_of_the_posterior():
    levels = np.zeros((300, LONGEST, 2), dtype=np.int64)
    levels[:, 0, 1] = 3
    found = fit(steps([True] * 150 + [False] * 150, levels))
    rng = np.random.default_rng(3)
    drawn = np.array([found.draw(rng) for _ in range(4000)])
    assert (drawn >= 0).all()
    assert drawn.mean(axis=0) == pytest.approx(found.rates, abs=0.01)
    assert drawn.var(axis=0) == pytest.approx(found.shapes / found.exposures**2, abs=0.002)
