"""Item values: one posterior over items from their features, the logs' ratings and the answers in memory.

The stars that item i gets on average are v_i = x_i . w + u_i: a linear part in what is known of the item (categories,
year, what a language model says of it) and a part of its own, u_i ~ N(0, tau^2). Both have closed Gaussian posteriors
(a Bayesian linear mixed model; Gelman & Hill 2007, chapter 12), from which training draws (Thompson sampling, Chapelle
& Li 2011) and of which evaluation takes the mean. Observations of an item are averages with a known error: of its
ratings in the logs, and of the answers in memory.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from billp.catalogue import Catalogue

Floats = NDArray[np.float64]

_MOST_CATEGORIES = 64  # the most frequent ones, so that the matrix of features is narrow
_USUAL, _USUAL_DOUBT = 3.3, 1.5  # prior mean of an item in stars, and its deviation
_CATEGORY_DOUBT, _YEAR_DOUBT, _KNOWLEDGE_DOUBT = 0.3, 0.2, 0.2  # stars: prior deviations of the weights
_OWN, _OWN_WEIGHT = 0.12, 10.0  # prior variance of an item's own part, and its weight in items
_SPREAD, _SPREAD_WEIGHT = 0.4, 20.0  # prior variance of answers about one item's mean, and its weight in answers
_LOG_SPREAD = 1.0  # variance of ratings in logs about an item's mean
_ROUNDS = 4  # rounds of estimating the variances and the posterior in turn


@dataclass(frozen=True, eq=False)
class Observed:
    """The observations of each item: `counts` (items,), their `sums` and sums of `squares` in stars.

    `doubt` is the variance by which the mean of even many observations of an item may be off.
    """

    counts: Floats
    sums: Floats
    squares: Floats
    doubt: float = 0.0

    @classmethod
    def nothing(cls, items: int) -> Observed:
        """Returns no observation for each of `items` items."""
        return cls(np.zeros(items), np.zeros(items), np.zeros(items))

    @classmethod
    def of(cls, n_items: int, items: NDArray[np.int64], stars: Floats, doubt: float = 0.0) -> Observed:
        """Returns the observations `stars[k]` of `items[k]`."""
        return cls(
            np.bincount(items, minlength=n_items).astype(np.float64),
            np.bincount(items, weights=stars, minlength=n_items).astype(np.float64),
            np.bincount(items, weights=stars * stars, minlength=n_items).astype(np.float64),
            doubt,
        )

    @property
    def means(self) -> Floats:
        """(items,) in stars; 0 where nothing was observed."""
        return np.asarray(self.sums / np.maximum(self.counts, 1))


@dataclass(frozen=True, eq=False)
class ItemValues:
    """The posterior: `mean` and `variance` (items,) of v_i, and the numbers that they are made of.

    `spread` is the variance of single answers about v_i, `weights` are the weights of the columns of what is known with
    their covariance, and `bias` is by how many stars answers exceed the logs. `known` (items, p) is what is known of
    the items, `own` and `own_variance` (items,) the items' own parts given the weights' means, `linear` (items,) the
    share of a change of the linear part that remains in v_i: 1 where nothing was observed of the item, less where its
    own part makes up for it.
    """

    mean: Floats
    variance: Floats
    spread: float
    bias: float
    weights: Floats
    covariance: Floats
    known: Floats
    own: Floats
    own_variance: Floats
    linear: Floats
    knowledge: slice = field(default_factory=lambda: slice(0, 0))
    """The columns that hold a language model's knowledge."""
    _root: Floats = field(init=False)

    def __post_init__(self) -> None:
        root = np.linalg.cholesky(self.covariance + 1e-12 * np.eye(len(self.weights)))
        object.__setattr__(self, "_root", root)

    def draw(self, rng: np.random.Generator) -> Floats:
        """Returns (items,) values drawn from the posterior."""
        apart = self.known @ (self._root @ rng.standard_normal(len(self.weights)))
        noise = np.sqrt(self.own_variance) * rng.standard_normal(len(self.own))
        return np.asarray(self.mean + self.linear * apart + noise)


