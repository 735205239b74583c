"""Training runs of policies: one resumable folder each; the policy is stored where its name is looked up."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from billp.baselines.rl.hyperparameters import hyperparameters_of
from billp.baselines.rl.item_space import item_space
from billp.baselines.rl.observations import Layout
from billp.baselines.rl.policy import PolicyRecord, TrainedPolicy, load_policy, policy_folder
from billp.baselines.rl.probe import EvaluationUsers
from billp.errors import BadInputError
from billp.experiments.runs.config import run_config, surroundings
from billp.experiments.runs.configured_folder import ConfiguredFolder, read_config
from billp.experiments.tracking.logged import logged
from billp.experiments.tracking.tracker import Point
from billp.graphs.dependencies import Dependencies
from billp.graphs.methods import method_named
from billp.graphs.resources import Resources
from billp.graphs.users import masked_history
from billp.settings import Settings
from billp.simulators import Dataset, World, users_of
from billp.whole_files import replaced_folder

if TYPE_CHECKING:
    from billp.baselines.rl.algorithms.agent import TrainingData

OnProgress = Callable[[float], None]
"""Called with the share of a training that is done."""

HELD_OUT = 100
"""Test users of a curve, or as many as exist."""

_POLICY = "policy"


def check_trainable(method: str) -> None:
    """Raises BadInputError if the packages that the method is trained with are not installed."""
    if find_spec("tianshou") is None:
        raise BadInputError(
            f"Method {method!r} is trained with tianshou, which is not installed; run `pip install -e '.[rl]'`."
        )


def train_method(
    resources: Resources,
    deps: Dependencies,
    *,
    method: str,
    epochs: int | None,
    seed: int,
    run: Path,
    resume: bool,
    on_progress: OnProgress,
    held_out: bool = False,
) -> TrainedPolicy:
    """Trains `method` in the train world of `deps` into the folder `run`; a finished training is only read.

    `epochs` replaces the method's own budget if given. With `held_out` the first HELD_OUT test users meet the policy
    after each epoch, for its curve: nothing is learned from them and nothing is chosen by them. Raises BadInputError
    without tianshou, and ArtifactError if `run` was made with something else.
    """
    check_trainable(method)
    from billp.baselines.rl.algorithms.training import train_policy  # noqa: PLC0415 -- loads torch and tianshou

    hyper = hyperparameters_of(method, epochs)
    plan = {
        "command": "train",
        "method": method,
        "seed": seed,
        "hyperparameters": hyper.model_dump(),
        "simulator": deps.worlds.train.settings.model_dump(mode="json"),
    }
    config = run_config(resources, deps, plan)
    with ConfiguredFolder(run, config, surroundings(resources.settings), resume=resume):
        if not (run / _POLICY).is_dir():
            room = classroom(deps, deps.worlds.train, seed)
            audience = _held_out(deps) if held_out else None
            train_policy(method, hyper, room, run, on_progress=on_progress, held_out=audience)
    on_progress(1.0)
    return load_policy(run / _POLICY, deps.dataset, method)


def keep_policy(run: Path, data_dir: Path, dataset: str, name: str) -> Path:
    """Copies the policy of a training run to where `billp evaluate` looks for `name`; returns that folder."""
    target = policy_folder(data_dir, dataset, name)
    with replaced_folder(target) as new:
        shutil.copytree(run / _POLICY, new, dirs_exist_ok=True)
    return target


def kept_policy(deps: Dependencies, method: str, name: str) -> TrainedPolicy | None:
    """Returns the policy `name` for a method that needs one; None for all other methods."""
    if not method_named(method).needs_policy:
        return None
    return load_policy(policy_folder(deps.settings.data, deps.dataset.name, name), deps.dataset, method)


def training_row(record: PolicyRecord) -> dict[str, Any]:
    """Returns a training in plain values: its cost, and its results with train users."""
    return {
        "method": record.method,
        "dataset": record.dataset,
        "seed": record.seed,
        "epochs": len(record.curve),
        "steps": record.steps,
        "seconds": record.seconds,
        "steps_per_second": record.steps / record.seconds,
        "train_users": asdict(record.curve[-1].train_users),
        "curve": [point.model_dump(mode="json") for point in record.curve],
    }


async def log_training(settings: Settings, run: Path, record: PolicyRecord) -> None:
    """Logs a finished training, with the points of its curve, to the tracker of the settings."""
    async with logged(settings, run, read_config(run)) as log:
        for point in record.curve:
            users = {f"train_users_{name}": value for name, value in asdict(point.train_users).items()}
            numbers = {"steps": point.steps, **users, **point.losses}
            log.numbers([Point("training", name, point.epoch, float(value)) for name, value in numbers.items()])


def classroom(deps: Dependencies, world: World, seed: int) -> TrainingData:
    """Returns what a method may learn from in `world`: its users, and no row of any other user."""
    from billp.baselines.rl.algorithms.agent import TrainingData  # noqa: PLC0415 -- loads torch and tianshou

    dataset, count = logs_of(deps.dataset, world), deps.settings.memory.state_items
    return TrainingData(
        dataset=dataset,
        world=world,
        space=item_space(deps.catalogue),
        layout=Layout(count, world.horizon),
        histories=histories_of(dataset, count),
        own=own_items(deps.settings, dataset),
        mask=deps.settings.actor.mask_shown,
        seed=seed,
    )


def _held_out(deps: Dependencies) -> EvaluationUsers:
    """Returns the same test users for every comparison, so that the curves of all seeds are comparable."""
    world = deps.worlds.test
    users = users_of(world, min(HELD_OUT, len(world.users)), world.settings.seed)
    return audience_of(deps, world, users)


def audience_of(deps: Dependencies, world: World, users: Sequence[int]) -> EvaluationUsers:
    """Returns the `users` of `world`, with their logs."""
    data, settings = deps.dataset, deps.settings
    return EvaluationUsers(world, users, histories_of(data, settings.memory.state_items), own_items(settings, data))


def own_items(settings: Settings, dataset: Dataset) -> list[NDArray[np.int32]]:
    """Returns by user index the items of the user's history, which are not recommended."""
    return [masked_history(settings, dataset, user) for user in range(len(dataset.user_keys))]


def histories_of(dataset: Dataset, count: int) -> list[list[int]]:
    """Returns by user index the `count` newest items that the user liked, oldest first."""
    return [list(dataset.history(user, count)) for user in range(len(dataset.user_keys))]


def logs_of(dataset: Dataset, world: World) -> Dataset:
    """Returns the dataset with the rows of the world's users alone, so that a method sees no other user."""
    mine = np.isin(dataset.users, world.users)
    sampled = dataset.negatives
    return replace(
        dataset,
        users=dataset.users[mine],
        items=dataset.items[mine],
        ratings=dataset.ratings[mine],
        timestamps=dataset.timestamps[mine],
        negatives=sampled and sampled.at(np.flatnonzero(np.isin(sampled.users, world.users))),
    )
