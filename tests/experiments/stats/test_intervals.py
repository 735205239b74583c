"""Intervals: one weighting with and without gaps, and a truth that lies inside as often as they say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from billp.experiments.stats.intervals import Estimate, difference_of, excludes, mean_of, ratio_of

Table = NDArray[np.float64]


@st.composite
def tables(draw: st.DrawFn) -> Table:
    """(2, seeds, users) with gaps."""
    seeds, users = draw(st.integers(1, 4)), draw(st.integers(1, 8))
    shape = (2, seeds, users)
    count = 2 * seeds * users
    values = draw(st.lists(st.integers(1, 50), min_size=count, max_size=count))
    gaps = draw(st.lists(st.booleans(), min_size=count, max_size=count))
    table = np.array(values, dtype=float).reshape(shape)
    return np.where(np.array(gaps).reshape(shape), np.nan, table)


def of_users(table: Table) -> float:
    """The mean of users over seeds, written down once more."""
    users = [column[~np.isnan(column)] for column in table.T]
    return float(np.mean([each.mean() for each in users if each.size]))


@given(table=tables(), trained=st.booleans())
def test_a_mean_is_that_of_users_over_seeds_and_lies_inside_its_interval(table: Table, trained: bool):
    found = mean_of([table[0]], trained=trained)
    if np.isnan(table[0]).all():
        assert found == Estimate(mean=None, ci95=None, note="none finished")
        return
    assert found.mean == pytest.approx(of_users(table[0]))
    if found.ci95 is None:
        assert found.note in ("one user", "one seed")
    else:
        assert inside(found)


@given(table=tables(), trained=st.booleans())
def test_a_difference_is_that_of_the_means_and_a_ratio_theirs(table: Table, trained: bool):
    a, b = table
    found, ratio = (compare([a], [b], trained=trained) for compare in (difference_of, ratio_of))
    if np.isnan(a + b).all():
        assert found.mean is ratio.mean is None
        return
    mean_a, mean_b = (mean_of([side], trained=trained).mean for side in (a, b))
    assert mean_a is not None
    assert mean_b is not None
    assert found.mean == pytest.approx(mean_a - mean_b)
    assert ratio.mean == pytest.approx(mean_a / mean_b)
    for each in (found, ratio):
        if each.ci95 is not None:
            assert inside(each)
    swapped = difference_of([b], [a], trained=trained)
    if found.ci95 is not None and swapped.ci95 is not None:
        assert swapped.ci95 == pytest.approx((-found.ci95[1], -found.ci95[0]))


def test_hard_users_that_often_fail_do_not_move_the_mean_out_of_its_interval():
    table = np.full((3, 100), 20.0) + np.random.default_rng(0).normal(0, 2, (3, 100))
    table[:, :20] -= 12
    table[:2, :16] = np.nan

    found = mean_of([table], trained=False)

    assert found.mean == pytest.approx(17.6, abs=0.5)
    assert inside(found)


def test_gaps_widen_an_interval():
    whole = np.random.default_rng(0).normal(20, 5, (3, 60))
    gappy = whole.copy()
    gappy[:, 30:] = np.nan

    assert width(mean_of([gappy], trained=True)) > width(mean_of([whole], trained=True))


def test_gaps_on_one_side_of_a_difference_are_counted_with_that_side():
    """Half of b's users are missing: what is left of b is as uncertain as with half the users."""
    rng = np.random.default_rng(0)
    a, b = rng.normal(20, 0.01, (1, 400)), rng.normal(10, 5, (1, 400))
    gappy = b.copy()
    gappy[:, 200:] = np.nan

    found = difference_of([a], [gappy], trained=False)

    assert width(found) == pytest.approx(width(mean_of([b[:, :200]], trained=False)), rel=0.05)


@pytest.mark.parametrize(
    ("shape", "trained", "note"),
    [((3, 1), True, "one user"), ((1, 1), False, "one user"), ((1, 20), True, "one seed"), ((1, 20), False, "")],
)
def test_one_user_or_one_training_has_no_interval_and_says_why(shape: tuple[int, int], trained: bool, note: str):
    table = np.random.default_rng(0).normal(20, 5, shape)
    for found in (
        mean_of([table], trained=trained),
        difference_of([table], [table * 2], trained=trained),
        ratio_of([table], [table * 2], trained=trained),
    ):
        assert found.mean is not None
        assert (found.ci95 is None, found.note) == (bool(note), note)


