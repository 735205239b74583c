"""What a rating model may know of users and items besides their ids, as codes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from billp.simulators.data.dataset import Dataset
from billp.simulators.data.user_fields import bucketed

Codes = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Features:
    """The users of one world and all items of the dataset `name`.

    `users`, shape (n_users, n_fields), has one row a user and one code a field of NAME.user; the codes of different
    fields differ, `n_values` there are in all. `members` holds the categories of all items one after another, those of
    item i from `starts[i]` on, numbered below `n_categories`. `years`, shape (n_items,), is the bucket of the release
    year, 0 where it is not known, below `n_years`.
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
    """The features of `users`, in that order, and of all items; without `categories` as if no item had any."""
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
