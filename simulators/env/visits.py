"""Days until a user's next visit, and the expected number of visits over weeks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from billp.errors import BadInputError

MOST_DAYS = 10
"""A user who has not come back before this day comes back on it, as in KuaiSim."""


@dataclass(frozen=True)
class ReturnModel:
    """The distribution of the days until a user's next visit, given how the last episode ended.

    On each day the user comes back with the probability p = sigmoid(logit(`usual`) + `content` c - `left` l), where c
    is the mean rating of the episode minus the user's usual rating, in stars, and l is 1 if the user left, 0 if he
    stayed to the horizon. So the days are geometric, and everything beyond MOST_DAYS falls on that day. The form, a
    distribution over ten days that depends on the state in which a session ends, is that of KuaiSim (Zhao et al.,
    NeurIPS 2023 Datasets and Benchmarks, arXiv 2309.12645), whose code starts from p = 0.7. There it is learned from
    when people came back; rating logs do not contain that, so the weights here are assumptions: they rank policies that
    are compared under one model, and do not predict how often people would come back.
    """

    usual: float = 0.7
    content: float = 0.5
    left: float = 2.0

    def chances(self, contents: NDArray[np.float64], left: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Returns the probability of each number of days 1..MOST_DAYS, shape (n, MOST_DAYS), after n episodes."""
        if not 0 < self.usual < 1:
            raise BadInputError(f"A usual chance of return of {self.usual} is none; take one between 0 and 1.")
        logits = np.log(self.usual / (1 - self.usual)) + self.content * contents - self.left * left
        daily = 1 / (1 + np.exp(-logits))[:, None]
        chances: NDArray[np.float64] = daily * (1 - daily) ** np.arange(MOST_DAYS)
        chances[:, -1] = 1 - chances[:, :-1].sum(axis=1)
        return chances

    def draw(
        self, contents: NDArray[np.float64], left: NDArray[np.bool_], rng: np.random.Generator
    ) -> NDArray[np.int64]:
        """Returns the days until the next visit, 1 to MOST_DAYS, shape (n,), drawn with `rng`."""
        reached = self.chances(contents, left).cumsum(axis=1)[:, :-1] <= rng.random(len(contents))[:, None]
        days: NDArray[np.int64] = reached.sum(axis=1, dtype=np.int64) + 1
        return days


def expected_visits(chances: Sequence[NDArray[np.float64]], days: int) -> NDArray[np.float64]:
    """Returns the expected visits of each user in the `days` that begin with a first one, which counts; shape (n,).

    `chances[u]`, of shape (episodes of u, MOST_DAYS), is the distribution of the return after each known episode of
    user u; each visit is one of these episodes, all equally likely. Exact, by the renewal equation: a visit falls on
    day d with the probability v(d) = sum over k of v(d - k) f(k), where f is the mean of the distributions and v(0) =
    1. Assumes that episodes do not depend on earlier visits, which holds for the simulated users.
    """
    if days < 1:
        raise BadInputError(f"A period of {days} days holds no visit; take one day or more.")
    returns = np.array([own.mean(axis=0) for own in chances]).reshape(-1, MOST_DAYS)
    visits = np.zeros((len(returns), days))
    visits[:, 0] = 1
    for day in range(1, days):
        back = min(day, MOST_DAYS)
        visits[:, day] = (visits[:, day - back : day][:, ::-1] * returns[:, :back]).sum(axis=1)
    expected: NDArray[np.float64] = visits.sum(axis=1)
    return expected
