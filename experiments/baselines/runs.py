"""Training runs of policies: a folder each, which can be resumed; the policy goes where its name is looked up."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from errors import BadInputError
from experiments.baselines.hyperparameters import Hyperparameters, hyperparameters_of
from experiments.baselines.item_space import item_space
from experiments.baselines.observations import Layout
from experiments.baselines.policy import PolicyRecord, TrainedPolicy, load_policy, policy_folder
from experiments.config import run_config, surroundings
from experiments.configured_folder import ConfiguredFolder
from graphs.methods import method_named
from graphs.services import Services
from graphs.workshop import Workshop
from simulators import Dataset
from simulators.folders import replaced_folder

OnProgress = Callable[[float], None]
"""Called with the share of a training that is done."""

_POLICY = "policy"


def check_trainable(method: str) -> None:
    """Raises BadInputError where what the method is trained with is not installed."""
    if find_spec("tianshou") is None:
        raise BadInputError(
            f"Method {method!r} is trained with tianshou, which is not installed; run `pip install -e '.[rl]'`."
        )


def train_method(
    workshop: Workshop,
    services: Services,
    *,
    method: str,
    epochs: int | None,
    seed: int,
    run: Path,
    resume: bool,
    on_progress: OnProgress,
) -> TrainedPolicy:
    """Trains `method` in the train world of `services` into the folder `run`; one that is done is only read.

    `epochs` stands for the method's own budget where it is given. Raises BadInputError without tianshou, and
    ArtifactError where `run` was made with something else.
    """
    check_trainable(method)
    hyper = hyperparameters_of(method, epochs)
    plan = {
        "command": "train",
        "method": method,
        "seed": seed,
        "hyperparameters": hyper.model_dump(),
        "simulator": services.worlds.train.settings.model_dump(mode="json"),
    }
    config = run_config(workshop, services, plan)
    with ConfiguredFolder(run, config, surroundings(workshop.settings), resume=resume):
        if not (run / _POLICY).is_dir():
            _train(services, method, hyper, seed=seed, run=run, on_progress=on_progress)
    on_progress(1.0)
    return load_policy(run / _POLICY, services.dataset, method)


def keep_policy(run: Path, data_dir: Path, dataset: str, name: str) -> Path:
    """Copies the policy of a training run to where `billp evaluate` looks for `name`; returns that folder."""
    target = policy_folder(data_dir, dataset, name)
    with replaced_folder(target) as new:
        shutil.copytree(run / _POLICY, new, dirs_exist_ok=True)
    return target


def kept_policy(services: Services, method: str, name: str) -> TrainedPolicy | None:
    """The policy `name` for a method that needs one; None for all other methods."""
    if not method_named(method).needs_policy:
        return None
    return load_policy(policy_folder(services.settings.data, services.dataset.name, name), services.dataset, method)


def training_row(record: PolicyRecord) -> dict[str, Any]:
    """A training in plain values: what it cost, and what train users made of the policy that was kept."""
    kept = record.curve[record.epoch - 1]
    return {
        "method": record.method,
        "dataset": record.dataset,
        "seed": record.seed,
        "epochs": len(record.curve),
        "steps": record.steps,
        "seconds": record.seconds,
        "steps_per_second": record.steps / record.seconds,
        "epoch_kept": record.epoch,
        "train_users": {"len": kept.len, "r_each": kept.r_each, "r_traj": kept.r_traj},
        "curve": [point.model_dump(mode="json") for point in record.curve],
    }


def _train(
    services: Services, method: str, hyper: Hyperparameters, *, seed: int, run: Path, on_progress: OnProgress
) -> None:
    from experiments.baselines.algorithms.agent import Classroom  # noqa: PLC0415 -- loads torch and tianshou
    from experiments.baselines.algorithms.training import train_policy  # noqa: PLC0415 -- see above

    dataset = _train_logs(services)
    count = services.settings.memory.state_items
    room = Classroom(
        dataset=dataset,
        world=services.worlds.train,
        space=item_space(services.catalogue),
        layout=Layout(count, services.worlds.train.horizon),
        histories=[dataset.history(user, count) for user in range(len(dataset.user_keys))],
        mask=services.settings.actor.mask_shown,
        seed=seed,
    )
    train_policy(method, hyper, room, run, on_progress)


def _train_logs(services: Services) -> Dataset:
    """The dataset with the rows of train users alone: nothing of a test user gets into the hands of a method."""
    dataset = services.dataset
    mine = np.isin(dataset.users, services.worlds.train.users)
    return replace(
        dataset,
        users=dataset.users[mine],
        items=dataset.items[mine],
        ratings=dataset.ratings[mine],
        timestamps=dataset.timestamps[mine],
        negatives=None,
    )
