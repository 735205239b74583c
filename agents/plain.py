"""Recommenders that know nothing of the user: bounds by which the others are read."""

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
    """Any item, each as likely as any other."""

    def choose(self, seen: Observations) -> NDArray[np.int64]:
        """The next item of each user, shape (n,)."""
        return anyone(seen.seeds, ~seen.masked)


@dataclass(frozen=True, eq=False)
class FixedRanking:
    """The first item of `ranking` (items,) that may be recommended: one list for everybody."""

    ranking: NDArray[np.int64]

    def choose(self, seen: Observations) -> NDArray[np.int64]:
        """The next item of each user, shape (n,)."""
        places = np.empty(len(self.ranking))
        places[self.ranking] = np.arange(len(self.ranking))
        return best(-places, ~seen.masked)


@dataclass(frozen=True, eq=False)
class DrawnShortlists:
    """The first of the candidates that the Actor's shortlist would hold without thought, plan and experience."""

    vectors: Vectors
    size: int
    pool: int

    def candidates(self, seen: Observations) -> list[list[int]]:
        """The candidates of each user, in random order."""
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
        """The next item of each user, shape (n,)."""
        return np.array([candidates[0] for candidates in self.candidates(seen)], dtype=np.int64)
