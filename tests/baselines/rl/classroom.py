"""Small trainings in the toy world."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from billp.baselines.rl.algorithms.agent import TrainingData
from billp.baselines.rl.algorithms.training import train_policy
from billp.baselines.rl.hyperparameters import Hyperparameters, hyperparameters_of, read_hyperparameters
from billp.baselines.rl.item_space import item_space
from billp.baselines.rl.observations import Layout
from billp.baselines.rl.policy import PolicyRecord
from billp.simulators.reference_policies import policy_outcomes
from tests.fakes.toy import HORIZON, USERS, toy_dataset, toy_world

SMALL: dict[str, Any] = {
    "size": 8, "hidden": 32, "learning_rate": 0.01, "batch": 64, "epochs": 6, "rounds": 10, "users": 32, "steps": 8,
    "updates": 60, "target_every": 20, "replay": 4000, "recent": 3, "models": 2, "length": 8, "explore_epochs": 6,
    "items": "own",  # good and bad items of the toy world share their categories
}  # fmt: skip


def small(method: str, **given: Any) -> Hyperparameters:
    """The method's hyperparameters, cut down to seconds."""
    plain = hyperparameters_of(method).model_dump()
    wanted = {**SMALL, "batch": 256 if method in ("a2c", "ppo", "dorl") else 64, **given}
    return read_hyperparameters(method, {**plain, **{name: wanted[name] for name in wanted if name in plain}})


def toy_room(seed: int = 0) -> TrainingData:
    dataset, world = toy_dataset(), toy_world()
    return TrainingData(
        dataset=dataset,
        world=world,
        space=item_space(dataset.catalogue),
        layout=Layout(4, HORIZON),
        histories=[dataset.history(user, 4) for user in range(USERS)],
        own=[np.empty(0, dtype=np.int32) for _ in range(USERS)],
        mask=True,
        seed=seed,
    )


def trained(
    method: str,
    folder: Path,
    *,
    seed: int = 0,
    on_progress: Callable[[float], None] = lambda _: None,
    **given: Any,
) -> PolicyRecord:
    folder.mkdir(exist_ok=True)
    return train_policy(method, small(method, **given), toy_room(seed), folder, on_progress=on_progress)


def random_r_traj() -> float:
    world = toy_world()
    users = list(range(USERS)) * 20
    return policy_outcomes(world, np.zeros(world.n_items, dtype=np.int64), users)["random"].r_traj