def known_of(catalogue: Catalogue, knowledge: Floats | None = None) -> tuple[Floats, Floats, slice]:
    """Returns what is known of items without any rating.

    It is columns (items, p), prior deviations (p,), and which columns are knowledge. Columns: 1, the most frequent
    categories, year and its square (standardised), and `knowledge` (items, k), which is what a language model says of
    items, NaN where it was not asked.
    """
    counts: dict[str, int] = {}
    for item in catalogue:
        for name in item.categories:
            counts[name] = counts.get(name, 0) + 1
    frequent = sorted(counts, key=lambda name: (-counts[name], name))[:_MOST_CATEGORIES]
    place = {name: column for column, name in enumerate(frequent)}
    members = np.zeros((len(catalogue), len(frequent)))
    for item in catalogue:
        for name in item.categories:
            if name in place:
                members[item.index, place[name]] = 1
    years = _standardised(np.array([np.nan if item.year is None else item.year for item in catalogue], dtype=float))
    said = np.zeros((len(catalogue), 0)) if knowledge is None else knowledge
    said = np.column_stack([_standardised(column) for column in said.T]) if said.shape[1] else said
    known = np.column_stack([np.ones(len(catalogue)), members, years, years**2, said])
    doubts = [_USUAL_DOUBT, *[_CATEGORY_DOUBT] * len(frequent), *[_YEAR_DOUBT] * 2, *[_KNOWLEDGE_DOUBT] * said.shape[1]]
    return known, np.array(doubts), slice(known.shape[1] - said.shape[1], known.shape[1])


def fit_values(
    known: Floats, doubts: Floats, logs: Observed, answers: Observed, knowledge: slice = slice(0, 0)
) -> ItemValues:
    """Returns the posterior given what is known of items and what was observed of them; see the module.

    The variances are estimated from the data in turn with the posterior, and kept near their usual values if there is
    little data (empirical Bayes).
    """
    prior = np.zeros(known.shape[1])
    prior[0] = _USUAL
    precision = np.diag(1 / doubts**2)
    own, spread, bias = _OWN, _SPREAD, 0.0
    from_logs = np.where(logs.counts > 0, logs.counts / (_LOG_SPREAD + logs.doubt * logs.counts), 0.0)
    answered = answers.counts > 0
    for _ in range(_ROUNDS):
        from_answers = np.where(answered, 1 / (answers.doubt + spread / np.maximum(answers.counts, 1)), 0.0)
        total = from_logs + from_answers
        seen = np.flatnonzero(total > 0)
        averages = (from_logs * logs.means + from_answers * (answers.means - bias)) / np.maximum(total, 1e-12)
        weight = 1 / (own + 1 / total[seen])
        rows = known[seen]
        covariance = np.asarray(np.linalg.inv(precision + (rows * weight[:, None]).T @ rows), dtype=np.float64)
        weights = covariance @ (precision @ prior + (rows * weight[:, None]).T @ averages[seen])
        expected = known @ weights
        share = own * total / (own * total + 1)
        part = share * (averages - expected)
        own_variance = own * (1 - share)
        if len(seen) > _OWN_WEIGHT:
            own = float((np.sum(part[seen] ** 2 + own_variance[seen]) + _OWN_WEIGHT * _OWN) / (len(seen) + _OWN_WEIGHT))
        within = np.maximum(answers.squares - answers.counts * answers.means**2, 0).sum()
        spread = float((within + _SPREAD_WEIGHT * _SPREAD) / (answers.counts.sum() - answered.sum() + _SPREAD_WEIGHT))
        if answered.any() and logs.counts.any():
            trusted = from_answers[answered] * from_logs[answered] / np.maximum(total[answered], 1e-12)
            apart = answers.means[answered] - logs.means[answered]
            bias = float((trusted * apart).sum() / (trusted.sum() + 1 / _CATEGORY_DOUBT**2))
    # Given the weights v_i is (1 - share) x_i . w + share * average, so both parts are not independent.
    variance = (1 - share) ** 2 * np.einsum("ij,jk,ik->i", known, covariance, known) + own_variance
    return ItemValues(
        mean=expected + part + bias,
        variance=variance,
        spread=spread,
        bias=bias,
        weights=weights,
        covariance=np.asarray(covariance, dtype=np.float64),
        known=known,
        own=part,
        own_variance=own_variance,
        linear=1 - share,
        knowledge=knowledge,
    )


def _standardised(column: Floats) -> Floats:
    """Returns the column with mean 0 and deviation 1, 0 where it is NaN."""
    there = np.isfinite(column)
    if there.sum() < 2 or np.ptp(column[there]) == 0:
        return np.zeros(len(column))
    return np.where(there, (column - column[there].mean()) / column[there].std(), 0.0)
