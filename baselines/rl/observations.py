"""Observations of a policy: what users liked before, what was recommended, and the rewards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Observations = NDArray[np.int32]
"""Items and rewards, (n, 2 length).

Items are catalogue index + 1, newest last and 0 in front for none. Rewards are in stars, 0 for an item liked before the
episode, which has no rating in it.
"""


@dataclass(frozen=True)
class Layout:
    """Room for `history` items liked before and for `horizon` recommendations."""

    history: int
    horizon: int

    @property
    def length(self) -> int:
        """Items in an observation."""
        return self.history + self.horizon

    def start(self, histories: Sequence[Sequence[int]]) -> Observations:
        """Returns observations before the first recommendation; only the newest items of a history count."""
        seen = np.zeros((len(histories), 2 * self.length), dtype=np.int32)
        for row, history in enumerate(histories):
            newest = [item + 1 for item in history][max(0, len(history) - self.history) :]
            seen[row, self.length - len(newest) : self.length] = newest
        return seen

    def follow(self, seen: Observations, items: NDArray[np.integer], rewards: NDArray[np.floating]) -> Observations:
        """Returns the observations after `items` got `rewards`, shape (n,) each."""
        after = np.empty_like(seen)
        after[:, : self.length - 1] = seen[:, 1 : self.length]
        after[:, self.length - 1] = items + 1
        after[:, self.length : -1] = seen[:, self.length + 1 :]
        after[:, -1] = np.clip(np.rint(rewards), 1, 5)
        return after

    def of(self, history: Sequence[int], recommended: Sequence[int], rewards: Sequence[float]) -> Observations:
        """Returns the observation (1, 2 length) in the middle of an episode."""
        seen = self.start([history])
        for item, reward in zip(recommended, rewards, strict=True):
            seen = self.follow(seen, np.array([item]), np.array([reward]))
        return seen
