"""Grounding: finds the catalogue item nearest to the Actor's words."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from billp.errors import EpisodeError

Vectors = NDArray[np.float32]


def nearest_item(vectors: Vectors, proposal: Vectors, masked: Collection[int]) -> int:
    """Returns the index of the item whose vector is nearest to `proposal` in L2 distance, without `masked` ones.

    `vectors` is (items, d), `proposal` (d,), all of unit length, so that the largest dot product is the smallest
    distance. The search is exact: one matrix-vector product, which reads the catalogue once in tens of milliseconds for
    190,000 items of 384 numbers, copies nothing of it and needs four bytes per item. Blocks of rows measured no faster,
    and an approximate index would save little beside the LLM call that made the proposal. The first of equals wins.
    Raises EpisodeError if every item is masked.
    """
    if len(set(masked)) >= len(vectors):
        raise EpisodeError("Every item was shown already; use a larger catalogue or set actor.mask_shown to false.")
    closeness = vectors @ proposal
    closeness[list(masked)] = -np.inf
    return int(np.argmax(closeness))
