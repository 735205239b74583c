"""The rule `patience`: bad or too similar steps use up a budget, good ones give some back; at zero the user leaves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from billp.simulators.quit.distance import nearest
from billp.simulators.quit.item_traits import ItemTraits
from billp.simulators.quit.reasons import Reason
from billp.simulators.quit.rule import NO_ITEM, Judgement, Past, RuleKind, Surroundings
from billp.simulators.rating.base import Floats, Indices

OUT_OF_PATIENCE = Reason("patience", "out of patience", "left: too many steps were bad or too like recent ones")

_WORST = 2.0  # stars that one bad step may cost, as KuaiSim bounds it


@dataclass(frozen=True, eq=False)
class PatienceRule:
    """The user starts with a budget of patience and leaves when it is used up.

    A step that is closer than `beta` to one of the last `near` items, or repeats one, uses up `cost`. Any other changes
    the budget by how many stars its rating is above what the user rates `usual`ly: down by two at most, up by
    `restores` at most, and never above the `budget` at the start. The budget is the "temper" of KuaiSim (Zhao et al.,
    NeurIPS 2023 Datasets and Benchmarks, arXiv 2309.12645), where a step takes up to two from it by how little it
    pleases and similar items please less. Two things are our own: good steps restore it, and a rating is compared with
    the user's own usual rating. The note of a step is what is used up so far.
    """

    traits: ItemTraits
    usual: Callable[[Indices], NDArray[np.float64]]
    beta: float
    near: int
    budget: float
    cost: float
    restores: float
    min_rating: float = -np.inf
    keeps_notes: bool = True

    @property
    def window(self) -> int:
        """As far back as items are compared, and at least one step, which has the note."""
        return max(1, self.near)

    def judge(self, past: Past, users: Indices, items: Indices, ratings: Floats) -> Judgement:
        """Returns the judgement on `items`; shapes as in QuitRule."""
        used = past.notes[..., -1] + np.clip(self.usual(users) - ratings, -self.restores, _WORST)
        if self.near:
            distances, _ = nearest(self.traits.vectors, past.items, items)
            used = np.where((distances < self.beta) | (distances < 0), past.notes[..., -1] + self.cost, used)
        used = np.maximum(used, 0.0)
        return Judgement(used >= self.budget, np.full(ratings.shape, NO_ITEM), used)


def _make(world: Surroundings) -> PatienceRule:
    settings = world.settings
    return PatienceRule(
        traits=world.traits,
        usual=world.usual,
        beta=world.beta,
        near=settings.window,
        budget=settings.patience,
        cost=settings.patience_cost,
        restores=settings.patience_restore,
    )


RULE = RuleKind(
    name="patience",
    reason=OUT_OF_PATIENCE,
    make=_make,
    window="window",
    parameters=("patience", "patience_cost", "patience_restore"),
    uses_beta=True,
)
