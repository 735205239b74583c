"""Trains a policy epoch by epoch, resumable after each, with a learning curve on train users."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch

from billp.baselines.rl.algorithms.agent import Agent, TrainingData
from billp.baselines.rl.algorithms.agents import agent_of
from billp.baselines.rl.algorithms.checkpoint import FILE, load_checkpoint, save_checkpoint
from billp.baselines.rl.hyperparameters import Hyperparameters
from billp.baselines.rl.networks.choosing import choose_items
from billp.baselines.rl.policy import PolicyRecord, save_policy
from billp.baselines.rl.probe import CurvePoint, EvaluationUsers, probe
from billp.simulators import users_of
from billp.simulators.rating.one_thread import one_thread
from billp.simulators.reference_policies import Outcome

OnProgress = Callable[[float], None]
POLICY = "policy"
_PROBED = 100  # train users of the curve


def train_policy(
    method: str,
    hyper: Hyperparameters,
    room: TrainingData,
    folder: Path,
    *,
    on_progress: OnProgress,
    held_out: EvaluationUsers | None = None,
) -> PolicyRecord:
    """Trains for `hyper.epochs` epochs and writes `folder/policy`; goes on from a checkpoint in `folder`.

    Every epoch begins with generators seeded for it and with new episodes, so that an interrupted training ends like an
    uninterrupted one. The last weights are the policy's: choosing an epoch by the users it learned with would prefer
    what fits them alone. After each epoch the policy meets train users, and those of `held_out`: these are points of
    its curve, which training does not read.
    """
    from torch.utils.tensorboard import SummaryWriter  # noqa: PLC0415 -- loads tensorboard

    with one_thread():
        _seed(_seed_of(room.seed, 0))
        agent = agent_of(method, room, hyper)
        curve = load_checkpoint(folder, agent)
        with SummaryWriter(str(folder / "tensorboard"), purge_step=_steps(curve)) as board:
            for number in range(len(curve), hyper.epochs):
                point = _epoch(
                    agent, room, hyper, held_out, number=number, curve=curve, on_progress=on_progress
                )  # fmt: skip
                curve.append(point)
                save_checkpoint(folder, agent, curve)
                for name, value in _scalars(point).items():
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
        steps=_steps(curve),
        seconds=curve[-1].seconds,
        curve=curve,
    )
    weights = {name: tensor.detach().clone().contiguous() for name, tensor in agent.network.state_dict().items()}
    save_policy(folder / POLICY, record, weights)
    (folder / FILE).unlink()
    return record


def _epoch(
    agent: Agent,
    room: TrainingData,
    hyper: Hyperparameters,
    held_out: EvaluationUsers | None,
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

    def met(audience: EvaluationUsers) -> Outcome:
        rng = np.random.default_rng(seed)
        noise = (lambda shape: rng.gumbel(size=shape)) if hyper.choice == "draw" else None
        return probe(audience, room.layout, lambda seen, own: choose_items(agent.network, seen, noise, own))

    users = users_of(room.world, min(_PROBED, len(room.world.users)), room.world.settings.seed)
    return CurvePoint(
        epoch=number + 1,
        steps=_steps(curve) + agent.steps_each,
        seconds=seconds,
        train_users=met(EvaluationUsers(room.world, users, room.histories, room.own)),
        held_out=met(held_out) if held_out is not None else None,
        losses=losses,
    )


def _scalars(point: CurvePoint) -> dict[str, float]:
    """Returns what TensorBoard shows of a point."""
    found = {**point.losses, **asdict(point.train_users)}
    if point.held_out is not None:
        found |= {f"held_out/{name}": value for name, value in asdict(point.held_out).items()}
    return found


def _steps(curve: list[CurvePoint]) -> int:
    return curve[-1].steps if curve else 0


def _seed_of(seed: int, number: int) -> int:
    return int(np.random.SeedSequence([seed, number]).generate_state(1)[0])


def _seed(seed: int) -> None:
    torch.manual_seed(seed)
    np.random.seed(seed)  # tianshou shuffles minibatches with NumPy's global generator
