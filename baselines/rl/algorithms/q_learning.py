"""DQN on the simulated users."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from gymnasium.spaces import Discrete
from numpy.typing import NDArray
from tianshou.algorithm.modelfree.dqn import DQN, DiscreteQLearningPolicy
from tianshou.algorithm.optim import AdamOptimizerFactory
from tianshou.utils.torch_utils import policy_within_training_step

from billp.baselines.rl.algorithms.agent import Advance, Losses, TrainingData, buffer_of, uniform_items
from billp.baselines.rl.hyperparameters import QHyperparameters
from billp.baselines.rl.networks.scores import Scores
from billp.baselines.rl.observations import Observations
from billp.baselines.rl.rollouts import Rollouts
from billp.baselines.rl.transitions import Transitions, joined
from billp.simulators import VectorUserEnv


class QLearner:
    """Deep Q-learning with a target network and double estimates (Mnih et al. 2015; van Hasselt et al. 2016).

    It explores by random items, whose share falls from epoch to epoch, whatever the number of epochs.
    """

    def __init__(self, room: TrainingData, hyper: QHyperparameters) -> None:
        self._room, self._hyper = room, hyper
        self.network = Scores(room.space, hyper, room.mask)
        self.algorithm: DQN[Any] = DQN(
            policy=DiscreteQLearningPolicy(model=self.network, action_space=Discrete(room.space.n_items)),
            optim=AdamOptimizerFactory(lr=hyper.learning_rate),
            gamma=hyper.discount,
            target_update_freq=hyper.target_every,
            huber_loss_delta=1.0,
        )
        self.steps_each = hyper.users * hyper.steps * hyper.rounds
        self._rollouts = Rollouts(VectorUserEnv(room.world, hyper.users), room.histories, room.layout)
        self._kept: Transitions | None = None

    def epoch(self, number: int, seed: int, advance: Advance) -> dict[str, float]:
        """Alternates between collecting and learning."""
        hyper, losses, rng = self._hyper, Losses(), np.random.default_rng(seed)
        share = min(1.0, number / max(1, hyper.explore_epochs - 1))
        random_share = hyper.explore_first + (hyper.explore_last - hyper.explore_first) * share

        def act(seen: Observations) -> NDArray[np.int64]:
            with torch.no_grad():
                items = self.network.scores(seen).argmax(1).numpy()
            explored = rng.random(len(items)) < random_share
            items[explored] = uniform_items(rng, seen[explored], self._room.space.n_items, self._room.mask)
            return np.asarray(items)

        self._rollouts.begin(seed)
        for done in range(hyper.rounds):
            new = self._rollouts.collect(act, hyper.steps)
            self._kept = (joined([self._kept, new]) if self._kept is not None else new).newest(hyper.replay)
            buffer = buffer_of(self._kept, int(rng.integers(2**32)))
            with policy_within_training_step(self.algorithm.policy):
                for _ in range(hyper.updates):
                    losses.add(self.algorithm.update(buffer, hyper.batch))
            advance((done + 1) / hyper.rounds)
        return losses.means()

    def remembered(self) -> Transitions | None:
        """Returns the replay memory."""
        return self._kept

    def remember(self, kept: Transitions) -> None:
        """Restores the replay memory."""
        self._kept = kept
