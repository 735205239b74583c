"""How well values predict returns: bias, variance, error, rank correlation, and bins for a reliability plot."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from billp.graphs.state import Trajectory

_UNSEEN = 0.01
"""Share of the highest return that rewards after the horizon may add before a state's return counts as unknown."""


def monte_carlo_returns(rewards: Sequence[float], gamma: float) -> list[float]:
    """Returns G of the state before each step: the sum of gamma^k r from there on (Sutton & Barto, 3.3)."""
    found: list[float] = []
    following = 0.0
    for reward in reversed(rewards):
        following = reward + gamma * following
        found.append(following)
    return found[::-1]


def known_returns(done: Trajectory, gamma: float) -> list[float | None]:
    """Returns G of the state before each step of a finished episode, None where the horizon hides too much of it.

    If the user left, nothing follows and every return is known. If the horizon was reached, m seen rewards leave out at
    most gamma^m of the highest return; a state counts while that is at most 1%, so that no tail is made up and no
    truncated sum is taken for the whole.
    """
    returns = monte_carlo_returns([step["reward"] for step in done["steps"]], gamma)
    if done["ended"] != "horizon":
        return list(returns)
    return [value if gamma ** (len(returns) - position) <= _UNSEEN else None for position, value in enumerate(returns)]


_BINS = 10
Numbers: TypeAlias = NDArray[np.float64]


class ReliabilityBin(BaseModel):
    """States whose values are in [low, high]: their mean value and mean return."""

    model_config = ConfigDict(frozen=True)

    low: float
    high: float
    states: int
    mean_value: float
    mean_return: float


class Reliability(BaseModel):
    """Values against returns over the same states; numbers are None if there are too few states.

    With the error e = V - G: `bias` is its mean, `variance` its variance (divided by n), and `rmse`^2 = `bias`^2 +
    `variance`.
    """

    model_config = ConfigDict(frozen=True)

    states: int
    mean_value: float | None
    mean_return: float | None
    bias: float | None
    variance: float | None
    rmse: float | None
    rank_correlation: float | None
    """Spearman's rho; None where all values, or all returns, are the same."""
    bins: list[ReliabilityBin]


def reliability(values: Sequence[float], returns: Sequence[float]) -> Reliability:
    """Compares `values` (states,) with `returns` (states,)."""
    foretold, came = np.asarray(values, dtype=np.float64), np.asarray(returns, dtype=np.float64)
    if foretold.shape != came.shape or foretold.ndim != 1:
        raise ValueError(f"values of shape {foretold.shape} do not go with returns of shape {came.shape}")
    if not len(foretold):
        return Reliability(
            states=0, mean_value=None, mean_return=None, bias=None, variance=None, rmse=None,
            rank_correlation=None, bins=[],
        )  # fmt: skip
    error = foretold - came
    return Reliability(
        states=len(error),
        mean_value=float(foretold.mean()),
        mean_return=float(came.mean()),
        bias=float(error.mean()),
        variance=float(error.var()),
        rmse=float(np.sqrt(np.square(error).mean())),
        rank_correlation=rank_correlation(foretold, came),
        bins=_binned(foretold, came),
    )


def rank_correlation(first: Numbers, second: Numbers) -> float | None:
    """Returns Spearman's rho in [-1, 1]: Pearson's correlation of the ranks, ties sharing their mean rank."""
    one, two = _ranks(first), _ranks(second)
    one, two = one - one.mean(), two - two.mean()
    spread = float(np.sqrt((one @ one) * (two @ two)))
    return min(1.0, max(-1.0, float(one @ two) / spread)) if spread else None


def _ranks(numbers: Numbers) -> Numbers:
    """Returns (n,) ranks from 1; equal numbers get the mean of their ranks."""
    _, place, counts = np.unique(numbers, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return np.asarray((last - (counts - 1) / 2)[place], dtype=np.float64)


def _binned(values: Numbers, returns: Numbers) -> list[ReliabilityBin]:
    """Returns at most ten bins of about as many states each, by value; equal values are in one bin."""
    edges = np.unique(np.quantile(values, np.linspace(0, 1, _BINS + 1)))
    place = np.searchsorted(edges[1:-1], values, side="left")
    return [
        ReliabilityBin(
            low=float(values[inside].min()),
            high=float(values[inside].max()),
            states=int(inside.sum()),
            mean_value=float(values[inside].mean()),
            mean_return=float(returns[inside].mean()),
        )
        for inside in (place == number for number in np.unique(place))
    ]
