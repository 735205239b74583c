"""Creates the agent of a method."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from billp.baselines.rl.algorithms.actor_critic import DORL, ActorCritic
from billp.baselines.rl.algorithms.agent import Agent, TrainingData
from billp.baselines.rl.algorithms.offline import bcq, cql, crr, sqn
from billp.baselines.rl.algorithms.q_learning import QLearner
from billp.baselines.rl.hyperparameters import Hyperparameters

_AGENTS: Mapping[str, Callable[[TrainingData, Any], Agent]] = {
    "dqn": QLearner,
    "a2c": partial(ActorCritic, clipped=False),
    "ppo": partial(ActorCritic, clipped=True),
    "dorl": DORL,
    "bcq": bcq,
    "cql": cql,
    "crr": crr,
    "sqn": sqn,
}


def agent_of(method: str, room: TrainingData, hyper: Hyperparameters) -> Agent:
    """Returns the method's agent, not yet trained; the global generators decide its initial weights."""
    return _AGENTS[method](room, hyper)
