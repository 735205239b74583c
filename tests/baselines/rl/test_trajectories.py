"""Logs become trajectories by a stated rule."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from billp.baselines.rl.observations import Layout
from billp.baselines.rl.trajectories import logged_trajectories
from billp.errors import DataError
from billp.simulators import Dataset
from tests.fakes.toy import toy_dataset

LAYOUT = Layout(2, 3)


def logs(*rows: tuple[int, int, float]) -> Dataset:
    """A dataset of rows (user, item, stars)."""
    users, items, stars = zip(*rows, strict=True)
    return replace(
        toy_dataset(),
        users=np.array(users, dtype=np.int32),
        items=np.array(items, dtype=np.int32),
        ratings=np.array(stars, dtype=np.float32),
    )


def test_a_trajectory_ends_with_displeasure_with_time_or_with_the_log():
    dataset = logs((0, 1, 5), (0, 2, 1), (0, 3, 3), (0, 4, 4), (0, 5, 5), (0, 6, 2), (1, 7, 5))
    found = logged_trajectories(dataset, np.array([0, 1], dtype=np.int32), LAYOUT)

    assert found.items.tolist() == [1, 2, 3, 4, 5, 6, 7]
    assert found.rewards == pytest.approx(np.array([5, 1, 3, 4, 5, 2, 5]) / 5)
    assert found.terminated.tolist() == [False, True, False, False, False, False, False]
    assert found.truncated.tolist() == [False, False, False, False, True, True, True]
    assert found.seen[2].tolist() == LAYOUT.of([1], [], []).ravel().tolist(), "what was liked before is its history"
    assert found.seen[4].tolist() == LAYOUT.of([1], [3, 4], [3.0, 4.0]).ravel().tolist()
    assert found.seen_next[5].tolist() == LAYOUT.of([4, 5], [6], [2.0]).ravel().tolist()


def test_only_the_users_asked_for_count_and_an_item_comes_once_a_trajectory():
    dataset = logs((0, 1, 5), (1, 2, 4), (1, 2, 5), (1, 3, 4))
    found = logged_trajectories(dataset, np.array([1], dtype=np.int32), LAYOUT)
    assert found.items.tolist() == [2, 3]


def test_without_any_logs_it_says_so():
    with pytest.raises(DataError, match="no ratings of train users"):
        logged_trajectories(logs((0, 1, 5)), np.array([3], dtype=np.int32), LAYOUT)
