"""Means over users and seeds, with their intervals.

A number is first averaged over seeds for each user, then over users, then over splits of the users where there are
several. A table holds one split: (seeds, users), NaN where no episode was finished.

Within a split the mean errs because it has met some users and not others, and, where each seed is a training of its
own, because it has seen some trainings and not others. Both parts have a t interval, over users and over seeds, and
both hold the noise of single episodes, which is therefore taken out once:

    h^2 = h_users^2 + max(0, h_seeds^2 - h_episodes^2)

Half-widths of independent parts add up in squares (Howe 1974, doi 10.1080/01621459.1974.10480157; Zou and Donner 2008,
doi 10.1002/sim.3095), and the parts overlap as in two-way clustering (Cameron, Gelbach and Miller 2011,
doi 10.1198/jbes.2010.07136). With three seeds that differ, this is the t interval of three numbers; where they do not
differ, it is little wider than that of the users. Three splits or more are a sample of worlds: their means
have a t interval too, and the wider one counts. Of one or two the interval is that of these, for two say next to
nothing of a third. `benchmarks/intervals.py` measures how often these intervals
hold the truth.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

Table = NDArray[np.float64]

NONE_FINISHED = "none finished"
ONE_USER = "one user"
ONE_SEED = "one seed"
FEWEST_SPLITS = 3
"""With so many splits of the users or more, the interval is that of all splits, not of these alone."""
_SWEEPS = 30  # of the fit that fills gaps; it has converged long before


class Estimate(BaseModel):
    """A mean and its 95% interval. `note` says why either is missing."""

    model_config = ConfigDict(frozen=True)

    mean: float | None
    ci95: tuple[float, float] | None
    note: str = ""


def excludes(estimate: Estimate, value: float) -> bool:
    """Returns whether there is an interval and `value` is outside it."""
    return estimate.ci95 is not None and not estimate.ci95[0] <= value <= estimate.ci95[1]


@dataclass(frozen=True)
class _Part:
    """One split: its mean, and (seeds, users) how much each user, seed and episode moves it, without gaps."""

    mean: float
    spread: Table


def mean_of(tables: Sequence[Table], *, trained: bool) -> Estimate:
    """Returns the mean with its interval from one table (seeds, users) per split.

    `trained` says that each seed is a separate training, whose luck all of its users share; otherwise a seed only draws
    samples, and one is enough.
    """
    tables = [table for table in map(_finished, tables) if table.size]
    if not tables:
        return Estimate(mean=None, ci95=None, note=NONE_FINISHED)
    return _estimate([_part(table) for table in tables], 0.95, trained=trained, seeds=min(map(len, tables)))


def difference_of(of_a: Sequence[Table], of_b: Sequence[Table], *, trained: bool, level: float = 0.95) -> Estimate:
    """Returns the mean of a minus the mean of b, with its interval of `level`, user by user and seed by seed.

    Both have the same splits, seeds and users, in the same order. What only one side finished counts for that side, so
    that the difference is that of the means. A split without an episode that both finished gives no interval.
    """
    sides = _sides(of_a, of_b)
    if not sides:
        return Estimate(mean=None, ci95=None, note=NONE_FINISHED)
    parts = [_Part(a.mean - b.mean, a.spread - b.spread) for a, b, _ in sides]
    return _estimate(parts, level, trained=trained, seeds=min(seeds for *_, seeds in sides))


def ratio_of(of_a: Sequence[Table], of_b: Sequence[Table], *, trained: bool) -> Estimate:
    """Returns the mean of a divided by that of b; the interval is that of its logarithm (delta method)."""
    sides = _sides(of_a, of_b)
    if not sides:
        return Estimate(mean=None, ci95=None, note=NONE_FINISHED)
    mean_a, mean_b = float(np.mean([a.mean for a, *_ in sides])), float(np.mean([b.mean for _, b, _ in sides]))
    if mean_a <= 0 or mean_b <= 0:
        return Estimate(mean=None, ci95=None, note="not positive")
    parts = [_Part(a.mean / mean_a - b.mean / mean_b, a.spread / mean_a - b.spread / mean_b) for a, b, _ in sides]
    around = _estimate(parts, 0.95, trained=trained, seeds=min(seeds for *_, seeds in sides))
    ratio = mean_a / mean_b
    if around.ci95 is None:
        return Estimate(mean=ratio, ci95=None, note=around.note)
    low, high = (ratio * float(np.exp(end)) for end in around.ci95)
    return Estimate(mean=ratio, ci95=(low, high))


def difference_between(of_a: Table, of_b: Table) -> Estimate:
    """Returns the mean of a minus the mean of b for different users; tables of (1, users).

    The squares of the half-widths of both means are added.
    """
    a, b = mean_of([of_a], trained=False), mean_of([of_b], trained=False)
    if a.mean is None or b.mean is None:
        return Estimate(mean=None, ci95=None, note=NONE_FINISHED)
    mean = a.mean - b.mean
    if a.ci95 is None or b.ci95 is None:
        return Estimate(mean=mean, ci95=None, note=ONE_USER)
    half = float(np.hypot(a.ci95[1] - a.mean, b.ci95[1] - b.mean))
    return Estimate(mean=mean, ci95=(mean - half, mean + half))


def _sides(of_a: Sequence[Table], of_b: Sequence[Table]) -> list[tuple[_Part, _Part, int]]:
    """Returns for each split both sides, and the seeds that both finished; nothing if a split has no pair."""
    sides = []
    for a, b in zip(of_a, of_b, strict=True):
        both = ~(np.isnan(a) | np.isnan(b))
        if not both.any():
            return []
        met = ~(np.isnan(a) & np.isnan(b)).all(axis=0)
        sides.append((_part(a[:, met]), _part(b[:, met]), int(both.any(axis=1).sum())))
    return sides


def _finished(table: Table) -> Table:
    """Returns `table` without the seeds and users that finished nothing."""
    there = ~np.isnan(table)
    return np.asarray(table[there.any(axis=1)][:, there.any(axis=0)])


def _part(table: Table) -> _Part:
    """Returns the mean of `table`, and what moves it: a user and a seed by their weights.

    Without gaps all weights are equal, and the spread is the table minus its mean. A missing cell gets what its user
    and its seed have elsewhere; a missing user moves nothing.
    """
    there = ~np.isnan(table)
    of_user = there.sum(axis=0)
    users = of_user > 0
    mean = float((np.nansum(table, axis=0)[users] / of_user[users]).mean())
    if there.all():
        return _Part(mean, table - mean)
    filled = _filled(table, there)[:, users]
    rows = filled.mean(axis=1) - filled.mean()
    seed_weights = (there / np.maximum(of_user, 1)).sum(axis=1) * len(table) / users.sum()
    spread = np.zeros(table.shape)
    spread[:, users] = (filled - filled.mean() - rows[:, None]) * len(users) / users.sum()
    return _Part(mean, spread + (seed_weights * rows)[:, None])


def _filled(table: Table, there: NDArray[np.bool_]) -> Table:
    """Returns `table` with its gaps filled by the sum of a user's and a seed's part, as least squares fit them."""
    of_user, of_seed = np.maximum(there.sum(axis=0), 1), np.maximum(there.sum(axis=1), 1)[:, None]
    known = np.where(there, table, 0.0)
    rows = np.zeros((len(table), 1))
    for _ in range(_SWEEPS):
        columns = np.where(there, known - rows, 0.0).sum(axis=0) / of_user
        rows = np.where(there, known - columns, 0.0).sum(axis=1, keepdims=True) / of_seed
    return np.asarray(np.where(there, table, rows + columns))


def _estimate(parts: Sequence[_Part], level: float, *, trained: bool, seeds: int) -> Estimate:
    """Returns the mean over `parts`, one per split, and its interval; `seeds` counts those that were seen."""
    mean = float(np.mean([part.mean for part in parts]))
    if sum(part.spread.shape[1] - 1 for part in parts) == 0:
        return Estimate(mean=mean, ci95=None, note=ONE_USER)
    if trained and seeds < 2 and len(parts) < FEWEST_SPLITS:
        return Estimate(mean=mean, ci95=None, note=ONE_SEED)
    half = _half_width(parts, level, seeds=seeds if trained else 1)
    return Estimate(mean=mean, ci95=(mean - half, mean + half))


def _half_width(parts: Sequence[_Part], level: float, *, seeds: int) -> float:
    tables = [part.spread for part in parts]
    squared = _squared([table.mean(axis=0) for table in tables], level, [table.shape[1] - 1 for table in tables])
    if seeds > 1:
        of_seeds = _squared([table.mean(axis=1) for table in tables], level, [seeds - 1 for _ in tables])
        noise = [table - table.mean(axis=0) - table.mean(axis=1)[:, None] + table.mean() for table in tables]
        freedom = [(seeds - 1) * (table.shape[1] - 1) for table in tables]
        squared += max(0.0, of_seeds - _squared([each.reshape(-1) for each in noise], level, freedom))
    if len(parts) >= FEWEST_SPLITS:
        squared = max(squared, _squared([np.array([part.mean for part in parts])], level, [len(parts) - 1]))
    return float(np.sqrt(squared))


def _squared(values: Sequence[NDArray[np.float64]], level: float, freedom: Sequence[int]) -> float:
    """Returns the squared half-width of the t interval of the mean over splits of the means of `values`."""
    from scipy.special import stdtrit  # noqa: PLC0415 -- slow to import; scipy.stats would be slower still

    variances = [
        float(((each - each.mean()) ** 2).sum()) / max(free, 1) / len(each)
        for each, free in zip(values, freedom, strict=True)
    ]
    quantile = float(stdtrit(sum(freedom), (1 + level) / 2))
    return quantile**2 * sum(variances) / len(values) ** 2
