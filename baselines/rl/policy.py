"""A trained policy on disk and in episodes: `policy.safetensors` beside `policy.json`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from billp.agents.recommender import Observations
from billp.baselines.rl.hyperparameters import Hyperparameters, read_hyperparameters
from billp.baselines.rl.item_space import item_space
from billp.baselines.rl.observations import Layout
from billp.baselines.rl.probe import CurvePoint
from billp.errors import ArtifactError
from billp.names import checked_name
from billp.simulators import Dataset
from billp.simulators.data.dataset import file_digest
from billp.whole_files import read_bounded, replaced_folder, write_whole

if TYPE_CHECKING:
    import torch

    from billp.baselines.rl.networks.scores import ActingNetwork

RECORD, WEIGHTS = "policy.json", "policy.safetensors"
_LARGEST = 64_000_000  # bytes of a record


class PolicyRecord(BaseModel):
    """The content of `policy.json`: how the policy was trained, and the SHA-256 of its weights."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal[2] = 2
    method: str
    dataset: str
    fingerprint: str
    seed: int
    hyperparameters: dict[str, Any]
    history: int
    horizon: int
    mask: bool
    steps: int
    """Steps of the whole training: steps of simulated users, or gradient steps of a method that meets none.

    Steps of users include those between two episodes, in which nothing is recommended.
    """
    seconds: float
    curve: list[CurvePoint]
    sha256: str = ""


class TrainedPolicy:
    """Chooses items; it knows of a user what an agent may know, the history and the answers."""

    def __init__(self, record: PolicyRecord, hyper: Hyperparameters, network: ActingNetwork) -> None:
        self.record = record
        self._hyper, self._network = hyper, network
        self._layout = Layout(record.history, record.horizon)

    def choose(self, seen: Observations) -> NDArray[np.int64]:
        """Returns the next item of each user, shape (n,); policies that draw use `seen.seeds`."""
        from billp.baselines.rl.networks.choosing import choose_items, noise_of  # noqa: PLC0415 -- loads torch

        given = self._layout.start(seen.histories)
        for step in range(seen.shown.shape[1]):
            rows = np.flatnonzero(seen.steps > step)
            given[rows] = self._layout.follow(given[rows], seen.shown[rows, step], seen.rewards[rows, step])
        noise = noise_of(seen.seeds.tolist()) if self._hyper.choice == "draw" else None
        return choose_items(self._network, given, noise, seen.masked)


def policy_folder(data_dir: Path, dataset: str, name: str) -> Path:
    """Returns the folder of the policy `name` of a dataset."""
    return data_dir / "policies" / dataset / checked_name("policy", name)


def save_policy(folder: Path, record: PolicyRecord, weights: dict[str, torch.Tensor]) -> None:
    """Writes the policy to `folder`, replacing what was there."""
    from safetensors.torch import save_file  # noqa: PLC0415 -- loads torch

    with replaced_folder(folder) as new:
        save_file(weights, new / WEIGHTS)
        stored = record.model_copy(update={"sha256": file_digest(new / WEIGHTS)})
        write_whole(new / RECORD, stored.model_dump_json(indent=2) + "\n")


def load_policy(folder: Path, dataset: Dataset, method: str) -> TrainedPolicy:
    """Returns the policy in `folder`; raises ArtifactError, with the remedy, if it is missing or does not fit."""
    from safetensors.torch import load_file  # noqa: PLC0415 -- loads torch

    from billp.baselines.rl.networks.scores import acting_network  # noqa: PLC0415 -- loads torch

    remedy = f"train it with `billp train --method {method} --dataset {dataset.name}`"
    anew = f"{remedy}; where it is a comparison's own, remove {folder} and resume the comparison"
    if not (folder / RECORD).is_file():
        raise ArtifactError(f"There is no trained policy in {folder}; {remedy}.")
    try:
        record = PolicyRecord.model_validate_json(read_bounded(folder / RECORD, _LARGEST))
        hyper = read_hyperparameters(record.method, record.hyperparameters)
    except (ValidationError, KeyError, OSError) as error:
        raise ArtifactError(f"{folder / RECORD} is damaged or of another version; {anew}.") from error
    if record.method != method or record.fingerprint != dataset.fingerprint:
        raise ArtifactError(
            f"The policy in {folder} is {record.method} trained on {record.dataset} as it was then; {anew}."
        )
    weights = folder / WEIGHTS
    if not weights.is_file() or file_digest(weights) != record.sha256:
        raise ArtifactError(f"{weights} is missing or damaged; {anew}.")
    network = acting_network(method, item_space(dataset.catalogue), hyper, record.mask)
    network.load_state_dict(load_file(weights))
    network.eval()
    return TrainedPolicy(record, hyper, network)
