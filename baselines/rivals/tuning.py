"""Evaluates a recommender on train users, in the train world, for tuning."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from billp.agents.recommender import Recommender
from billp.baselines.rivals.rival import Material
from billp.baselines.rollout import CELLS, Rollout, SeedOf
from billp.simulators import users_of

_USERS = 100  # train users that a setting is tried with, the same for all settings


@dataclass(frozen=True)
class Played:
    """Mean stars of an episode, and the share of the catalogue that was recommended at least once."""

    stars: float
    coverage: float


def trial(material: Material, recommender: Recommender) -> Played:
    """Plays one episode with each of up to 100 train users, drawn with the material's seed."""
    world, data = material.world, material.dataset
    users = users_of(world, min(_USERS, len(world.users)), material.seed)
    together, stars, shown = max(1, CELLS // world.n_items), 0.0, set[int]()
    for start in range(0, len(users), together):
        some = users[start : start + together]
        drawn = np.random.default_rng([material.seed, start]).integers(2**31, size=(len(some), world.horizon))
        rollout = Rollout(
            world,
            some,
            [data.history(user, material.history) for user in some],
            [material.masked_history(user) for user in some],
            mask_shown=material.mask_shown,
            seed_of=_reader(drawn),
        )
        for _ in rollout.play(lambda rows, seen: recommender.choose(seen)):
            pass
        stars += float(rollout.rewards.sum())
        shown |= set(rollout.shown[rollout.shown >= 0].tolist())
    return Played(stars / len(users), len(shown) / world.n_items)


def _reader(drawn: NDArray[np.int64]) -> SeedOf:
    return lambda row, step: int(drawn[row, step])
