"""How long users stay with a policy while it learns: the points of its curve."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from pydantic import BaseModel, ConfigDict

from experiments.baselines.observations import Layout
from experiments.baselines.rollouts import Act
from simulators import Episodes, World
from simulators.policies import Outcome


@dataclass(frozen=True)
class Audience:
    """Users of a world whom a policy meets once each; `histories[u]` are the items that user u liked before."""

    world: World
    users: Sequence[int]
    histories: Sequence[Sequence[int]]


class CurvePoint(BaseModel):
    """A policy after `steps` steps of training and `seconds` of it, with the epoch's losses."""

    model_config = ConfigDict(frozen=True)

    epoch: int
    steps: int
    seconds: float
    """Spent on learning; probes and checkpoints are not counted."""
    train_users: Outcome
    held_out: Outcome | None
    """Users of another world, where there were any; they are looked at and decide nothing."""
    losses: dict[str, float]


def probe(audience: Audience, layout: Layout, act: Act) -> Outcome:
    """One episode of each user."""
    episodes = Episodes(audience.world, np.asarray(audience.users))
    seen = layout.start([audience.histories[user] for user in audience.users])
    stars = np.zeros(len(audience.users))
    for rows, items, answers in episodes.play(lambda rows: act(seen[rows])):
        stars[rows] += answers.rewards
        seen[rows] = layout.follow(seen[rows], items, answers.rewards)
    return Outcome(
        len=float(episodes.steps.mean()), r_each=float((stars / episodes.steps).mean()), r_traj=float(stars.mean())
    )
