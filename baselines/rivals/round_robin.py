"""Round robin: categories take turns, and the best item of the category whose turn it is is recommended.

A rule of thumb of programme makers, without a paper of its own; nothing in it is tuned.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from billp.agents.recommender import Observations
from billp.agents.sampling import best
from billp.baselines.rivals.overlap import CategoryOverlap
from billp.baselines.rivals.rival import Material, Rival, Settled

_WINDOW = 2


@dataclass(frozen=True, eq=False)
class RoundRobin:
    """Recommends the best item mean without a category of the last two items, else among the least alike."""

    means: NDArray[np.float64]
    overlap: CategoryOverlap

    def choose(self, seen: Observations) -> NDArray[np.int64]:
        """Returns the next item of each user, shape (n,)."""
        return best(self.means, self.overlap.least(seen.recent(_WINDOW), seen.masked))


def round_robin(material: Material) -> Rival:
    """Returns the rival; nothing in it is tuned."""
    return Settled(RoundRobin(material.means, material.overlap), {"window": _WINDOW})
