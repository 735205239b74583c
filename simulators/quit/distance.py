"""The rule `distance`: a user leaves when an item is too close to one of the last few."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from billp.simulators.quit.item_traits import ItemTraits
from billp.simulators.quit.reasons import TOO_CLOSE
from billp.simulators.quit.rule import NO_ITEM, Judgement, Past, RuleKind, leaving_over
from billp.simulators.rating.base import Floats, Indices

_BLOCK = 16384  # pairs whose distances are computed at once


@dataclass(frozen=True, eq=False)
class DistanceRule:
    """The user leaves when bored or displeased, from the first step on.

    Bored: the item is closer than `beta` (Euclidean distance of item vectors) to one of the last `window` items, or
    is one of them; the closest is named. Displeased: the rating is below `min_rating`. When both hold, boredom is the
    reason given. The rule is that of BiLLP (Shi et al., SIGIR 2024, arXiv 2403.00843), where the window is called W.
    """

    traits: ItemTraits
    beta: float
    window: int
    min_rating: float
    keeps_notes: bool = False

    def judge(self, past: Past, users: Indices, items: Indices, ratings: Floats) -> Judgement:
        """Returns the judgement on `items`; shapes as in QuitRule."""
        if not self.window:
            return leaving_over(np.zeros(ratings.shape, dtype=bool))
        distances, earlier = nearest(self.traits.vectors, past.items, items)
        close = (distances < self.beta) | (distances < 0)
        return leaving_over(close, earlier)


RULE = RuleKind(
    name="distance",
    reason=TOO_CLOSE,
    make=lambda world: DistanceRule(world.traits, world.beta, world.settings.window, world.settings.min_reward),
    window="window",
    uses_beta=True,
)


def nearest(vectors: Floats, recent: Indices, items: Indices) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Returns the least distance of each of `items` (S) to those in `recent` (*S, window), and the item that has it.

    The distance of a repeat is -1: too close even at beta 0. It is infinite if nothing is recent. `window` is at least
    one.
    """
    items = items[..., None]
    apart = _apart(vectors, recent, items)
    apart[np.broadcast_to(recent == NO_ITEM, apart.shape)] = np.inf
    apart[recent == items] = -1.0
    place = apart.argmin(axis=-1)[..., None]
    least = np.take_along_axis(apart, place, axis=-1)[..., 0]
    earlier = np.take_along_axis(np.broadcast_to(recent, apart.shape), place, axis=-1)[..., 0]
    return least, earlier.astype(np.int64, copy=False)


def distance_quantile(vectors: Floats, q: float, rng: np.random.Generator, pairs: int = 200_000) -> float:
    """Returns the `q` quantile of the distances between two different items, from `pairs` pairs drawn at random."""
    n_items = len(vectors)
    if n_items < 2:
        return 0.0
    left = rng.integers(n_items, size=pairs)
    right = (left + rng.integers(1, n_items, size=pairs)) % n_items  # never left itself
    blocks = [slice(start, start + _BLOCK) for start in range(0, pairs, _BLOCK)]
    return float(np.quantile(np.concatenate([_apart(vectors, left[block], right[block]) for block in blocks]), q))


def _apart(vectors: Floats, left: Indices, right: Indices) -> NDArray[np.float64]:
    """Returns the Euclidean distances of the items `left` and `right`, in the shape that the two broadcast to."""
    # `take` copies whole rows and is several times as fast as vectors[left].
    difference = (vectors.take(left, axis=0) - vectors.take(right, axis=0)).astype(np.float64)
    squares: NDArray[np.float64] = np.einsum("...d,...d->...", difference, difference)
    return np.sqrt(squares, out=squares)
