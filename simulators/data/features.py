"""Features of users and items for rating models, besides their ids, as integer codes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from billp.simulators.data.dataset import Dataset
from billp.simulators.data.user_fields import bucketed

Codes = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Features:
    """Features of the users of one world and of all items of the dataset `name`.

    `users`, shape (n_users, n_fields), has one row per user and one code per field of NAME.user; different fields have
    different codes, `n_values` in all. `members` holds the categories of all items one after another, those of item i
    from `starts[i]` on, numbered below `n_categories`. `years`, shape (n_items,), is the bucket of the release year,
    below `n_years`; 0 if the year is not known.
    """

    name: str
    users: Codes
    n_values: int
    members: Codes
    starts: Codes
    n_categories: int
    years: Codes
    n_years: int


def features_of(dataset: Dataset, users: NDArray[np.int32], *, categories: bool = True) -> Features:
    """Returns the features of `users`, in that order, and of all items; without `categories`, no item has any."""
    catalogue = dataset.catalogue
    index = {category: position for position, category in enumerate(catalogue.categories)}
    years, n_years = bucketed(np.array([item.year or np.nan for item in catalogue], dtype=np.float64))
    sizes = [field.size for field in dataset.user_fields]
    offsets = np.cumsum([0, *sizes])
    codes = [field.codes[users] + offset for field, offset in zip(dataset.user_fields, offsets, strict=False)]
    names = [item.categories if categories else () for item in catalogue]
    return Features(
        name=dataset.name,
        users=np.stack(codes, axis=1) if codes else np.zeros((len(users), 0), dtype=np.int64),
        n_values=int(offsets[-1]),
        members=np.array([index[name] for own in names for name in own], dtype=np.int64),
        starts=np.cumsum([0, *map(len, names)])[:-1].astype(np.int64),
        n_categories=len(index),
        years=years,
        n_years=n_years,
    )
