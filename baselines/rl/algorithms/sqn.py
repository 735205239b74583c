"""SQN: a supervised next-item head beside the head of a Q-learner."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import torch
from tianshou.algorithm.algorithm_base import OfflineAlgorithm
from tianshou.algorithm.modelfree.dqn import DQN, DiscreteQLearningPolicy
from tianshou.algorithm.modelfree.reinforce import SimpleLossTrainingStats
from tianshou.data.types import RolloutBatchProtocol
from torch.nn import functional

from billp.baselines.rl.networks.scores import TwoHeads

Policy = DiscreteQLearningPolicy[TwoHeads]


@dataclass(kw_only=True)
class SQNTrainingStats(SimpleLossTrainingStats):
    """The two parts of the loss."""

    q_loss: float
    next_loss: float


class SQN(OfflineAlgorithm[Policy], DQN[Policy]):  # type: ignore[misc]  # tianshou's own way from off-policy to offline
    """Self-supervised Q-learning (Xin et al., "Self-Supervised Reinforcement Learning for Recommender Systems", SIGIR
    2020, arXiv 2006.05779): cross-entropy of the next item plus the error of double Q-learning, on one shared state.

    The supervised head recommends; the Q head only shapes the state. Unlike in the paper, where two Q heads estimate
    each other in turn, a target network does (tianshou's double DQN).
    """

    def _update_with_batch(self, batch: RolloutBatchProtocol) -> SQNTrainingStats:
        self._periodically_update_lagged_network_weights()
        given = cast(Any, batch)
        values, following = self.policy.model.both(given.obs)
        items = torch.as_tensor(given.act, dtype=torch.int64)
        q_loss = functional.smooth_l1_loss(values.gather(1, items[:, None])[:, 0], given.returns.flatten().float())
        next_loss = functional.cross_entropy(following, items)
        loss = q_loss + next_loss
        self.optim.step(loss)
        return SQNTrainingStats(loss=loss.item(), q_loss=q_loss.item(), next_loss=next_loss.item())
