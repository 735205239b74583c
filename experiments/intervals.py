"""A mean over users and seeds, and how far it can be trusted.

A number is first averaged over seeds for each user, then over users, then over splits of the users where there are
several. A table holds one split: (seeds, users), NaN where no episode was finished.

Within a split the mean errs because it has met some users and not others, and, where each seed is a training of its
own, because it has seen some trainings and not others. Both parts have a t interval, over users and over seeds, and
both hold the noise of single episodes, which is therefore taken out once:

    h^2 = h_users^2 + max(0, h_seeds^2 - h_episodes^2)

Half-widths of independent parts add up in squares (Howe 1974, doi 10.1080/01621459.1974.10480157; Zou and Donner 2008,
doi 10.1002/sim.3095), and the parts overlap as in two-way clustering (Cameron, Gelbach and Miller 2011,
doi 10.1198/jbes.2010.07136). With three seeds that differ, this is the t interval of three numbers; where they do not
differ, it is little wider than that of the users. Several splits are several worlds with users of their own: their
means have a t interval too, and the wider one counts. `benchmarks/intervals.py` measures how often these intervals
hold the truth.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict
from scipy.special import stdtrit  # Student's t; scipy.stats would take a second to load

Table = NDArray[np.float64]

NONE_FINISHED = "none finished"
ONE_USER = "one user"
ONE_SEED = "one seed"


class Estimate(BaseModel):
    """A mean and its 95% interval. `note` says why either is missing."""

    model_config = ConfigDict(frozen=True)

    mean: float | None
    ci95: tuple[float, float] | None
    note: str = ""


def excludes(estimate: Estimate, value: float) -> bool:
    """Whether there is an interval and `value` lies outside it."""
    return estimate.ci95 is not None and not estimate.ci95[0] <= value <= estimate.ci95[1]


def mean_of(tables: Sequence[Table], *, trained: bool) -> Estimate:
    """The mean with its interval from one table (seeds, users) a split.

    `trained` says that each seed is a training of its own, whose luck all of its users share; elsewhere a seed only
    draws samples, and one is enough.
    """
    tables = [table for table in map(_finished, tables) if table.size]
    if not tables:
        return Estimate(mean=None, ci95=None, note=NONE_FINISHED)
    parts = [_even(table) for table in tables]
    return _estimate(parts, 0.95, trained=trained, seeds=min(map(len, tables)))


def difference_of(of_a: Sequence[Table], of_b: Sequence[Table], *, trained: bool, level: float = 0.95) -> Estimate:
    """The mean of a less the mean of b, with its interval of `level`, user by user and seed by seed.

    Both have the same splits, seeds and users, in the same order. What only one side finished counts for that side, so
    that the difference is that of the means. Without a user (or, where `trained`, seed) that both finished in each
    split there is nothing to compare.
    """
    sides = _sides(of_a, of_b)
    if not sides:
        return Estimate(mean=None, ci95=None, note=NONE_FINISHED)
    parts = [a - b for a, b, _ in sides]
    return _estimate(parts, level, trained=trained, seeds=min(seeds for *_, seeds in sides))


def ratio_of(of_a: Sequence[Table], of_b: Sequence[Table], *, trained: bool) -> Estimate:
    """The mean of a over the mean of b, as in `difference_of`; the interval is that of its logarithm (delta method)."""
    sides = _sides(of_a, of_b)
    if not sides:
        return Estimate(mean=None, ci95=None, note=NONE_FINISHED)
    mean_a, mean_b = float(np.mean([a.mean() for a, *_ in sides])), float(np.mean([b.mean() for _, b, _ in sides]))
    if mean_a <= 0 or mean_b <= 0:
        return Estimate(mean=None, ci95=None, note="not positive")
    parts = [a / mean_a - b / mean_b for a, b, _ in sides]
    around = _estimate(parts, 0.95, trained=trained, seeds=min(seeds for *_, seeds in sides))
    ratio = mean_a / mean_b
    if around.ci95 is None:
        return Estimate(mean=ratio, ci95=None, note=around.note)
    low, high = (ratio * float(np.exp(end)) for end in around.ci95)
    return Estimate(mean=ratio, ci95=(low, high))


def _sides(of_a: Sequence[Table], of_b: Sequence[Table]) -> list[tuple[Table, Table, int]]:
    """For each split both sides without gaps, and the seeds that both finished; nothing where a split has no pair."""
    sides = []
    for a, b in zip(of_a, of_b, strict=True):
        both = ~(np.isnan(a) | np.isnan(b))
        if not both.any():
            return []
        met = ~(np.isnan(a) & np.isnan(b)).all(axis=0)
        sides.append((_even(a[:, met]), _even(b[:, met]), int(both.any(axis=1).sum())))
    return sides


def _finished(table: Table) -> Table:
    """`table` without the seeds and users that finished nothing."""
    there = ~np.isnan(table)
    return np.asarray(table[there.any(axis=1)][:, there.any(axis=0)])


def _even(table: Table) -> Table:
    """A table without gaps that has the mean of `table`, and each user's and seed's part in how far that may err.

    What a cell moves the mean by is its distance from its user's mean over the number of cells that this user has; what
    a user moves it by is his distance from the mean over the number of users. Cells and users that are missing move
    nothing, so those that are there are stretched by the share of them.
    """
    there = ~np.isnan(table)
    of_user = there.sum(axis=0)
    users = of_user > 0
    means = np.nansum(table, axis=0) / np.maximum(of_user, 1)
    mean = means[users].mean()
    stretched = mean + (means - mean) * len(users) / users.sum()
    within = np.where(there, table - means, 0.0) * len(table) / np.maximum(of_user, 1) * len(users) / users.sum()
    return np.asarray(np.where(users, stretched, mean) + within)


def _estimate(parts: Sequence[Table], level: float, *, trained: bool, seeds: int) -> Estimate:
    """The mean over `parts`, one without gaps for each split, and its interval; `seeds` that were really seen."""
    mean = float(np.mean([part.mean() for part in parts]))
    if sum(part.shape[1] - 1 for part in parts) == 0:
        return Estimate(mean=mean, ci95=None, note=ONE_USER)
    if trained and seeds < 2 and len(parts) < 2:
        return Estimate(mean=mean, ci95=None, note=ONE_SEED)
    half = _half_width(parts, level, seeds=seeds if trained else 1)
    return Estimate(mean=mean, ci95=(mean - half, mean + half))


def _half_width(parts: Sequence[Table], level: float, *, seeds: int) -> float:
    users = _part([part.mean(axis=0) for part in parts], level, [part.shape[1] - 1 for part in parts])
    squared = users
    if seeds > 1:
        of_seeds = _part([part.mean(axis=1) for part in parts], level, [seeds - 1 for _ in parts])
        noise = [part - part.mean(axis=0) - part.mean(axis=1)[:, None] + part.mean() for part in parts]
        freedom = [(seeds - 1) * (part.shape[1] - 1) for part in parts]
        squared += max(0.0, of_seeds - _part([each.reshape(-1) for each in noise], level, freedom))
    if len(parts) > 1:
        splits = np.array([part.mean() for part in parts])
        squared = max(squared, _part([splits], level, [len(parts) - 1]))
    return float(np.sqrt(squared))


def _part(values: Sequence[NDArray[np.float64]], level: float, freedom: Sequence[int]) -> float:
    """The squared half-width of the t interval of a mean of means: of `values` in each split, then over splits."""
    variances = [
        float(((each - each.mean()) ** 2).sum()) / max(free, 1) / len(each)
        for each, free in zip(values, freedom, strict=True)
    ]
    quantile = float(stdtrit(sum(freedom), (1 + level) / 2))
    return quantile**2 * sum(variances) / len(values) ** 2
