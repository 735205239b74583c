"""Trains a policy epoch by epoch, resumable after each; a curve of what train users make of it goes with it."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from experiments.baselines.algorithms.agent import Agent, Classroom
from experiments.baselines.algorithms.agents import agent_of
from experiments.baselines.algorithms.checkpoint import FILE, load_checkpoint, save_checkpoint
from experiments.baselines.hyperparameters import Hyperparameters
from experiments.baselines.networks.choosing import choose_items
from experiments.baselines.observations import Observations
from experiments.baselines.policy import PolicyRecord, save_policy
from experiments.baselines.probe import CurvePoint, probe
from simulators import users_of
from simulators.one_thread import one_thread

OnProgress = Callable[[float], None]
POLICY = "policy"
_PROBED = 100  # train users of the curve


def train_policy(
    method: str, hyper: Hyperparameters, room: Classroom, folder: Path, on_progress: OnProgress
) -> PolicyRecord:
    """Trains until `hyper.epochs` are over and writes `folder/policy`; goes on from a checkpoint in `folder`.

    Every epoch begins with generators seeded for it and with new episodes, so that a training that was broken off
    ends like an unbroken one. Online methods hand over the weights of the epoch with the highest R_traj of the probe,
    whose users are train users; a method that may meet nobody hands over its last ones, and its curve decides nothing.
    """
    from torch.utils.tensorboard import SummaryWriter  # noqa: PLC0415 -- loads tensorboard

    with one_thread():
        _seed(_seed_of(room.seed, 0))
        agent = agent_of(method, room, hyper)
        found = load_checkpoint(folder, agent)
        curve = list(found[0].curve) if found else []
        best, at = (found[1], found[0].best) if found else (_weights(agent), 0)
        with SummaryWriter(str(folder / "tensorboard"), purge_step=_steps(curve)) as board:
            for number in range(len(curve), hyper.epochs):
                point = _epoch(agent, room, hyper, number=number, curve=curve, on_progress=on_progress)
                if not agent.online or not curve or point.r_traj > max(old.r_traj for old in curve):
                    best, at = _weights(agent), point.epoch
                curve.append(point)
                save_checkpoint(folder, agent, best, curve, at)
                for name, value in [
                    *point.losses.items(),
                    *((n, getattr(point, n)) for n in ("len", "r_each", "r_traj")),
                ]:
                    board.add_scalar(name, value, point.steps)
    record = PolicyRecord(
        method=method,
        dataset=room.dataset.name,
        fingerprint=room.dataset.fingerprint,
        seed=room.seed,
        hyperparameters=hyper.model_dump(),
        history=room.layout.history,
        horizon=room.layout.horizon,
        mask=room.mask,
        epoch=at,
        steps=_steps(curve),
        seconds=curve[-1].seconds,
        curve=curve,
    )
    save_policy(folder / POLICY, record, best)
    (folder / FILE).unlink()
    return record


def _epoch(
    agent: Agent,
    room: Classroom,
    hyper: Hyperparameters,
    *,
    number: int,
    curve: list[CurvePoint],
    on_progress: OnProgress,
) -> CurvePoint:
    seed = _seed_of(room.seed, number + 1)
    _seed(seed)
    started = time.perf_counter()
    losses = agent.epoch(number, seed, lambda share: on_progress((number + share) / hyper.epochs))
    seconds = time.perf_counter() - started + (curve[-1].seconds if curve else 0.0)
    rng = np.random.default_rng(seed)

    def act(seen: Observations) -> NDArray[np.int64]:
        return choose_items(agent.network, seen, hyper.choice, rng)

    users = users_of(room.world, min(_PROBED, len(room.world.users)), room.world.settings.seed)
    length, each, total = probe(room.world, users, room.histories, room.layout, act)
    return CurvePoint(
        epoch=number + 1,
        steps=_steps(curve) + agent.steps_each,
        seconds=seconds,
        len=length,
        r_each=each,
        r_traj=total,
        losses=losses,
    )


def _steps(curve: list[CurvePoint]) -> int:
    return curve[-1].steps if curve else 0


def _weights(agent: Agent) -> dict[str, torch.Tensor]:
    return {name: tensor.detach().clone().contiguous() for name, tensor in agent.network.state_dict().items()}


def _seed_of(seed: int, number: int) -> int:
    return int(np.random.SeedSequence([seed, number]).generate_state(1)[0])


def _seed(seed: int) -> None:
    torch.manual_seed(seed)
    np.random.seed(seed)  # tianshou shuffles minibatches with NumPy's global generator
