"""Maximal marginal relevance (Carbonell and Goldstein, SIGIR 1998): relevance minus similarity to the last items."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from billp.agents.recommender import Observations
from billp.agents.sampling import best, normal
from billp.baselines.rivals.overlap import CategoryOverlap
from billp.baselines.rivals.rival import Material, Rival, Settled
from billp.baselines.rivals.tuning import Played, trial

_WINDOWS, _WEIGHTS = (2, 4, 8), (0.5, 1.0, 2.0, 4.0)
_NOISES = (0.05, 0.1, 0.15, 0.2, 0.3)
_PRICE = 0.05  # share of the stars on the train world that different lists for different users may cost


@dataclass(frozen=True, eq=False)
class MMR:
    """Recommends the item of the highest mean minus `weight` times the highest overlap with the last `window` items.

    `noise`, in stars, is the deviation of what is added by chance at each step, so that users get different lists.
    """

    means: NDArray[np.float64]
    overlap: CategoryOverlap
    window: int
    weight: float
    noise: float = 0.0

    def choose(self, seen: Observations) -> NDArray[np.int64]:
        """Returns the next item of each user, shape (n,)."""
        scores = self.means - self.weight * self.overlap.highest(seen.recent(self.window)).astype(np.float64)
        if self.noise:
            scores += self.noise * normal(seen.seeds, len(self.means))
        return best(scores, ~seen.masked)


def untuned(material: Material) -> Rival:
    """Returns MMR with the window 5 and the weight 0.5, whatever the users are like."""
    return _rival(MMR(material.means, material.overlap, 5, 0.5))


def tuned(material: Material) -> Rival:
    """Returns the MMR whose window and weight earn most from train users; the first of equals.

    The noise is the largest one that costs them at most a twentieth of that. Parameters that `material.mmr` sets are
    taken as they are, and only the others are tuned.
    """
    given = material.mmr

    def played(window: int, weight: float, noise: float) -> Played:
        return trial(material, MMR(material.means, material.overlap, window, weight, noise))

    windows = _WINDOWS if given.window is None else (given.window,)
    weights = _WEIGHTS if given.weight is None else (given.weight,)
    if given.noise is not None and len(windows) == len(weights) == 1:
        return _rival(MMR(material.means, material.overlap, windows[0], weights[0], given.noise))
    grid = {(window, weight): played(window, weight, 0.0).stars for window in windows for weight in weights}
    window, weight = max(grid, key=lambda place: grid[place])
    noise = 0.0 if given.noise is None else given.noise
    for wider in _NOISES if given.noise is None else ():
        if played(window, weight, wider).stars < (1 - _PRICE) * grid[window, weight]:
            break
        noise = wider
    return _rival(MMR(material.means, material.overlap, window, weight, noise))


def _rival(made: MMR) -> Rival:
    return Settled(made, {"window": made.window, "weight": made.weight, "noise": made.noise})
