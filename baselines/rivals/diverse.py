"""First whatever is least like what just came, then chance or what was learned to be good.

The rule is the limit of maximal marginal relevance (Carbonell and Goldstein, SIGIR 1998) in which likeness outweighs
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
    """Any of the items that overlap least with the last four."""

    overlap: CategoryOverlap

    def choose(self, seen: Observations) -> NDArray[np.int64]:
        """The next item of each user, shape (n,)."""
        return anyone(seen.seeds, self.overlap.least(seen.recent(_WINDOW), seen.masked))


@dataclass(frozen=True, eq=False)
class DiverseBest:
    """Of the items that overlap least with the last four the one of the highest value, drawn with `doubts` if any."""

    overlap: CategoryOverlap
    values: NDArray[np.float64]
    doubts: NDArray[np.float64] | None = None

    def choose(self, seen: Observations) -> NDArray[np.int64]:
        """The next item of each user, shape (n,)."""
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
        """Nothing is tuned."""
        return {"window": _WINDOW, "doubt": _DOUBT}

    def recommender(self, *, explore: bool) -> Recommender:
        """By the values as they stand; with `explore` each is drawn anew at every step, the wider the less is known."""
        doubts = _DOUBT / np.sqrt(self._values.counts + 1) if explore else None
        return DiverseBest(self._overlap, self._values.values(), doubts)

    def learn(self, lessons: Sequence[RatedEpisode]) -> None:
        """Counts the answers."""
        self._values.add(
            [item for lesson in lessons for item in lesson.items],
            [reward for lesson in lessons for reward in lesson.rewards],
        )


def diverse_random(material: Material) -> Rival:
    """The rival that knows nothing but categories."""
    return Settled(DiverseRandom(material.overlap), {"window": _WINDOW})
