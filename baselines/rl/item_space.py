"""The items as a policy sees them: their number, and the categories of each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from billp.catalogue import Catalogue


@dataclass(frozen=True, eq=False)
class ItemSpace:
    """Every item is an action.

    `members` holds the categories of all items one after another, those of item i from `starts[i]` on, numbered below
    `n_categories`; nothing here is items x categories.
    """

    n_items: int
    n_categories: int
    members: NDArray[np.int64]
    starts: NDArray[np.int64]


def item_space(catalogue: Catalogue) -> ItemSpace:
    """Returns the space of a catalogue."""
    number = {category: position for position, category in enumerate(catalogue.categories)}
    return ItemSpace(
        n_items=len(catalogue),
        n_categories=len(number),
        members=np.array([number[name] for item in catalogue for name in item.categories], dtype=np.int64),
        starts=np.cumsum([0, *(len(item.categories) for item in catalogue)])[:-1].astype(np.int64),
    )
