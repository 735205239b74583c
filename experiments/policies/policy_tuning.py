"""A short search for hyperparameters that uses train users alone.

The train users are split in two halves, and a world is fitted to each. Every candidate learns in the first and meets
the users of the second after each epoch: this rewards what holds in a world that was never learned from. The test
users, and what is fitted to them, have no part in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from pydantic import BaseModel, ConfigDict

from billp.baselines.rl.hyperparameters import (
    Hyperparameters,
    hyperparameters_of,
    read_hyperparameters,
    search_space_of,
)
from billp.baselines.rl.probe import CurvePoint, EvaluationUsers
from billp.experiments.policies.policy_training import OnProgress, audience_of, check_trainable, classroom
from billp.experiments.runs.config import run_config, surroundings
from billp.experiments.runs.configured_folder import ConfiguredFolder
from billp.experiments.runs.run_names import trial_file
from billp.experiments.runs.stored import read_stored
from billp.graphs.dependencies import Dependencies
from billp.graphs.resources import Resources
from billp.simulators import build_halves
from billp.simulators.progress import part
from billp.simulators.reference_policies import Outcome
from billp.whole_files import write_whole

if TYPE_CHECKING:
    from billp.baselines.rl.algorithms.agent import TrainingData

Changes = Mapping[str, int | float | str]
"""Hyperparameters that differ from the method's file."""

_FITTING = 0.05  # share of the search that the bar gives to fitting the two worlds


class Trial(BaseModel):
    """One candidate: its changes, and its results after the epoch that was best with the second half's users."""

    model_config = ConfigDict(frozen=True)

    changes: dict[str, int | float | str]
    epoch: int
    epochs: int
    steps: int
    seconds: float
    """Of learning until that epoch."""
    learned_with: Outcome
    held_out: Outcome
    last: Outcome
    """The second half's users after the last epoch."""


def tune(
    resources: Resources,
    deps: Dependencies,
    *,
    method: str,
    trials: int,
    epochs: int | None,
    seed: int,
    run: Path,
    resume: bool,
    on_progress: OnProgress,
) -> list[Trial]:
    """Tries `trials` candidates, the method's file first; they are in the folder `run`, which can be resumed.

    `epochs` replaces those of the search space if given. Raises BadInputError without tianshou, and ArtifactError if
    `run` was made with something else.
    """
    check_trainable(method)
    space = search_space_of(method)
    base = hyperparameters_of(method, epochs or space.epochs)
    tried = candidates(base.model_dump(), space.values, trials, seed)
    plan = {
        "command": "tune",
        "method": method,
        "seed": seed,
        "hyperparameters": base.model_dump(),
        "changes": [dict(changes) for changes in tried],
    }
    config = run_config(resources, deps, plan)
    with ConfiguredFolder(run, config, surroundings(resources.settings), resume=resume):
        train = deps.worlds.train
        halves = build_halves(deps.dataset, train.users, train.settings, part(on_progress, 0, _FITTING))
        room = classroom(deps, halves.train, seed)
        others = audience_of(deps, halves.test, halves.test.users.tolist())
        share = (1 - _FITTING) / len(tried)
        return [
            _trial(
                room, others, method, base, changes, file=run / trial_file(number),
                on_progress=part(on_progress, _FITTING + share * number, share),
            )
            for number, changes in enumerate(tried)
        ]  # fmt: skip


def candidates(
    base: Mapping[str, object], values: Mapping[str, Sequence[int | float | str]], count: int, seed: int
) -> list[Changes]:
    """Returns `count` candidates, or all: no change, then different combinations of `values`, drawn with `seed`."""
    known = [
        {name: value for name, value in zip(values, combination, strict=True) if value != base[name]}
        for combination in product(*values.values())
    ]
    order = np.random.default_rng(seed).permutation(len(known))
    return [{}, *(known[number] for number in order if known[number])][:count]


def _trial(
    room: TrainingData,
    others: EvaluationUsers,
    method: str,
    base: Hyperparameters,
    changes: Changes,
    *,
    file: Path,
    on_progress: OnProgress,
) -> Trial:
    from billp.baselines.rl.algorithms.training import train_policy  # noqa: PLC0415 -- loads torch and tianshou

    folder = file.parent
    if file.is_file():
        return read_stored(file, Trial, f"remove {folder} and go on with --resume")
    folder.mkdir(exist_ok=True)
    hyper = read_hyperparameters(method, {**base.model_dump(), **changes})
    record = train_policy(method, hyper, room, folder, on_progress=on_progress, held_out=others)
    found = _best(dict(changes), record.curve)
    write_whole(file, found.model_dump_json(indent=2) + "\n")
    return found


def _best(changes: dict[str, int | float | str], curve: Sequence[CurvePoint]) -> Trial:
    tried = [(point, point.held_out) for point in curve if point.held_out is not None]
    point, held_out = max(tried, key=lambda both: both[1].r_traj)
    return Trial(
        changes=changes,
        epoch=point.epoch,
        epochs=len(curve),
        steps=point.steps,
        seconds=point.seconds,
        learned_with=point.train_users,
        held_out=held_out,
        last=tried[-1][1],
    )
