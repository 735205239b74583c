"""The interface of recommenders that choose for many users at once, without an LLM."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

NO_ITEM = -1


@dataclass(frozen=True, eq=False)
class Observations:
    """What a recommender may know of n users in the middle of their episodes, one row each.

    `histories`: items that each user liked before the episode, oldest first. `shown` (n, t): items recommended in this
    episode, oldest first, NO_ITEM in rows with fewer than t. `rewards` (n, t): the stars for them, 0 elsewhere. `steps`
    (n,): recommendations so far. `masked` (n, items): items that must not be recommended now. `seeds` (n,): seed of all
    draws at this step, different for each user, episode seed and step.
    """

    histories: Sequence[Sequence[int]]
    shown: NDArray[np.int64]
    rewards: NDArray[np.float64]
    steps: NDArray[np.int64]
    masked: NDArray[np.bool_]
    seeds: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.steps)

    def recent(self, width: int) -> NDArray[np.int64]:
        """Returns the last `width` recommendations, newest last, NO_ITEM in front; shape (n, width)."""
        columns = self.steps[:, None] + np.arange(-width, 0)
        if not self.shown.shape[1]:
            return np.full(columns.shape, NO_ITEM, dtype=np.int64)
        recent = np.take_along_axis(self.shown, np.maximum(columns, 0), axis=1)
        return np.where(columns < 0, NO_ITEM, recent)


class Recommender(Protocol):
    """Chooses one item for each user; what it knows does not change while it chooses.

    It draws from `seeds` alone, so that a user's episode does not depend on the other users.
    """

    def choose(self, seen: Observations) -> NDArray[np.int64]:
        """Returns the next item of each user, shape (n,), none of them masked.

        Raises EpisodeError if every item of a user is masked.
        """
        ...
