"""What carries over to other users: rows of one training, and their table."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.knowledge import Training, liked_by
from benchmarks.transfer import Row, rows_of, table
from tests.fakes.dependencies import fake_dependencies


def row(episodes: str, seed: int, stars: float | None, few: float) -> Row:
    return Row(
        split=1, seed=seed, episodes=episodes, stars=stars, steps=stars and stars / 4,
        train_mean=4.0, test_mean=3.5 + seed, rarely_rated=few,
    )  # fmt: skip


def test_the_table_has_the_means_over_seeds_and_nothing_where_nobody_was_met():
    rows = [row("10", 0, 160.0, 0.2), row("10", 1, 180.0, 0.4), row("all", 0, None, 0.5)]
    assert table(rows).splitlines()[2:] == [
        "| 10 | 170.0 | 42.5 | 4.00 | 4.00 | 30% |",
        "| all | - | - | 4.00 | 3.50 | 50% |",
    ]


@pytest.mark.parametrize("logs", [True, False])
def test_the_best_items_are_those_of_the_train_world_and_what_is_shown_is_met_in_the_test_world(logs: bool):
    deps = fake_dependencies()
    none, few, best, rated = rows_of(Training(deps, logs, 0), [0, 10])
    assert [found.episodes for found in (none, few, best, rated)] == ["0", "10", "all", "rated"]
    assert best.train_mean == pytest.approx(np.sort(liked_by(deps.worlds.train))[-50:].mean())
    assert rated.train_mean <= best.train_mean
    assert rated.rarely_rated == 0
    for met in (none, few):
        assert met.stars is not None
        assert met.steps is not None
        assert 1 <= met.stars / met.steps <= 5
