"""Chance for many users at once: each row has a seed of its own, so that it is the same whatever stands beside it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from billp.errors import EpisodeError

Floats = NDArray[np.float64]


def best(scores: Floats, allowed: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The item of the highest score among those `allowed`, equals by index; shapes (n, items) or (items,), (n, items).

    Raises EpisodeError where nothing is allowed.
    """
    hidden = np.where(allowed, scores, -np.inf)
    items = hidden.argmax(axis=1)
    if not allowed[np.arange(len(items)), items].all():
        raise EpisodeError("Every item was shown already; use a larger catalogue or set actor.mask_shown to false.")
    return np.asarray(items)


def normal(seeds: NDArray[np.int64], n_items: int) -> Floats:
    """(n, n_items) draws of the standard normal distribution."""
    return np.array([np.random.default_rng(seed).standard_normal(n_items) for seed in seeds.tolist()])


def anyone(seeds: NDArray[np.int64], allowed: NDArray[np.bool_]) -> NDArray[np.int64]:
    """One of the items `allowed` (n, items), each as likely; raises EpisodeError where nothing is."""
    if not allowed.any(axis=1).all():
        raise EpisodeError("Every item was shown already; use a larger catalogue or set actor.mask_shown to false.")
    items = np.empty(len(seeds), dtype=np.int64)
    for row, seed in enumerate(seeds.tolist()):
        free = np.flatnonzero(allowed[row])
        items[row] = free[np.random.default_rng(seed).integers(len(free))]
    return items
