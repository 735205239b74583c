"""The rule `satiation`: a category is liked less after recent exposure and recovers; the satiated user leaves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from billp.simulators.quit.item_traits import ItemTraits
from billp.simulators.quit.reasons import Reason
from billp.simulators.quit.rule import NO_ITEM, Judgement, Past, RuleKind, Surroundings
from billp.simulators.rating.base import Floats, Indices

SATED = Reason("satiation", "sated", "left: the last items pleased too little after so much of the same categories")

_STREAM = 2  # separate from the seed's other draws


@dataclass(frozen=True, eq=False)
class SatiationRule:
    """The user leaves when the mean of his last `recent` satiated ratings is below his own threshold.

    The satiated rating of an item is its rating minus `strength` times the exposure to it: the sum over all earlier
    steps of the share of the item's categories that were shown there (all of them for the item itself), times `decay`
    for each step since. So it falls with exposure and recovers without it, as in rebounding bandits (Leqi,
    Kilinc-Karzan, Lipton and Montgomery, NeurIPS 2021, arXiv 2011.06741), whose arms are our categories and from which
    the linear satiation is taken. The threshold lies `tolerances[u]` stars, shape (n_users,), below what user u rates
    `usual`ly; steps before the first count as usual. The reward is still the rating: satiation shows in how long the
    user stays. The note of a step is its satiated rating minus the usual rating.
    """

    traits: ItemTraits
    usual: Callable[[Indices], NDArray[np.float64]]
    tolerances: NDArray[np.float64]
    strength: float
    decay: float
    recent: int
    window: int
    min_rating: float = -np.inf
    keeps_notes: bool = True

    def judge(self, past: Past, users: Indices, items: Indices, ratings: Floats) -> Judgement:
        """Returns the judgement on `items`; shapes as in QuitRule."""
        notes = ratings - self.strength * self._exposure(past.items, items) - self.usual(users)
        before = past.notes[..., self.window - (self.recent - 1) :].sum(axis=-1)
        sated = (before + notes) / self.recent < -self.tolerances[users]
        return Judgement(sated, np.full(ratings.shape, NO_ITEM), notes)

    def _exposure(self, recent: Indices, items: Indices) -> NDArray[np.float64]:
        categories = self.traits.categories
        own = categories.take(items[..., None], axis=0)
        common = np.bitwise_count(own & categories.take(recent, axis=0)).sum(axis=-1, dtype=np.int64)
        shares = common / np.maximum(np.bitwise_count(own).sum(axis=-1, dtype=np.int64), 1)
        shares = np.where(recent == items[..., None], 1.0, shares) * (recent != NO_ITEM)
        exposure: NDArray[np.float64] = shares @ self.decay ** np.arange(self.window, 0, -1, dtype=np.float64)
        return exposure


def _make(world: Surroundings) -> SatiationRule:
    """Draws tolerances evenly from half to one and a half times `satiation_tolerance`."""
    settings = world.settings
    factors = np.random.default_rng([settings.seed, _STREAM]).uniform(0.5, 1.5, world.n_users)
    recent = max(1, settings.satiation_window)
    return SatiationRule(
        traits=world.traits,
        usual=world.usual,
        tolerances=settings.satiation_tolerance * factors,
        strength=settings.satiation_strength,
        decay=settings.satiation_decay,
        recent=recent,
        window=max(recent, settings.horizon),
    )


RULE = RuleKind(
    name="satiation",
    reason=SATED,
    make=_make,
    window="satiation_window",
    parameters=("satiation_strength", "satiation_decay", "satiation_tolerance"),
)
