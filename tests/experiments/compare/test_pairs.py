"""Paired differences: the same users and seeds on both sides, and intervals that mean what they say."""

from __future__ import annotations

import numpy as np
import pytest

from billp.experiments.compare.pairs import compare_pair, compare_pairs, differs
from billp.experiments.runs.episode_lines import EpisodeLine
from billp.experiments.stats.metrics import summarise
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
    """Three seeds of which one is lucky for all its users: with users alone this would look certain."""
    of_b = grid(3, 200, 20.0, spread=1.0)
    of_a = {(seed, user): value + (12.0 if seed == 0 else -0.5) for (seed, user), value in of_b.items()}

    low, high = compare_pair("a", lines(of_a), "b", lines(of_b), "r_traj", trained=True).difference.ci95 or (0, 0)

    assert low < 0 < high
    assert not differs(lines(of_a), lines(of_b), "r_traj", 0.95, trained=True)
    assert differs(lines(of_a), lines(of_b), "r_traj", 0.95)


def test_with_one_training_nothing_is_decided():
    of_a, of_b = lines(grid(1, 50, 90.0)), lines(grid(1, 50, 20.0))

    assert compare_pair("a", of_a, "b", of_b, "r_traj", trained=True).difference.note == "one seed"
    assert not differs(of_a, of_b, "r_traj", 0.95, trained=True)


def test_where_an_episode_failed_the_difference_stays_that_of_the_means():
    of_a, of_b = lines(grid(3, 4, 10.0, spread=3.0)), lines(grid(3, 4, 5.0, spread=2.0, rng_seed=1))
    of_a[2] = failed("gone", user="u2")
    of_b[3] = failed("gone too", user="u3")

    pair = compare_pair("a", of_a, "b", of_b, "r_traj")

    assert pair.pairs == 10
    means = [summarise(side, "x", "tiny").r_traj.mean or 0 for side in (of_a, of_b)]
    assert pair.difference.mean == pytest.approx(means[0] - means[1])
    assert pair.ratio.mean == pytest.approx(means[0] / means[1])


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