def test_a_seed_in_which_one_side_failed_throughout_is_no_second_training():
    a = np.random.default_rng(0).normal(20, 5, (2, 30))
    b = a - 3
    b[1] = np.nan

    assert difference_of([a], [b], trained=True).note == "one seed"


def test_seeds_that_only_draw_samples_are_averaged_away_and_trainings_are_not():
    table = np.random.default_rng(0).normal(20, 1, (3, 50)) + np.array([[0.0], [8.0], [1.0]])

    assert width(mean_of([table], trained=False)) < 1
    # The t interval of three numbers, as good as exactly.
    of_seeds = 4.303 * table.mean(axis=1).std(ddof=1) / np.sqrt(3)
    assert width(mean_of([table], trained=True)) == pytest.approx(2 * of_seeds, rel=0.01)


def test_an_interval_over_users_alone_is_the_t_interval():
    values = np.arange(10.0)

    found = mean_of([values[None]], trained=False)

    half = 2.262 * values.std(ddof=1) / np.sqrt(10)
    assert found.ci95 == pytest.approx((4.5 - half, 4.5 + half), abs=0.01)


def test_what_differs_by_the_same_for_everybody_differs_exactly():
    b = np.random.default_rng(0).normal(50, 20, (3, 30))

    found = difference_of([b + 3], [b], trained=True)

    assert found.ci95 == pytest.approx((3, 3))
    assert excludes(found, 0)
    assert not excludes(difference_of([b], [b], trained=True), 0)
    assert not excludes(Estimate(mean=3, ci95=None), 0)


def test_splits_that_differ_widen_the_interval_and_those_that_do_not_leave_the_users():
    rng = np.random.default_rng(0)
    alike = [rng.normal(20, 5, (3, 50)) for _ in range(3)]
    apart = [table + shift for table, shift in zip(alike, (-10, 0, 10), strict=True)]

    assert mean_of(apart, trained=True).mean == pytest.approx(mean_of(alike, trained=True).mean)
    assert width(mean_of(apart, trained=True)) > 20
    assert width(mean_of(alike, trained=True)) >= width(mean_of(alike, trained=False)) > 0
    # One training in each split: the splits differ by it too.
    assert mean_of([table[:1] for table in alike], trained=True).ci95 is not None
    # Two splits say nothing of a third: the interval is that of their users and trainings.
    assert mean_of([table[:1] for table in alike[:2]], trained=True).note == "one seed"
    assert width(mean_of(apart[:2], trained=True)) == pytest.approx(width(mean_of(alike[:2], trained=True)))


@pytest.mark.parametrize(
    ("of_users", "of_seeds", "splits", "failed"),
    [
        (8.0, 0.0, 1, 0.0),
        (8.0, 1.0, 1, 0.0),
        (8.0, 20.0, 1, 0.0),
        (0.0, 0.0, 1, 0.0),
        (0.0, 1.5, 1, 0.0),  # where a little of each is hardest to tell apart
        (8.0, 0.0, 3, 0.0),
        (8.0, 3.0, 3, 0.0),
        (8.0, 0.0, 1, 0.3),
        (8.0, 20.0, 1, 0.3),
    ],
)
def test_an_interval_of_three_seeds_holds_the_truth_as_often_as_it_says(
    of_users: float, of_seeds: float, splits: int, failed: float
):
    rng = np.random.default_rng(0)
    draws, held = 500, 0
    for _ in range(draws):
        split = [
            of_seeds * rng.standard_normal((3, 1))
            + of_users * rng.standard_normal(30)
            + 4 * rng.standard_normal((3, 30))
            for _ in range(splits)
        ]
        split = [np.where(rng.random(table.shape) < failed, np.nan, table) for table in split]
        held += not excludes(mean_of(split, trained=True), 0.0)

    assert held / draws >= 0.93


def inside(found: Estimate) -> bool:
    assert found.mean is not None
    return not excludes(found, found.mean)


def width(found: Estimate) -> float:
    assert found.ci95 is not None
    return found.ci95[1] - found.ci95[0]
