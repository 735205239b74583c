"""A determinantal point process over a sliding window: quality times novelty relative to the last recommendations.

It recommends the item that adds most to the log-determinant of the kernel q_i S_ij q_j of the window, as in the
sliding-window form of fast greedy MAP inference (Chen, Zhang and Zhou, NeurIPS 2018); a step adds one item to a given
window, so that its system of equations is solved directly.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from billp.agents.recommender import NO_ITEM, Observations
from billp.agents.sampling import best
from billp.baselines.rivals.overlap import CategoryOverlap
from billp.baselines.rivals.rival import Material, Rival, Settled
from billp.baselines.rivals.tuning import trial

_WINDOWS, _QUALITIES = (4, 8), (0.25, 0.5, 1.0, 2.0)
_JITTER = 1e-3  # items of the same categories would make the window's kernel singular


@dataclass(frozen=True, eq=False)
class SlidingDPP:
    """The item of the highest `quality` x mean + log d^2, d^2 being what the last `window` items leave of it.

    The kernel S is the Jaccard index of categories, which is positive semi-definite.
    """

    means: NDArray[np.float64]
    overlap: CategoryOverlap
    window: int
    quality: float

    def choose(self, seen: Observations) -> NDArray[np.int64]:
        """Returns the next item of each user, shape (n,)."""
        left = self.overlap.of_items(self._left(seen.recent(self.window)))
        return best(self.quality * self.means + np.log(left), ~seen.masked)

    def _left(self, recent: NDArray[np.int64]) -> NDArray[np.float64]:
        """Returns d^2 of every category set after the items `recent` (n, window); shape (n, sets)."""
        alike = self.overlap.with_each(recent).astype(np.float64)
        kernel = np.take_along_axis(alike, self.overlap.set_of[recent][:, None, :], axis=2)
        kernel[np.broadcast_to((recent == NO_ITEM)[:, None, :], kernel.shape)] = 0
        diagonal = np.arange(self.window)
        kernel[:, diagonal, diagonal] = 1 + _JITTER
        explained = (alike * np.linalg.solve(kernel, alike)).sum(axis=1)
        return np.asarray(np.maximum(1 + _JITTER - explained, 1e-9))


def dpp(material: Material) -> Rival:
    """Returns the process whose window and weight of quality earn most from train users; the first of equals."""
    tried = [SlidingDPP(material.means, material.overlap, w, q) for w in _WINDOWS for q in _QUALITIES]
    made = max(tried, key=lambda one: trial(material, one).stars)
    return Settled(made, {"window": made.window, "quality": made.quality})
