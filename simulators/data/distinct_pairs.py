"""Merges rows of the same user and item, and drops users and items with too few."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Pairs:
    """One entry per pair of user and item.

    `rows` is the index of its latest row, ascending; `counts` is how many rows it had; `totals` is the sum of their
    values.
    """

    rows: NDArray[np.int64]
    counts: NDArray[np.int64]
    totals: NDArray[np.float64]


def folded(
    users: NDArray[np.int32], items: NDArray[np.int32], times: NDArray[np.float64], values: NDArray[np.float64]
) -> Pairs:
    """Returns the distinct pairs of (users[k], items[k]); of rows at the same time the last one is the latest."""
    keys = pair_keys(users, items, int(items.max(initial=0)) + 1)
    order = np.lexsort((times, keys))  # lexsort is stable
    starts = np.flatnonzero(np.diff(keys[order], prepend=-1))
    ends = np.append(starts, len(order))[1:]
    rows = order[ends - 1]
    back = np.argsort(rows)
    totals = np.add.reduceat(values[order], starts) if len(starts) else values[:0]
    return Pairs(rows[back], (ends - starts)[back], totals[back])


def pair_keys(users: NDArray[np.int32], items: NDArray[np.int32], n_items: int) -> NDArray[np.int64]:
    """Returns one number per pair, equal only for equal pairs; `n_items` is above every item."""
    return users.astype(np.int64) * n_items + items


def k_core(
    users: NDArray[np.int32], items: NDArray[np.int32], n_items: int, min_user: int, min_item: int
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Returns masks of rows, (rows,), and of items, (n_items,): what is left after dropping the sparse ones repeatedly.

    What is left is the largest set of rows in which each user has at least `min_user` rows and each item at least
    `min_item` (Seidman, "Network Structure and Minimum Degree", Social Networks 5, 1983, here for two types of nodes).
    """
    n_users = int(users.max(initial=-1)) + 1
    kept = np.ones(len(users), dtype=np.bool_)
    while True:
        enough_user = np.bincount(users[kept], minlength=n_users) >= min_user
        enough_item = np.bincount(items[kept], minlength=n_items) >= min_item
        still = kept & enough_user[users] & enough_item[items]
        if still.sum() == kept.sum():
            return kept, enough_item
        kept = still
