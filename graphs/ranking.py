"""Chooses from the whole catalogue by what memory knows: items that keep the user first, then items that are liked.

Each item is worth the stars expected of it minus the cost of the risk that the user leaves: Q(s, a) = v(a) - P(leave |
s, a) times the stars that would still come. These are some 20 steps' worth of stars, so that one percent more risk
weighs as much as most differences between items: retention decides first, and the item effect among the items that keep
the user.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from billp.agents.closeness import Closeness
from billp.agents.recommender import NO_ITEM, Observations
from billp.errors import EpisodeError
from billp.graphs.finished_steps import FinishedSteps
from billp.memory.experiences import Outcome
from billp.memory.item_values import ItemValues, Observed, fit_values
from billp.memory.leaving import LONGEST, Leaving, fit_leaving

Floats = NDArray[np.float64]

_MOST_LEAVE, _TYPICAL_STARS = 0.05, 4.0  # most leaving, and stars per step, that the cost of leaving assumes
_LEAST_DEVIATION = 0.02  # stars: what items surely differ by, so that chance decides where none is known to be better
_LOGISTIC = 1.702  # the logistic function of 1.702 z is within 0.01 of the normal distribution's


@dataclass(frozen=True, eq=False)
class Beliefs:
    """What is believed of items and of leaving, as learned so far."""

    values: ItemValues
    leaving: Leaving
    closeness: Closeness
    support: Floats
    """(items,) ratings and answers that the values come from."""
    steps: FinishedSteps
    """The steps that the rates of leaving come from."""

    @cached_property
    def dislike(self) -> Floats:
        """(items,) rate of leaving because of the stars given; higher for items hardly known."""
        return self.dislike_of(self.values.mean, self.values.spread + self.values.variance)

    @cached_property
    def deviation(self) -> float:
        """Standard deviation, in stars, of what is expected of the items."""
        return max(float(self.values.mean.std()), _LEAST_DEVIATION)

    @cached_property
    def tables(self) -> list[Floats]:
        """Rates of a pair by how far back and how close it is, as `Leaving.tables`."""
        return self.leaving.tables(self.leaving.rates)

    def dislike_of(self, values: Floats, variances: Floats | float) -> Floats:
        """Returns (items,) mean rate over answers distributed about `values` with `variances`, in whole stars."""
        edges = (1.5, 2.5, 3.5, 4.5)
        deviations = np.sqrt(variances)
        below = [1 / (1 + np.exp(-_LOGISTIC * (edge - values) / deviations)) for edge in edges]
        bounds = [np.zeros_like(values), *below, np.ones_like(values)]
        rates = self.leaving.star_rates
        return np.asarray(sum(rates[star] * (bounds[star + 1] - bounds[star]) for star in range(len(rates))))

    def closeness_rates(self, recent: Sequence[int], tables: Sequence[Floats]) -> Floats:
        """Returns (items,) rate of leaving because of closeness to `recent`, newest last."""
        rates = np.zeros(len(self.values.mean))
        for back, item in enumerate(reversed([item for item in recent if item != NO_ITEM])):
            levels = self.closeness.to(item)
            for measure, table in enumerate(tables):
                if table[back, -1] > 0:
                    rates += table[back].take(levels[measure])
        return rates


@dataclass(frozen=True, eq=False)
class Weighing:
    """What is expected of every item for one user: `scores` for the choice, `values` in stars, `leaves` in 0..1."""

    scores: Floats
    values: Floats
    leaves: Floats


@dataclass(frozen=True, eq=False)
class MemoryRecommender:
    """Recommends by beliefs. With `explores` they are drawn from their posteriors at each step (Thompson sampling).

    `leave_cost` is the cost of leaving, in stars. `variety` is the deviation of the random draw that gives users of
    equal prospects different items, as a share of the deviation of the items' expected stars.
    """

    beliefs: Beliefs
    explores: bool
    leave_cost: float
    variety: float

    def choose(self, seen: Observations) -> NDArray[np.int64]:
        """Returns the best item of each user, shape (n,); raises EpisodeError where every item of a user is masked."""
        if seen.masked.all(axis=1).any():
            raise EpisodeError("Every item was shown already; use a larger catalogue or set actor.mask_shown to false.")
        recent = seen.recent(LONGEST)
        return np.array(
            [
                self.weigh(recent[row], seen.masked[row], int(seen.seeds[row])).scores.argmax()
                for row in range(len(seen))
            ],
            dtype=np.int64,
        )

    def weigh(self, recent: NDArray[np.int64], masked: NDArray[np.bool_], seed: int) -> Weighing:
        """Returns what is expected of every item after `recent` (newest last); masked ones score -inf."""
        rng, beliefs = np.random.default_rng(seed), self.beliefs
        if self.explores:
            values = beliefs.values.draw(rng)
            dislike = beliefs.dislike_of(values, beliefs.values.spread)
            tables = beliefs.leaving.tables(beliefs.leaving.draw(rng))
        else:
            values, dislike, tables = beliefs.values.mean, beliefs.dislike, beliefs.tables
        leaves = -np.expm1(-(dislike + beliefs.closeness_rates(recent.tolist(), tables)))
        scores = values - self.leave_cost * leaves
        if self.variety and not self.explores:
            scores = scores + self.variety * beliefs.deviation * rng.standard_normal(len(scores))
        return Weighing(np.where(masked, -np.inf, scores), values, leaves)


def different(weighing: Weighing, closeness: Closeness, count: int) -> list[int]:
    """Returns at most `count` items that may be recommended, best first, each close to as few before it as possible."""
    chosen: list[int] = []
    scores = weighing.scores.copy()
    possible = scores[np.isfinite(scores)]
    apart = np.ptp(possible) + 1 if len(possible) else 0.0  # puts what is close to one more item after all that are not
    while len(chosen) < count and np.isfinite(scores[item := int(scores.argmax())]):
        chosen.append(item)
        scores[closeness.alike(item)] -= apart
        scores[item] = -np.inf
    return chosen


def leave_cost_of(leaving: Leaving, gamma: float, caution: float) -> float:
    """Returns the stars that leaving costs: `caution` times the discounted stars of the steps that it prevents.

    A user who leaves after one step in twenty, or fewer, brings 4 stars per step: 4 / (1 - gamma (1 - share)). A
    `caution` above one allows for users who differ from those that were learned from.
    """
    return caution * _TYPICAL_STARS / (1 - gamma * (1 - min(max(leaving.usual, 0.0), _MOST_LEAVE)))


def believe(
    closeness: Closeness,
    known: tuple[Floats, Floats, slice],
    logs: Observed,
    outcomes: Iterable[Outcome],
    *,
    answer_doubt: float,
    values: bool = True,
) -> Beliefs:
    """Returns beliefs from `outcomes`, in any order; without `values`, answers teach nothing about items."""
    ordered = sorted(outcomes, key=lambda outcome: outcome.id)
    items = np.array([outcome.item for outcome in ordered], dtype=np.int64)
    stars = np.array([outcome.reward for outcome in ordered], dtype=np.float64)
    n_items = len(known[0])
    answers = Observed.of(n_items, items, stars, answer_doubt) if values else Observed.nothing(n_items)
    steps = FinishedSteps.of(closeness, ordered)
    return Beliefs(
        fit_values(known[0], known[1], logs, answers, known[2]),
        fit_leaving(closeness.names, closeness.steps, steps.departures, logs=bool(logs.counts.any())),
        closeness,
        logs.counts + answers.counts,
        steps,
    )
