"""The rule `personal`: like `distance`, but each user has his own window and tolerance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from billp.simulators.quit.distance import nearest
from billp.simulators.quit.item_traits import ItemTraits
from billp.simulators.quit.reasons import TOO_CLOSE
from billp.simulators.quit.rule import NO_ITEM, Judgement, Past, RuleKind, Surroundings, leaving_over
from billp.simulators.rating.base import Floats, Indices

_STREAM = 1  # separate from the seed's other draws


@dataclass(frozen=True, eq=False)
class PersonalRule:
    """The user leaves when an item is closer than his tolerance to one of the last items in his window.

    User u looks back on `windows[u]` items and is bored below the distance `tolerances[u]`, shape (n_users,) each, or
    by a repeat among them; otherwise the rule is `distance`. That users differ in such parameters, each drawn once, is
    as in RecSim (Ie et al., arXiv 1909.04847); the rule itself is that of BiLLP (arXiv 2403.00843).
    """

    traits: ItemTraits
    windows: NDArray[np.int64]
    tolerances: NDArray[np.float64]
    window: int
    min_rating: float
    keeps_notes: bool = False

    def judge(self, past: Past, users: Indices, items: Indices, ratings: Floats) -> Judgement:
        """Returns the judgement on `items`; shapes as in QuitRule."""
        if not self.window:
            return leaving_over(np.zeros(ratings.shape, dtype=bool))
        forgotten = np.arange(self.window) < self.window - self.windows[users][..., None]
        distances, earlier = nearest(self.traits.vectors, np.where(forgotten, NO_ITEM, past.items), items)
        close = (distances < self.tolerances[users]) | (distances < 0)
        return leaving_over(close, earlier)


def _make(world: Surroundings) -> PersonalRule:
    """Draws windows evenly from 1 to `personal_window`, and tolerances as beta times a log-normal factor."""
    settings = world.settings
    rng = np.random.default_rng([settings.seed, _STREAM])
    spread = rng.normal(0, settings.personal_spread, world.n_users)
    windows = np.floor(rng.random(world.n_users) * settings.personal_window).astype(np.int64) + 1
    return PersonalRule(
        world.traits, windows, world.beta * np.exp(spread), settings.personal_window, settings.min_reward
    )


RULE = RuleKind(
    name="personal",
    reason=TOO_CLOSE,
    make=_make,
    window="personal_window",
    parameters=("personal_spread",),
    uses_beta=True,
)
