"""Paired differences: the same users and seeds on both sides, and intervals that mean what they say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.comparison.pairs import compare_pair, compare_pairs, differs, paired_table
from experiments.intervals import resampled_means
from experiments.records import EpisodeLine
from tests.experiments.examples import failed, finished

Values = dict[tuple[int, str], float]


def lines(values: Values) -> list[EpisodeLine]:
    """One finished episode for each (seed, user), whose rewards add up to the value."""
    return [finished(f"{seed}-{user}", value, user=user, seed=seed) for (seed, user), value in values.items()]


def grid(seeds: int, users: int, value: float, spread: float = 0.0, rng_seed: int = 0) -> Values:
    rng = np.random.default_rng(rng_seed)
    return {
        (seed, f"u{user}"): value + float(rng.normal(0, spread) if spread else 0)
        for seed in range(seeds)
        for user in range(users)
    }


def test_a_constant_difference_is_found_exactly_however_much_users_differ():
    of_b = grid(2, 30, 20.0, spread=8.0)
    of_a = {key: value + 3.0 for key, value in of_b.items()}

    pair = compare_pair("a", lines(of_a), "b", lines(of_b), "r_traj")

    assert pair.pairs == 60
    assert pair.difference.mean == pytest.approx(3.0)
    assert pair.difference.ci95 == pytest.approx((3.0, 3.0))
    assert pair.ratio.mean == pytest.approx(np.mean(list(of_a.values())) / np.mean(list(of_b.values())))


def test_pairing_takes_the_users_out_of_the_interval():
    """The same two arms, paired and with one side's users relabelled: only the paired one sees the difference."""
    of_b = grid(1, 100, 50.0, spread=20.0)
    of_a = {key: value + 2.0 for key, value in of_b.items()}
    shuffled = dict(zip(of_a, np.random.default_rng(1).permutation(list(of_a.values())).tolist(), strict=True))

    assert differs(lines(of_a), lines(of_b), "r_traj", 0.95)
    assert not differs(lines(shuffled), lines(of_b), "r_traj", 0.95)


def test_the_luck_of_a_training_run_is_not_averaged_away():
    """Three seeds of which one is lucky for all its users: with users alone resampled this would look certain."""
    of_b = grid(3, 200, 20.0, spread=1.0)
    of_a = {(seed, user): value + (12.0 if seed == 0 else -0.5) for (seed, user), value in of_b.items()}

    low, high = compare_pair("a", lines(of_a), "b", lines(of_b), "r_traj").difference.ci95 or (0, 0)

    assert low < 0 < high


def test_an_episode_that_failed_on_one_side_leaves_the_pair_out_on_both():
    of_a, of_b = lines(grid(1, 4, 10.0)), lines(grid(1, 4, 5.0))
    of_a[2] = failed("gone", user="u2")

    table = paired_table(of_a, of_b, "r_traj")

    assert compare_pair("a", of_a, "b", of_b, "r_traj").pairs == 3
    assert np.isnan(table[:, 0, 2]).all()


def test_where_no_pair_was_finished_there_is_no_estimate():
    nothing = compare_pair("a", [failed("gone")], "b", lines(grid(1, 1, 5.0)), "len")

    assert nothing.pairs == 0
    assert nothing.difference.mean is None
    assert not differs([], [], "len", 0.95)


def test_every_pair_once_and_the_base_on_the_right():
    arms = {name: lines(grid(1, 3, value)) for name, value in (("x", 1.0), ("base", 2.0), ("y", 3.0))}

    pairs = compare_pairs(arms, "base")

    assert {(pair.a, pair.b) for pair in pairs} == {("x", "base"), ("y", "base"), ("y", "x")}
    assert len(pairs) == 9


@given(
    seeds=st.integers(1, 4),
    users=st.integers(2, 12),
    gaps=st.lists(st.integers(0, 47), max_size=8),
    rng_seed=st.integers(0, 9),
)
def test_resampled_means_lie_between_the_extremes_and_swap_with_the_sides(seeds, users, gaps, rng_seed):
    table = np.random.default_rng(rng_seed).uniform(1, 50, (2, seeds, users))
    for gap in gaps:
        table[:, gap % seeds, gap % users] = np.nan
    if np.isnan(table).all():
        return

    means = resampled_means(table)

    assert (means >= np.nanmin(table, axis=(1, 2)) - 1e-9).all()
    assert (means <= np.nanmax(table, axis=(1, 2)) + 1e-9).all()
    assert resampled_means(table[::-1]) == pytest.approx(means[:, ::-1])


def test_intervals_cover_the_truth_about_as_often_as_they_say():
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(200):
        table = np.stack([rng.normal(2.0, 5.0, (1, 60)), np.zeros((1, 60))])
        low, high = np.quantile(resampled_means(table)[:, 0], [0.025, 0.975])
        covered += low <= 2.0 <= high

    assert 0.89 <= covered / 200 <= 0.99
