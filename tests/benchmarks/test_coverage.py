"""Stars against coverage: the line through a method's points, and how far one method is above the other."""

from __future__ import annotations

import math

import pytest

from benchmarks.coverage import Row, stars_at, table


def row(method: str, coverage: float, stars: float, seed: int = 0) -> Row:
    return Row.model_validate(
        {
            "rule": "distance", "split": 1, "seed": seed, "method": method, "chance": 0.1, "stars": stars,
            "steps": 50, "coverage": coverage, "different": 100,
        }
    )  # fmt: skip


def test_between_points_stars_lie_on_the_line_and_beyond_them_nothing_is_said():
    rows = [row("mmr", 0.2, 180), row("mmr", 0.1, 200)]
    low, middle, high = stars_at(rows, [0.05, 0.15, 0.25]).tolist()
    assert middle == pytest.approx(190)
    assert math.isnan(low)
    assert math.isnan(high)


def test_the_table_compares_the_trainings_that_both_methods_reach():
    rows = [
        row("billp-memory-only", at, stars, seed) for seed in (0, 1) for at, stars in ((0.1, 200 + seed), (0.2, 190))
    ]
    rows += [row("mmr", at, 160, seed) for seed in (0, 1) for at in (0.1, 0.15)]
    lines = table(rows).splitlines()
    assert "| 10.0% | 200.5 | 160.0 | 40.5 [39.5, 41.5] (+25.3%) | 2 |" in lines
    assert not any(line.startswith("| 20.0%") for line in lines)
