"""Recommends what is least like the last items; chance or learned values break ties.

The rule is the limit of maximal marginal relevance (Carbonell and Goldstein, SIGIR 1998) in which similarity outweighs
everything else. Values are learned by Thompson sampling (Chapelle and Li, NIPS 2011) with a normal posterior for each
item.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from billp.agents.recommender import Observations, Recommender
from billp.agents.sampling import anyone, best, normal
from billp.baselines.rivals.overlap import CategoryOverlap
from billp.baselines.rivals.rival import Material, RatedEpisode, Rival, Settled
from billp.baselines.rivals.values import ItemValues

_WINDOW = 4
_DOUBT = 0.6  # stars: deviation of an item's value before the first answer


@dataclass(frozen=True, eq=False)
class DiverseRandom:
    """Recommends any of the items that overlap least with the last four."""

    overlap: CategoryOverlap

    def choose(self, seen: Observations) -> NDArray[np.int64]:
        """Returns the next item of each user, shape (n,)."""
        return anyone(seen.seeds, self.overlap.least(seen.recent(_WINDOW), seen.masked))


@dataclass(frozen=True, eq=False)
class DiverseBest:
    """Recommends the item of the highest value among those that overlap least with the last four.

    With `doubts`, values are drawn.
    """

    overlap: CategoryOverlap
    values: NDArray[np.float64]
    doubts: NDArray[np.float64] | None = None

    def choose(self, seen: Observations) -> NDArray[np.int64]:
        """Returns the next item of each user, shape (n,)."""
        scores = self.values
        if self.doubts is not None:
            scores = scores + self.doubts * normal(seen.seeds, len(scores))
        return best(scores, self.overlap.least(seen.recent(_WINDOW), seen.masked))


class DiverseLearned:
    """Learns items' values from the answers of its training episodes; reads no log and asks no LLM."""

    def __init__(self, material: Material) -> None:
        self._overlap = material.overlap
        self._values = ItemValues(material.dataset.catalogue)

    @property
    def chosen(self) -> dict[str, float]:
        """Empty: nothing is tuned."""
        return {"window": _WINDOW, "doubt": _DOUBT}

    def recommender(self, *, explore: bool) -> Recommender:
        """Returns a recommender by the present values; with `explore` it draws them at every step."""
        doubts = _DOUBT / np.sqrt(self._values.counts + 1) if explore else None
        return DiverseBest(self._overlap, self._values.values(), doubts)

    def learn(self, lessons: Sequence[RatedEpisode]) -> None:
        """Counts the answers."""
        self._values.add(
            [item for lesson in lessons for item in lesson.items],
            [reward for lesson in lessons for reward in lesson.rewards],
        )


def diverse_random(material: Material) -> Rival:
    """Returns the rival that knows nothing but categories."""
    return Settled(DiverseRandom(material.overlap), {"window": _WINDOW})
