"""Item traits for quit rules: vectors and categories."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from billp.catalogue import Catalogue
from billp.simulators.rating.base import Floats

CategorySets = NDArray[np.uint64]
"""Shape (n_items, words): bit b of word w says whether the item has category 64 w + b."""

_WORD = 64


@dataclass(frozen=True, eq=False)
class ItemTraits:
    """`vectors` (n_items, d), whose Euclidean distances say how alike two items are, and `categories` as bit sets."""

    vectors: Floats
    categories: CategorySets


def category_sets(catalogue: Catalogue) -> CategorySets:
    """Returns the categories of every item as bits, in the order of `catalogue.categories`; no bit if an item has none.

    It takes an eighth of a byte per item and category: 5 MB for 190,000 items and 200 categories.
    """
    position = {category: number for number, category in enumerate(catalogue.categories)}
    sets = np.zeros((len(catalogue), max(1, -(-len(position) // _WORD))), dtype=np.uint64)
    for item in catalogue:
        for category in item.categories:
            word, bit = divmod(position[category], _WORD)
            sets[item.index, word] |= np.uint64(1 << bit)
    return sets
