"""LinUCB (Li et al., WWW 2010), the hybrid form: one linear model for all items, and a part of each item's own.

It predicts the stars of a step, 0 if the user left with it; a bandit looks no further than that. The item's own part is
one number rather than a vector, and the two confidences are added.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from billp.agents.recommender import NO_ITEM, Observations, Recommender
from billp.agents.sampling import best
from billp.baselines.rivals.overlap import CategoryOverlap
from billp.baselines.rivals.rival import Material, RatedEpisode

_SPANS = ((0, 1), (1, 2), (2, 4), (4, 8))
"""Steps back that are looked at together."""

_FARTHEST = 8
_WIDTH = 2 * len(_SPANS) + 1
_ALPHA = 0.5  # standard deviations, of about a star, that are added to uncertain items in training
_OWN = 2.0  # answers by which an item's own part is shrunk towards 0


def features(overlap: CategoryOverlap, recent: NDArray[np.int64]) -> NDArray[np.float64]:
    """Returns the features of every category set after the last items `recent` (n, 8); shape (n, sets, 9).

    They are the highest overlap in each span, whether there is any, and 1.
    """
    alike = overlap.with_each(recent)[:, ::-1]  # newest first
    highest = [alike[:, start:stop].max(axis=1) for start, stop in _SPANS]
    parts = [*highest, *(share > 0 for share in highest), np.ones_like(highest[0])]
    return np.stack(parts, axis=2).astype(np.float64)


@dataclass(frozen=True, eq=False)
class UpperBounds:
    """Recommends the item of the highest upper bound; ties by index.

    `spread` (9, 9) is the inverse of the shared model's Gram matrix.
    """

    overlap: CategoryOverlap
    weights: NDArray[np.float64]
    spread: NDArray[np.float64]
    own: NDArray[np.float64]
    counts: NDArray[np.float64]
    alpha: float

    def choose(self, seen: Observations) -> NDArray[np.int64]:
        """Returns the next item of each user, shape (n,)."""
        known = features(self.overlap, seen.recent(_FARTHEST))
        bound = (known * self.weights).sum(axis=2)
        if self.alpha:
            doubt = np.zeros_like(bound)
            for column in range(_WIDTH):
                doubt += known[..., column] * (known * self.spread[column]).sum(axis=2)
            bound += self.alpha * np.sqrt(np.maximum(doubt, 0))
        scores = self.own + self.alpha / np.sqrt(self.counts + 1)
        return best(self.overlap.of_items(bound) + scores, ~seen.masked)


class LinUCB:
    """Learns from the answers of its training episodes; reads no log and asks no LLM."""

    def __init__(self, material: Material) -> None:
        self._overlap = material.overlap
        self._gram = np.eye(_WIDTH)
        self._sums = np.zeros(_WIDTH)
        n_items = material.world.n_items
        self._counts, self._totals = np.zeros(n_items), np.zeros(n_items)
        self._seen = np.zeros((n_items, _WIDTH))  # sums of features by item, for its residuals

    @property
    def chosen(self) -> dict[str, float]:
        """Empty: nothing is tuned."""
        return {"alpha": _ALPHA}

    def recommender(self, *, explore: bool) -> Recommender:
        """Returns a recommender by expected stars; with `explore` by the upper confidence bound."""
        spread = np.linalg.inv(self._gram).astype(np.float64)
        weights = spread @ self._sums
        own = (self._totals - self._seen @ weights) / (self._counts + _OWN)
        return UpperBounds(self._overlap, weights, spread, own, self._counts.copy(), _ALPHA if explore else 0.0)

    def learn(self, lessons: Sequence[RatedEpisode]) -> None:
        """Adds the answers to its sums."""
        for lesson in lessons:
            items = np.asarray(lesson.items, dtype=np.int64)
            stars = np.asarray(lesson.rewards, dtype=np.float64).copy()
            if lesson.left:
                stars[-1] = 0
            padded = np.concatenate([np.full(_FARTHEST, NO_ITEM), items])
            recent = np.lib.stride_tricks.sliding_window_view(padded, _FARTHEST)[: len(items)]
            known = features(self._overlap, recent)[np.arange(len(items)), self._overlap.set_of[items]]
            self._gram += known.T @ known
            self._sums += known.T @ stars
            np.add.at(self._counts, items, 1.0)
            np.add.at(self._totals, items, stars)
            np.add.at(self._seen, items, known)
