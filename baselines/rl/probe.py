"""The points of a policy's learning curve: how long users stay with it while it learns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from billp.baselines.rl.observations import Layout, Observations
from billp.simulators import Episodes, World
from billp.simulators.reference_policies import Outcome

Act = Callable[[Observations, NDArray[np.bool_]], NDArray[np.int64]]
"""Chooses an item for every observation, none of those masked (n, n_items); shape (n,)."""


@dataclass(frozen=True)
class EvaluationUsers:
    """Users of a world that a policy meets once each.

    `histories[u]` are the items that user u liked before, `own[u]` the items of u's history that are not recommended.
    """

    world: World
    users: Sequence[int]
    histories: Sequence[Sequence[int]]
    own: Sequence[NDArray[np.int32]]


class CurvePoint(BaseModel):
    """A policy after `steps` steps of training and `seconds` of it, with the epoch's losses."""

    model_config = ConfigDict(frozen=True)

    epoch: int
    steps: int
    seconds: float
    """Spent on learning, without probes and checkpoints."""
    train_users: Outcome
    held_out: Outcome | None
    """Users of another world, if any; they decide nothing."""
    losses: dict[str, float]


def probe(audience: EvaluationUsers, layout: Layout, act: Act) -> Outcome:
    """Plays one episode per user; `act` gets the observations and what must not be recommended."""
    episodes = Episodes(audience.world, np.asarray(audience.users))
    seen = layout.start([audience.histories[user] for user in audience.users])
    stars = np.zeros(len(audience.users))
    masked = np.zeros((len(audience.users), audience.world.n_items), dtype=bool)
    for row, user in enumerate(audience.users):
        masked[row, audience.own[user]] = True
    for rows, items, answers in episodes.play(lambda rows: act(seen[rows], masked[rows])):
        stars[rows] += answers.rewards
        seen[rows] = layout.follow(seen[rows], items, answers.rewards)
    return Outcome.of(episodes.steps, stars)
