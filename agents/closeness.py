"""How close two items are, by each of several measures: what a principle of staying may speak of."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from billp.agents.recommender import NO_ITEM
from billp.catalogue import Catalogue

Indices = NDArray[np.int64]
Levels = NDArray[np.uint8]
"""How close items are: 0 not at all, then 1, 2, ... up to the number of a measure's steps."""

CATEGORY_STEPS = (0.56, 0.62, 0.7, 0.85, 0.95)
"""Similarities of category profiles that separate levels. Two items of one category each that differ have 0, two of
two each 0.5, two of three each 0.67: an item that is many things at once is near many others."""

_RARE = (0.9, 0.97, 0.995)  # quantiles of the similarity of random pairs that separate the levels of a vector measure
_PAIRS = 20_000  # random pairs that tell these quantiles
_WIDTH = 48  # vectors are projected to so many dimensions, so that a step stays fast in a large catalogue
_SAMPLE = 4_000  # items that tell in which directions to project
_LAST_DIGITS = 1e-5  # a cosine that is as large as a quantile counts as such, however it was rounded
_KEPT_BYTES = 64 * 2**20  # rows kept for items shown again


class Closeness:
    """Levels of closeness between items, by category profile and by each of some vector spaces.

    `names` are the measures, `steps` the number of levels above 0 of each. Memory grows with the number of items and
    not with its square: the row of an item is computed when it is asked for, and kept while there is room.
    """

    def __init__(self, catalogue: Catalogue, spaces: Mapping[str, NDArray[np.float32]] | None = None) -> None:
        """`spaces` maps the names of further measures to item vectors (items, d), compared by their cosine."""
        self._sizes = np.array([len(item.categories) for item in catalogue], dtype=np.float32)
        self._categories = [frozenset(item.categories) for item in catalogue]
        members: dict[str, list[int]] = {}
        for item in catalogue:
            for name in item.categories:
                members.setdefault(name, []).append(item.index)
        self._members = {name: np.array(items) for name, items in members.items()}
        self._spaces = {name: _projected(vectors) for name, vectors in (spaces or {}).items()}
        self._quantiles = {name: _quantiles(vectors) for name, vectors in self._spaces.items()}
        self.names: tuple[str, ...] = ("categories", *self._spaces)
        self.steps: tuple[int, ...] = (len(CATEGORY_STEPS), *(len(_RARE) for _ in self._spaces))
        self._rows: OrderedDict[int, Levels] = OrderedDict()
        self._room = max(16, _KEPT_BYTES // max(1, len(self.names) * len(catalogue)))
        self._lock = Lock()

    def to(self, item: int) -> Levels:
        """How close every item is to `item`, by each measure; shape (measures, items)."""
        with self._lock:
            if (row := self._rows.get(item)) is not None:
                self._rows.move_to_end(item)
                return row
        row = np.stack([self._by_categories(item), *(self._by_vectors(name, item) for name in self._spaces)])
        with self._lock:
            self._rows[item] = row
            while len(self._rows) > self._room:
                self._rows.popitem(last=False)
        return row

    def between(self, items: Indices, others: Indices) -> Levels:
        """How close `items[k]` is to `others[k]` by each measure, shape (n, measures); 0 where one is NO_ITEM."""
        levels = np.zeros((len(items), len(self.names)), dtype=np.uint8)
        first, second = items, others
        here = np.flatnonzero((first != NO_ITEM) & (second != NO_ITEM))
        first, second = first[here], second[here]
        both = [
            len(self._categories[a] & self._categories[b]) for a, b in zip(first.tolist(), second.tolist(), strict=True)
        ]
        similar = _profile_similarity(np.array(both, dtype=np.float32), self._sizes[first], self._sizes[second])
        levels[here, 0] = np.searchsorted(CATEGORY_STEPS, similar, side="right")
        for column, (name, vectors) in enumerate(self._spaces.items(), start=1):
            cosine = np.einsum("ij,ij->i", vectors[first], vectors[second])
            levels[here, column] = np.searchsorted(self._quantiles[name], cosine, side="right")
        return levels

    def _by_categories(self, item: int) -> Levels:
        both = np.zeros(len(self._sizes), dtype=np.float32)
        for name in self._categories[item]:
            both[self._members[name]] += 1
        similar = _profile_similarity(both, self._sizes, self._sizes[item])
        return np.asarray(np.searchsorted(CATEGORY_STEPS, similar, side="right"), dtype=np.uint8)

    def _by_vectors(self, name: str, item: int) -> Levels:
        vectors = self._spaces[name]
        return np.asarray(np.searchsorted(self._quantiles[name], vectors @ vectors[item], side="right"), dtype=np.uint8)


def _profile_similarity(
    both: NDArray[np.float32], sizes: NDArray[np.float32], other_sizes: NDArray[np.float32] | np.float32
) -> NDArray[np.float32]:
    """1 less half the squared distance of two items' category distributions, each even over the item's categories.

    `both` counts the categories that the two share. Items without categories are similar to none.
    """
    first, second = np.maximum(sizes, 1), np.maximum(other_sizes, 1)
    similar = 1 - (1 / first + 1 / second - 2 * both / (first * second)) / 2
    return np.asarray(np.where((sizes > 0) & (other_sizes > 0), similar, 0), dtype=np.float32)


def _projected(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Unit vectors along the directions in which a sample of `vectors` differs most."""
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
