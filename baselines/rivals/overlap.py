"""Overlap in categories of all items with the last recommendations, for many users at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from billp.agents.recommender import NO_ITEM

Shares = NDArray[np.float32]
Number = TypeVar("Number", bound=np.generic)


@dataclass(frozen=True, eq=False)
class CategoryOverlap:
    """Overlap of items, computed once for items of equal categories.

    `sets` (sets, words) are the different category sets as bits, `set_of` (items,) is the set of each item. The overlap
    of two items is the Jaccard index of their categories, 0 to 1; without categories it is 0. It is computed for all
    sets and the items asked for, so that nothing here is items x items.
    """

    sets: NDArray[np.uint64]
    sizes: NDArray[np.int16]
    set_of: NDArray[np.int64]

    @classmethod
    def of(cls, categories: NDArray[np.uint64]) -> CategoryOverlap:
        """Returns the overlap of items whose categories are the bit sets `categories` (items, words)."""
        sets, set_of = np.unique(categories, axis=0, return_inverse=True)
        return cls(sets, np.bitwise_count(sets).sum(axis=1).astype(np.int16), set_of.reshape(-1))

    def with_each(self, recent: NDArray[np.int64]) -> Shares:
        """Returns the overlap of every set with each item of `recent` (n, k), 0 for NO_ITEM; shape (n, k, sets)."""
        own = self.set_of[recent]
        common = np.zeros((*recent.shape, len(self.sets)), dtype=np.int16)
        for word in range(self.sets.shape[1]):
            column = self.sets[:, word]
            common += np.bitwise_count(column[own][..., None] & column)
        union = np.maximum(self.sizes[own][..., None] + self.sizes - common, 1)
        shares: Shares = common.astype(np.float32) / union.astype(np.float32)
        shares[recent == NO_ITEM] = 0
        return shares

    def highest(self, recent: NDArray[np.int64]) -> Shares:
        """Returns the highest overlap of every item with any of `recent` (n, k); shape (n, items)."""
        return self.of_items(self.with_each(recent).max(axis=1, initial=0))

    def of_items(self, of_sets: NDArray[Number]) -> NDArray[Number]:
        """Returns values by category set, (n, sets), as values by item, (n, items)."""
        return of_sets[:, self.set_of]

    def least(self, recent: NDArray[np.int64], masked: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Returns which items that are not `masked` (n, items) have the least `highest` overlap; shape (n, items)."""
        shares = self.highest(recent)
        shares[masked] = np.inf
        return np.asarray((shares == shares.min(axis=1)[:, None]) & ~masked)
