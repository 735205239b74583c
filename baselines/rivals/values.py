"""Item values learned from users' answers: a ridge regression on item features, plus a part of each item's own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from billp.catalogue import Catalogue

_RIDGE = 1.0
_OWN = 2.0  # answers by which an item's own part is shrunk towards 0
_MOST = 256  # categories, the most frequent ones, that have a weight
_DECADE = 10.0


class ItemFeatures:
    """(1, year, year squared, a one for each category) of every item.

    Years are in decades from their mean, 0 if unknown.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        count = Counter(category for item in catalogue for category in item.categories)
        kept = {name: place for place, (name, _) in enumerate(count.most_common(_MOST))}
        pairs = [(item.index, kept[name]) for item in catalogue for name in set(item.categories) if name in kept]
        self._owners, self._members = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
        years = np.array([np.nan if item.year is None else float(item.year) for item in catalogue])
        known = ~np.isnan(years)
        usual = years[known].mean() if known.any() else 0.0
        ages = np.where(known, (years - usual) / _DECADE, 0.0)
        self._plain = np.stack([np.ones(len(catalogue)), ages, ages**2], axis=1)
        self.size = self._plain.shape[1] + len(kept)

    def of(self, items: NDArray[np.int64]) -> NDArray[np.float64]:
        """Returns the features of `items` (k,); shape (k, size)."""
        dense = np.zeros((len(items), self.size))
        dense[:, :3] = self._plain[items]
        place = np.full(len(self._plain), -1)
        place[items] = np.arange(len(items))
        mine = place[self._owners] >= 0
        dense[place[self._owners[mine]], 3 + self._members[mine]] = 1
        return dense

    def sums(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Returns every item's features times `weights` (size,); shape (items,)."""
        own = np.bincount(self._owners, weights[3:][self._members], minlength=len(self._plain))
        return np.asarray(self._plain @ weights[:3] + own)


class ItemValues:
    """v = w.x + S / (N + 2): w by ridge on all answers, N and S the number and the residual sum of an item's own."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._features = ItemFeatures(catalogue)
        self.counts = np.zeros(len(catalogue))
        self._totals = np.zeros(len(catalogue))

    def add(self, items: Sequence[int], stars: Sequence[float]) -> None:
        """Adds answers, one for each of `items`."""
        np.add.at(self.counts, list(items), 1.0)
        np.add.at(self._totals, list(items), list(stars))

    def values(self) -> NDArray[np.float64]:
        """Returns (items,) values in stars; 0 for all before the first answer."""
        answered = np.flatnonzero(self.counts)
        if not len(answered):
            return np.zeros(len(self.counts))
        x, count, total = self._features.of(answered), self.counts[answered], self._totals[answered]
        gram = (x * count[:, None]).T @ x + _RIDGE * np.eye(self._features.size)
        weights = np.linalg.solve(gram, x.T @ total).astype(np.float64)
        linear = self._features.sums(weights)
        return np.asarray(linear + (self._totals - self.counts * linear) / (self.counts + _OWN))
