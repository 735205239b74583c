"""Checkpoints of a training in one safetensors file: written atomically, without pickles."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import torch
from pydantic import BaseModel, ConfigDict, ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file

from billp.baselines.rl.algorithms.agent import Agent
from billp.baselines.rl.probe import CurvePoint
from billp.baselines.rl.transitions import Transitions
from billp.errors import ArtifactError
from billp.whole_files import replacing

FILE = "checkpoint.safetensors"
_WEIGHTS, _OPTIMISER, _KEPT = "weights.", "optimiser.", "kept."
_PROGRESS = "progress"


class Progress(BaseModel):
    """The part of a checkpoint without tensors: the curve so far, and the updates counted by tianshou."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    curve: list[CurvePoint]
    iterations: int


def save_checkpoint(folder: Path, agent: Agent, curve: list[CurvePoint]) -> None:
    """Replaces the checkpoint in `folder`."""
    state = agent.algorithm.state_dict()  # type: ignore[no-untyped-call]
    optimisers = state.pop("_optimizers")
    tensors = {_WEIGHTS + name: tensor for name, tensor in state.items()}
    for number, optimiser in enumerate(optimisers):
        for parameter, values in optimiser["state"].items():
            for name, tensor in values.items():
                tensors[f"{_OPTIMISER}{number}.{parameter}.{name}"] = torch.as_tensor(tensor)
    kept = agent.remembered()
    if kept is not None:
        tensors |= {_KEPT + field.name: torch.from_numpy(getattr(kept, field.name)) for field in fields(kept)}
    progress = Progress(curve=curve, iterations=getattr(agent.algorithm, "_iter", 0))
    # Target networks may share storage with their originals; the format needs separate tensors.
    whole = {name: tensor.detach().clone().contiguous() for name, tensor in tensors.items()}
    with replacing(folder / FILE) as (partial,):
        save_file(whole, partial, metadata={_PROGRESS: progress.model_dump_json()})


def load_checkpoint(folder: Path, agent: Agent) -> list[CurvePoint]:
    """Restores the agent and returns the curve so far; an empty one without a checkpoint.

    Raises ArtifactError for a file that is damaged or of another agent.
    """
    path = folder / FILE
    if not path.exists():
        return []
    try:
        with safe_open(path, "pt") as file:
            progress = Progress.model_validate_json(file.metadata()[_PROGRESS])
        tensors = load_file(path)
        state: dict[str, Any] = dict(_under(_WEIGHTS, tensors))
        fresh = agent.algorithm.state_dict()["_optimizers"]  # type: ignore[no-untyped-call]
        state["_optimizers"] = [
            {"state": _optimiser_state(_under(f"{_OPTIMISER}{number}.", tensors)), "param_groups": one["param_groups"]}
            for number, one in enumerate(fresh)
        ]
        agent.algorithm.load_state_dict(state)
    except (SafetensorError, ValidationError, RuntimeError, KeyError, TypeError, OSError) as error:
        raise ArtifactError(f"{path} is damaged or of another version; remove it to start again.") from error
    algorithm: Any = agent.algorithm
    if hasattr(algorithm, "_iter"):
        algorithm._iter = progress.iterations
    kept = _under(_KEPT, tensors)
    if kept:
        agent.remember(Transitions(**{name: tensor.numpy() for name, tensor in kept.items()}))
    return progress.curve


def _under(prefix: str, tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def _optimiser_state(tensors: dict[str, torch.Tensor]) -> dict[int, dict[str, torch.Tensor]]:
    state: dict[int, dict[str, torch.Tensor]] = {}
    for name, tensor in tensors.items():
        parameter, _, value = name.partition(".")
        state.setdefault(int(parameter), {})[value] = tensor
    return state
