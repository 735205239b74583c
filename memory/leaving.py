"""What makes users leave: the rates of causes, learned from the steps after which users left or stayed.

A recommendation may make its user leave by being close to a recent one, by each measure of closeness, and by the stars
that it gets. Causes act independently: the probability of staying is exp(-(sum of the rates of the active causes)), the
noisy-or of Pearl (1988). A cause is "at least this close, within the last k steps", as people would say it, so closer
and more recent items have at least the rate of others. Rates have Gamma posteriors, found by expectation maximisation:
an observed departure is divided among the active causes in proportion to their rates.

What makes some users leave makes others leave too, but what some tolerate others may not: two items that are apart for
them may be close for others. So no rate falls below a small one that others may have, or its prior if that is less.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SPANS = (1, 2, 3, 4, 6, 8)
"""Numbers of last steps that a cause may look back on."""
LONGEST = SPANS[-1]
_SHORTEST = np.searchsorted(SPANS, np.arange(LONGEST), side="right")  # place of the shortest span that reaches back
STARS = 5

# Constants tuned on splits 0 and 4 to 8 of ml-100k, with the quit rules of docs/results/choice.md.
_BELIEF = 300.0  # weight of a rate's prior, in exposures
_OTHERS = 0.003  # highest rate for new users of a cause that never made a known user leave
_SHARES = {1: 0.01, 2: 0.01, 3: 0.01, 4: 1.0, 6: 0.01, 8: 0.01}
"""Shares of the prior rates by span: closeness is expected to bore within 4 steps (W in the paper)."""
_SHARES_WITH_LOGS = {**_SHARES, 6: 0.05, 8: 0.05}
"""Some users look back further. Who knows what is liked loses little by waiting longer, and soon sees it if none does;
without logs, items that are waited for are replaced by others that nothing is known of."""

_RATES = {  # prior rates of reaching each level of a measure within 4 steps
    "categories": (0.0007, 0.0033, 0.006, 0.02, 0.07, 0.1),
    "year": (0.0001, 0.0001, 0.0002),
    "few ratings": (0.0001, 0.001, 0.001),
}
_OTHER_RATE = 0.002  # prior rate of every level of all other measures
_STAR_RATES = (0.5, 0.3, 0.02, 0.01, 0.01)  # prior rates of an answer of one to five stars
_STAR_BELIEF = 20.0
_ROUNDS = 30


@dataclass(frozen=True, eq=False)
class Departures:
    """Steps of finished episodes, shape (n,) each: whether the user `left`, the `stars`, and how close the item was.

    `levels` (n, LONGEST, measures) is its closeness to the items shown 1, 2, ... steps before, 0 if there was none;
    `weights` (n, LONGEST) is 1 over the occurrences of that pair of items, so that the same pair counts once.
    """

    left: NDArray[np.bool_]
    stars: NDArray[np.int64]
    levels: NDArray[np.uint8]
    weights: Floats


@dataclass(frozen=True, eq=False)
class Cause:
    """A principle in numbers: closeness of at least `level` by `measure` within the last `span` steps."""

    measure: str
    level: int
    span: int
    rate: float
    exposures: float
    departures: float


@dataclass(frozen=True, eq=False)
class Leaving:
    """Posterior rates of leaving.

    `shapes` and `exposures` (causes,) are those of Gamma distributions, causes ordered by measure, span and level; no
    rate is below `least` (causes,). `star_rates` (STARS,) belong to answers of one to five stars. `usual` is the share
    of steps after which users left.
    """

    measures: tuple[str, ...]
    steps: tuple[int, ...]
    shapes: Floats
    exposures: Floats
    prior_shapes: Floats
    least: Floats
    star_rates: Floats
    usual: float

    def tables(self, rates: Floats) -> list[Floats]:
        """Returns for each measure the rate of a pair, (LONGEST, levels + 1), by steps back and closeness."""
        tables, start = [], 0
        for levels in self.steps:
            causes = rates[start : start + len(SPANS) * levels].reshape(len(SPANS), levels)
            start += causes.size
            reaching = np.zeros((len(SPANS), levels + 1))  # by the shortest span that reaches back so far
            for shortest in range(len(SPANS)):
                reaching[shortest, 1:] = causes[shortest:].sum(axis=0)
            tables.append(reaching.cumsum(axis=1)[_SHORTEST])
        return tables

    @property
    def rates(self) -> Floats:
        """(causes,) posterior means, at least `least`."""
        return np.maximum(self.shapes / self.exposures, self.least)

    def draw(self, rng: np.random.Generator) -> Floats:
        """Returns (causes,) rates drawn from the posterior."""
        return np.maximum(rng.gamma(self.shapes, 1 / self.exposures), self.least)

    def causes(self) -> list[Cause]:
        """Returns the causes with their evidence, most departures first."""
        found, start, rates = [], 0, self.rates
        for measure, levels in zip(self.measures, self.steps, strict=True):
            for position, span in enumerate(SPANS):
                for level in range(1, levels + 1):
                    at = start + position * levels + level - 1
                    found.append(
                        Cause(
                            measure,
                            level,
                            span,
                            float(rates[at]),
                            float(self.exposures[at] - _BELIEF),
                            float(self.shapes[at] - self.prior_shapes[at]),
                        )
                    )
            start += len(SPANS) * levels
        return sorted(found, key=lambda cause: (-cause.departures, -cause.rate))


def fit_leaving(measures: Sequence[str], steps: Sequence[int], seen: Departures, *, logs: bool) -> Leaving:
    """Returns the posterior rates given what was `seen`; with nothing seen, the prior.

    `logs` says whether logs tell what is liked; with them, users are expected to look back further.
    """
    prior = _prior(measures, steps, _SHARES_WITH_LOGS if logs else _SHARES)
    counts, weighted = _exposed(steps, seen)
    exposures = _BELIEF + weighted.sum(axis=0)
    star_prior = np.array(_STAR_RATES) * _STAR_BELIEF
    star_exposures = _STAR_BELIEF + np.bincount(seen.stars - 1, minlength=STARS)[:STARS]
    rates, star_rates = prior / _BELIEF, np.array(_STAR_RATES)
    shapes, star_shapes = prior, star_prior
    for _ in range(_ROUNDS if len(seen.left) else 0):
        total = counts @ rates + star_rates[seen.stars - 1]
        # Expected events, given at least one, of a Poisson count with mean `total`.
        events = np.where(seen.left, 1 / -np.expm1(-np.maximum(total, 1e-9)), 0.0)
        shapes = prior + rates * (weighted.T @ events)
        star_shapes = star_prior + star_rates * np.bincount(seen.stars - 1, weights=events, minlength=STARS)[:STARS]
        rates, star_rates = shapes / exposures, star_shapes / star_exposures
    return Leaving(
        measures=tuple(measures),
        steps=tuple(steps),
        shapes=shapes,
        exposures=exposures,
        prior_shapes=prior,
        least=np.minimum(_prior(measures, steps, _SHARES) / _BELIEF, _OTHERS),
        star_rates=star_rates,
        usual=float(seen.left.mean()) if len(seen.left) else 0.0,
    )


def _prior(measures: Sequence[str], steps: Sequence[int], shares: Mapping[int, float]) -> Floats:
    shapes = []
    for measure, levels in zip(measures, steps, strict=True):
        rates = np.array(_RATES.get(measure, (_OTHER_RATE,) * levels))
        shapes += [rates * shares[span] * _BELIEF for span in SPANS]
    return np.concatenate(shapes)


def _exposed(steps: Sequence[int], seen: Departures) -> tuple[Floats, Floats]:
    """Returns (n, causes) twice: how many pairs make each cause active at each step, plain and weighted."""
    shape = len(seen.left), len(SPANS) * sum(steps)
    counts, weighted, start = np.empty(shape), np.empty(shape), 0  # filled in place, for they are large
    for measure, levels in enumerate(steps):
        reached = seen.levels[:, :, measure, None] >= np.arange(1, levels + 1)  # (n, LONGEST, levels)
        by_weight = reached * seen.weights[:, :, None]
        for span in SPANS:
            counts[:, start : start + levels] = reached[:, :span].sum(axis=1)
            weighted[:, start : start + levels] = by_weight[:, :span].sum(axis=1)
            start += levels
    return counts, weighted
