"""Random draws for many users at once: each row has its own seed and does not depend on the others."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from billp.errors import EpisodeError

Floats = NDArray[np.float64]


def best(scores: Floats, allowed: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Returns the item of the highest score among those `allowed`, ties by index.

    Shapes are (n, items) or (items,), and (n, items). Raises EpisodeError if nothing is allowed.
    """
    hidden = np.where(allowed, scores, -np.inf)
    items = hidden.argmax(axis=1)
    if not allowed[np.arange(len(items)), items].all():
        raise EpisodeError("Every item was shown already; use a larger catalogue or set actor.mask_shown to false.")
    return np.asarray(items)


def normal(seeds: NDArray[np.int64], n_items: int) -> Floats:
    """Returns (n, n_items) draws of the standard normal distribution."""
    return np.array([np.random.default_rng(seed).standard_normal(n_items) for seed in seeds.tolist()])


def anyone(seeds: NDArray[np.int64], allowed: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Returns one of the items `allowed` (n, items), all equally likely; raises EpisodeError if there is none."""
    if not allowed.any(axis=1).all():
        raise EpisodeError("Every item was shown already; use a larger catalogue or set actor.mask_shown to false.")
    items = np.empty(len(seeds), dtype=np.int64)
    for row, seed in enumerate(seeds.tolist()):
        free = np.flatnonzero(allowed[row])
        items[row] = free[np.random.default_rng(seed).integers(len(free))]
    return items
