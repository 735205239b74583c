"""An agent of a reinforcement-learning library trains on the registered environment as it is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from tianshou.algorithm.modelfree.dqn import DQN, DiscreteQLearningPolicy
from tianshou.algorithm.optim import AdamOptimizerFactory
from tianshou.data import Batch, Collector, VectorReplayBuffer
from tianshou.env import DummyVectorEnv
from tianshou.trainer import OffPolicyTrainerParams

from billp.simulators import register_environments, save_worlds, simulator_folder
from tests.fakes.worlds import tiny_worlds

ITEMS, HORIZON, USERS = 60, 12, 4


@pytest.fixture
def tiny_id(tmp_path) -> Iterator[str]:
    save_worlds(simulator_folder(tmp_path, "tiny"), tiny_worlds())
    (name,) = register_environments(tmp_path)
    yield name
    del gymnasium.registry[name]


class Values(torch.nn.Module):
    """Q of every item, from the last items and the step: an ordinary network over the Dict observation."""

    def __init__(self) -> None:
        super().__init__()
        self.items = torch.nn.Embedding(ITEMS + 1, 8)
        self.head = torch.nn.Linear(8 + 1, ITEMS)

    def forward(self, obs: Batch, state: object = None, info: object = None) -> tuple[torch.Tensor, object]:
        recent = torch.as_tensor(np.asarray(obs.recent)) + 1
        step = torch.as_tensor(np.asarray(obs.step), dtype=torch.float32)[:, None] / HORIZON
        return self.head(torch.cat([self.items(recent).mean(1), step], dim=1)), state


def test_a_tianshou_agent_trains(tiny_id):
    torch.manual_seed(0)
    np.random.seed(0)  # tianshou explores with NumPy's global generator
    users = DummyVectorEnv([lambda: gymnasium.make(tiny_id)] * USERS)
    judged = DummyVectorEnv([lambda: gymnasium.make(tiny_id, split="test")])
    env = gymnasium.make(tiny_id)
    policy = DiscreteQLearningPolicy(
        model=Values(),
        action_space=env.action_space,
        observation_space=env.observation_space,
        eps_training=0.3,
    )
    agent: DQN[Any] = DQN(policy=policy, optim=AdamOptimizerFactory(lr=1e-2), gamma=0.9, target_update_freq=50)
    before = [parameter.detach().clone() for parameter in policy.model.parameters()]
    collector: Collector[Any] = Collector(policy, users, VectorReplayBuffer(1000, USERS), exploration_noise=True)
    result = agent.run_training(
        OffPolicyTrainerParams(
            training_collector=collector,
            test_collector=Collector(policy, judged),
            max_epochs=1,
            epoch_num_steps=160,
            collection_step_num_env_steps=20,
            update_step_num_gradient_steps_per_sample=0.5,
            batch_size=32,
            test_step_num_episodes=2,
            verbose=False,
            show_progress=False,
        )
    )
    assert result.train_step >= 160
    assert result.update_step == 8
    assert result.train_episode >= 160 / HORIZON - USERS
    assert result.test_episode >= 2
    assert 1 <= result.best_reward <= 5 * HORIZON
    moved = [not torch.equal(old, new) for old, new in zip(before, policy.model.parameters(), strict=True)]
    assert all(moved)
