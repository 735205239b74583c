"""A method of your own beside the built-in ones: the best by answers so far, without the categories just shown.

python examples/own_method.py ml-100k 100
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

import billp

APART = 6  # items that the next one should share no category with
DOUBT = 0.5  # stars: how far an item without answers may be from the mean, for exploration


@dataclass(frozen=True, eq=False)
class Apart:
    """Chooses the item of the highest value among those least like the last items."""

    material: billp.Material
    value: NDArray[np.float64]
    doubt: NDArray[np.float64]

    def choose(self, seen: billp.Observations) -> NDArray[np.int64]:
        """Returns the next item of each user."""
        drawn = np.array([np.random.default_rng(seed).normal(size=len(self.value)) for seed in seen.seeds])
        apart = self.material.overlap.least(seen.recent(APART), seen.masked)
        return np.asarray(np.where(apart, self.value + self.doubt * drawn, -np.inf).argmax(axis=1))


class Learned:
    """Counts what users answered in training episodes; what it knows of the items is nothing else."""

    def __init__(self, material: billp.Material) -> None:
        self.material = material
        self.count = np.ones(material.world.n_items)  # one imagined answer of 3 stars for each item
        self.total = 3 * self.count
        self.chosen = {"apart": APART, "doubt": DOUBT}

    def recommender(self, *, explore: bool) -> Apart:
        """Returns what recommends by the answers so far."""
        return Apart(self.material, self.total / self.count, explore * DOUBT / np.sqrt(self.count))

    def learn(self, episodes: Sequence[billp.RatedEpisode]) -> None:
        """Counts the answers of a batch of training episodes."""
        for episode in episodes:
            np.add.at(self.count, list(episode.items), 1)
            np.add.at(self.total, list(episode.items), list(episode.rewards))


billp.add_method("apart", Learned, learns=True)
dataset, users = sys.argv[1:] or ("ml-100k", "100")
found = billp.compare(["random", "diverse-random", "apart"], dataset=dataset, episodes=100, users=int(users))
print(found)
print(f"Look at every step: billp report {found.run.name}")
