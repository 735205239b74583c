"""Measures of how close two items are, in whole levels: by categories, vectors, years and ratings in logs."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from billp.catalogue import Catalogue

Indices = NDArray[np.int64]
Levels = NDArray[np.uint8]
"""How close items are: 0 not at all, then 1, 2, ... up to the number of a measure's steps."""

CATEGORY_STEPS = (0.48, 0.56, 0.62, 0.7, 0.85, 0.95)
"""Similarities of category profiles that separate levels.

Two items of one category each that differ have 0, two of two each 0.5, two of three each 0.67: an item with many
categories is near many others.
"""

YEAR_STEPS = (10, 4, 1)
"""Most years apart at each level."""

RATING_STEPS = (30, 10, 3)
"""Upper bounds of each level on the ratings of the item that fewer users rated.

Little is known of such an item, and a rating model puts all such items near each other.
"""

_RARE = (0.9, 0.97, 0.995)  # quantiles of the similarity of random pairs that separate the levels of vectors
_PAIRS = 20_000  # random pairs that tell these quantiles
_WIDTH = 48  # dimensions that vectors are projected to, so that a step is fast in a large catalogue
_SAMPLE = 4_000  # items that the directions of the projection are computed from
_LAST_DIGITS = 1e-5  # tolerance, so that a cosine equal to a quantile counts as such despite rounding


class Measure(Protocol):
    """One way to say how close two items are."""

    name: str
    steps: int
    """Levels above 0."""

    def to(self, item: int) -> Levels:
        """Returns how close every item is to `item`, shape (items,)."""

    def between(self, items: Indices, others: Indices) -> Levels:
        """Returns how close `items[k]` is to `others[k]`, shape (n,)."""


class ByCategories:
    """Similarity of two items' distributions over categories, each uniform over the item's categories."""

    name, steps = "categories", len(CATEGORY_STEPS)

    def __init__(self, catalogue: Catalogue) -> None:
        self._sizes = np.array([len(item.categories) for item in catalogue], dtype=np.float32)
        self._categories = [frozenset(item.categories) for item in catalogue]
        members: dict[str, list[int]] = {}
        for item in catalogue:
            for name in item.categories:
                members.setdefault(name, []).append(item.index)
        self._members = {name: np.array(items) for name, items in members.items()}

    def to(self, item: int) -> Levels:
        both = np.zeros(len(self._sizes), dtype=np.float32)
        for name in self._categories[item]:
            both[self._members[name]] += 1
        return self._levels(both, self._sizes, self._sizes[item])

    def between(self, items: Indices, others: Indices) -> Levels:
        pairs = zip(items.tolist(), others.tolist(), strict=True)
        both = np.array([len(self._categories[a] & self._categories[b]) for a, b in pairs], dtype=np.float32)
        return self._levels(both, self._sizes[items], self._sizes[others])

    @staticmethod
    def _levels(
        both: NDArray[np.float32], sizes: NDArray[np.float32], other_sizes: NDArray[np.float32] | np.float32
    ) -> Levels:
        """Returns levels of 1 minus half the squared distance of the distributions; `both` counts shared categories.

        Items without categories are close to none.
        """
        first, second = np.maximum(sizes, 1), np.maximum(other_sizes, 1)
        similar = 1 - (1 / first + 1 / second - 2 * both / (first * second)) / 2
        similar = np.where((sizes > 0) & (other_sizes > 0), similar, 0).astype(np.float32)
        return np.asarray(np.searchsorted(CATEGORY_STEPS, similar, side="right"), dtype=np.uint8)


class ByVectors:
    """The cosine of two items' vectors, as a level among those of random pairs."""

    steps = len(_RARE)

    def __init__(self, name: str, vectors: NDArray[np.float32]) -> None:
        """Takes the measure's name and `vectors` (items, d)."""
        self.name = name
        self._vectors = _projected(vectors)
        self._quantiles = _quantiles(self._vectors)

    def to(self, item: int) -> Levels:
        cosine = self._vectors @ self._vectors[item]
        return np.asarray(np.searchsorted(self._quantiles, cosine, side="right"), dtype=np.uint8)

    def between(self, items: Indices, others: Indices) -> Levels:
        cosine = np.einsum("ij,ij->i", self._vectors[items], self._vectors[others])
        return np.asarray(np.searchsorted(self._quantiles, cosine, side="right"), dtype=np.uint8)


class ByYear:
    """How few years are between two items; one without a year is close to none."""

    name, steps = "year", len(YEAR_STEPS)

    def __init__(self, catalogue: Catalogue) -> None:
        self._years = np.array([np.nan if item.year is None else item.year for item in catalogue], dtype=np.float32)

    def to(self, item: int) -> Levels:
        return self._levels(self._years - self._years[item])

    def between(self, items: Indices, others: Indices) -> Levels:
        return self._levels(self._years[items] - self._years[others])

    @staticmethod
    def _levels(apart: NDArray[np.float32]) -> Levels:
        return np.asarray((np.abs(apart)[..., None] <= np.array(YEAR_STEPS)).sum(axis=-1), dtype=np.uint8)


class ByRatings:
    """How few ratings in the logs one of two items has."""

    name, steps = "few ratings", len(RATING_STEPS)

    def __init__(self, counts: NDArray[np.float64]) -> None:
        """Takes `counts` (items,) of the train users' ratings."""
        self._own = (counts[:, None] < np.array(RATING_STEPS)).sum(axis=1).astype(np.uint8)

    def to(self, item: int) -> Levels:
        return np.asarray(np.maximum(self._own, self._own[item]))

    def between(self, items: Indices, others: Indices) -> Levels:
        return np.asarray(np.maximum(self._own[items], self._own[others]))


def _projected(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Returns unit vectors along the directions in which a sample of `vectors` differs most."""
    sample = vectors[np.random.default_rng(0).permutation(len(vectors))[:_SAMPLE]]
    _, _, directions = np.linalg.svd(sample - sample.mean(axis=0), full_matrices=False)
    narrow = (vectors - sample.mean(axis=0)) @ directions[:_WIDTH].T
    return np.asarray(narrow / np.maximum(np.linalg.norm(narrow, axis=1, keepdims=True), 1e-9), dtype=np.float32)


def _quantiles(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    rng = np.random.default_rng(0)
    first, second = rng.integers(len(vectors), size=(2, _PAIRS))
    apart = first != second
    cosine = np.einsum("ij,ij->i", vectors[first[apart]], vectors[second[apart]])
    quantiles = np.quantile(cosine, _RARE) if len(cosine) else np.full(len(_RARE), 2.0)
    return np.asarray(quantiles - _LAST_DIGITS, dtype=np.float32)
