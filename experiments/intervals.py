"""A mean and how far it can be trusted: bootstrap intervals over users, and over seeds where there are several."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

_RESAMPLES = 2000


class Estimate(BaseModel):
    """A mean and its 95% bootstrap interval; None where no episode was finished."""

    model_config = ConfigDict(frozen=True)

    mean: float | None
    ci95: tuple[float, float] | None


def estimate(values: NDArray[np.float64], seed: int = 0) -> Estimate:
    """Mean of `values` (users,) with a percentile bootstrap interval (Efron 1979) from 2,000 seeded resamples."""
    if not len(values):
        return Estimate(mean=None, ci95=None)
    rng = np.random.default_rng(seed)
    resampled = values[rng.integers(len(values), size=(_RESAMPLES, len(values)))].mean(axis=1)
    return between(float(values.mean()), resampled)


def estimate_seeds(table: NDArray[np.float64]) -> Estimate:
    """Mean over users of what each has on the average over seeds, from a `table` (seeds, users); NaN: not finished.

    With several seeds both are resampled: see `resampled_means`.
    """
    finished = table[:, ~np.isnan(table).all(axis=0)]
    if len(finished) < 2 or not finished.size:
        return estimate(finished.reshape(-1))
    return between(float(np.nanmean(finished, axis=0).mean()), resampled_means(finished[None])[:, 0])


def between(mean: float, resampled: NDArray[np.float64]) -> Estimate:
    """`mean` with the interval that holds 95% of the resampled ones."""
    low, high = np.quantile(resampled, [0.025, 0.975])
    return Estimate(mean=mean, ci95=(float(low), float(high)))


def resampled_means(tables: NDArray[np.float64], seed: int = 0) -> NDArray[np.float64]:
    """(resamples, k): the means of k tables (k, seeds, users) over drawn users and drawn seeds.

    Users are drawn, and seeds independently of them (the pigeonhole bootstrap of Owen 2007, doi 10.1214/07-AOAS122): a
    seed stands for a whole training with its own memory or policy, so its luck is shared by all of its users and must
    not be averaged away. (Where it stands for sampling alone, the interval is wider than it need be.) NaN, in all
    tables alike, is what was not finished; draws that hit nothing are left out.
    """
    _, seeds, users = tables.shape
    rng = np.random.default_rng(seed)
    # How often each user and each seed was drawn: a mean over a resample is a mean weighted by their product.
    of_users = rng.multinomial(users, np.full(users, 1 / users), size=_RESAMPLES).astype(np.float64)
    of_seeds = rng.multinomial(seeds, np.full(seeds, 1 / seeds), size=_RESAMPLES).astype(np.float64)
    here = (~np.isnan(tables[0])).astype(np.float64)
    counts = ((of_seeds @ here) * of_users).sum(axis=1)
    sums = np.stack([((of_seeds @ np.nan_to_num(table)) * of_users).sum(axis=1) for table in tables], axis=1)
    hit = counts > 0
    return np.asarray(sums[hit] / counts[hit, None], dtype=np.float64)
