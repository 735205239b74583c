"""How long train users stay with a policy while it learns: the points of its curve."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pydantic import BaseModel, ConfigDict

from experiments.baselines.observations import Layout
from experiments.baselines.rollouts import Act
from simulators import Episodes, World
from simulators.quit_rules import STAYS


class CurvePoint(BaseModel):
    """Means over the probe's users after `steps` steps of training and `seconds` of it, with the epoch's losses."""

    model_config = ConfigDict(frozen=True)

    epoch: int
    steps: int
    seconds: float
    """Spent on learning; probes and checkpoints are not counted."""
    len: float
    r_each: float
    r_traj: float
    losses: dict[str, float]


def probe(
    world: World, users: Sequence[int], histories: Sequence[Sequence[int]], layout: Layout, act: Act
) -> tuple[float, float, float]:
    """Len, R_each and R_traj: means over one episode of each of `users`."""
    episodes = Episodes(world, np.asarray(users))
    seen = layout.start([histories[user] for user in users])
    stars, rows = np.zeros(len(users)), np.arange(len(users))
    while len(rows):
        items = act(seen[rows])
        answers = episodes.step(rows, items)
        stars[rows] += answers.rewards
        seen[rows] = layout.follow(seen[rows], items, answers.rewards)
        rows = rows[answers.reasons == STAYS]
    return float(episodes.steps.mean()), float((stars / episodes.steps).mean()), float(stars.mean())
