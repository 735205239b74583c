"""Two arms compared pair by pair: the same user with the same seed, once with each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from experiments.intervals import Estimate, between, resampled_means
from experiments.metrics import Field, seed_table
from experiments.records import EpisodeLine

Metric = Literal["len", "r_each", "r_traj"]
METRICS: tuple[Metric, ...] = ("len", "r_each", "r_traj")
_FIELDS: Mapping[Metric, Field] = {
    "len": "length",
    "r_each": "reward_each",
    "r_traj": "reward_trajectory",
}


class Pair(BaseModel):
    """How arm `a` differs from arm `b` in one metric: mean of a less mean of b, and mean of a over mean of b."""

    model_config = ConfigDict(frozen=True)

    a: str
    b: str
    metric: Metric
    pairs: int
    """Episodes that both arms finished."""
    difference: Estimate
    ratio: Estimate


def compare_pairs(arms: Mapping[str, Sequence[EpisodeLine]], base: str) -> list[Pair]:
    """Every pair of arms in every metric; `base` is always the `b` of its pairs."""
    names = [name for name in arms if name != base]
    couples = [(name, base) for name in names if base in arms]
    couples += [(a, b) for position, b in enumerate(names) for a in names[position + 1 :]]
    return [compare_pair(a, arms[a], b, arms[b], metric) for a, b in couples for metric in METRICS]


def compare_pair(a: str, of_a: Sequence[EpisodeLine], b: str, of_b: Sequence[EpisodeLine], metric: Metric) -> Pair:
    """The difference and ratio of `a` to `b` in `metric`, with percentile bootstrap intervals of 95%.

    Only episodes that both finished count. Users are resampled, and where there are several seeds the seeds as well:
    see `resampled_means`.
    """
    table = paired_table(of_a, of_b, metric)
    count = int((~np.isnan(table[0])).sum())
    if not count:
        nothing = Estimate(mean=None, ci95=None)
        return Pair(a=a, b=b, metric=metric, pairs=0, difference=nothing, ratio=nothing)
    mean_a, mean_b = np.nanmean(table, axis=(1, 2))
    resampled = resampled_means(table)
    return Pair(
        a=a,
        b=b,
        metric=metric,
        pairs=count,
        difference=between(float(mean_a - mean_b), resampled[:, 0] - resampled[:, 1]),
        ratio=between(float(mean_a / mean_b), resampled[:, 0] / resampled[:, 1]),
    )


def differs(of_a: Sequence[EpisodeLine], of_b: Sequence[EpisodeLine], metric: Metric, level: float) -> bool:
    """Whether the interval of `level` around the difference excludes zero."""
    table = paired_table(of_a, of_b, metric)
    if np.isnan(table).all():
        return False
    resampled = resampled_means(table)
    low, high = np.quantile(resampled[:, 0] - resampled[:, 1], [(1 - level) / 2, (1 + level) / 2])
    return bool(low > 0 or high < 0)


def paired_table(of_a: Sequence[EpisodeLine], of_b: Sequence[EpisodeLine], metric: Metric) -> NDArray[np.float64]:
    """(2, seeds, users): the metric of a and of b; NaN in both where either has no finished episode."""
    seeds = sorted({line.seed for lines in (of_a, of_b) for line in lines})
    users = sorted({line.user for lines in (of_a, of_b) for line in lines})
    table = np.stack([seed_table(lines, _FIELDS[metric], seeds, users) for lines in (of_a, of_b)])
    table[:, np.isnan(table).any(axis=0)] = np.nan
    return table
