"""Recommenders that know nothing of the user: bounds for judging the others."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from billp.agents.candidates import draw_shortlist
from billp.agents.grounding import Vectors
from billp.agents.recommender import Observations
from billp.agents.sampling import anyone, best


@dataclass(frozen=True)
class EvenDraw:
    """Recommends any item, all equally likely."""

    def choose(self, seen: Observations) -> NDArray[np.int64]:
        """Returns the next item of each user, shape (n,)."""
        return anyone(seen.seeds, ~seen.masked)


@dataclass(frozen=True, eq=False)
class FixedRanking:
    """Recommends the first allowed item of `ranking` (items,): the same list for every user."""

    ranking: NDArray[np.int64]

    def choose(self, seen: Observations) -> NDArray[np.int64]:
        """Returns the next item of each user, shape (n,)."""
        places = np.empty(len(self.ranking))
        places[self.ranking] = np.arange(len(self.ranking))
        return best(-places, ~seen.masked)


@dataclass(frozen=True, eq=False)
class DrawnShortlists:
    """Recommends the first candidate of the Actor's shortlist without thought, plan and experience."""

    vectors: Vectors
    size: int
    pool: int

    def candidates(self, seen: Observations) -> list[list[int]]:
        """Returns the candidates of each user, in random order."""
        return [
            draw_shortlist(
                self.vectors,
                np.random.default_rng(seed),
                thought=None,
                experiences=(),
                evidence=0,
                masked=np.flatnonzero(seen.masked[row]).tolist(),
                size=self.size,
                pool=self.pool,
            )
            for row, seed in enumerate(seen.seeds.tolist())
        ]

    def choose(self, seen: Observations) -> NDArray[np.int64]:
        """Returns the next item of each user, shape (n,)."""
        return np.array([candidates[0] for candidates in self.candidates(seen)], dtype=np.int64)
