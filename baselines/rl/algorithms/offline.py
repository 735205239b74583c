"""DiscreteBCQ, DiscreteCQL, DiscreteCRR and SQN on the logs of the train users."""

from __future__ import annotations

from typing import Any, cast

from gymnasium.spaces import Discrete
from tianshou.algorithm.algorithm_base import Algorithm
from tianshou.algorithm.imitation.discrete_bcq import DiscreteBCQ, DiscreteBCQPolicy
from tianshou.algorithm.imitation.discrete_cql import DiscreteCQL
from tianshou.algorithm.imitation.discrete_crr import DiscreteCRR
from tianshou.algorithm.modelfree.dqn import DiscreteQLearningPolicy
from tianshou.algorithm.modelfree.qrdqn import QRDQNPolicy
from tianshou.algorithm.modelfree.reinforce import DiscreteActorPolicy
from tianshou.algorithm.optim import AdamOptimizerFactory
from tianshou.utils.torch_utils import policy_within_training_step

from billp.baselines.rl.algorithms.agent import Advance, Losses, TrainingData, buffer_of
from billp.baselines.rl.algorithms.sqn import SQN
from billp.baselines.rl.hyperparameters import (
    BCQHyperparameters,
    CQLHyperparameters,
    CRRHyperparameters,
    OfflineHyperparameters,
)
from billp.baselines.rl.networks.scores import (
    ActingNetwork,
    ItemValues,
    LikelyScores,
    QuantileScores,
    Scores,
    TwoHeads,
)
from billp.baselines.rl.trajectories import logged_trajectories
from billp.baselines.rl.transitions import Transitions


class OfflineLearner:
    """Takes gradient steps on samples of the logs; meets no users."""

    def __init__(
        self, room: TrainingData, hyper: OfflineHyperparameters, network: ActingNetwork, algorithm: Algorithm[Any, Any]
    ) -> None:
        self._hyper, self.network, self.algorithm = hyper, network, algorithm
        self._logged = logged_trajectories(room.dataset, room.world.users, room.layout)
        self.steps_each = hyper.updates

    def epoch(self, number: int, seed: int, advance: Advance) -> dict[str, float]:
        """Learns from `updates` samples."""
        losses, buffer = Losses(), buffer_of(self._logged, seed)
        with policy_within_training_step(self.algorithm.policy):
            for done in range(self._hyper.updates):
                losses.add(cast(Any, self.algorithm).update(buffer, self._hyper.batch))
                advance((done + 1) / self._hyper.updates)
        return losses.means()

    def remembered(self) -> Transitions | None:
        """Returns None: the logs are kept elsewhere."""
        return None

    def remember(self, kept: Transitions) -> None:
        """Does nothing."""


def bcq(room: TrainingData, hyper: BCQHyperparameters) -> OfflineLearner:
    """Returns discrete batch-constrained Q-learning (Fujimoto et al. 2019, arXiv 1910.01708)."""
    network = LikelyScores(room.space, hyper, room.mask)
    policy = DiscreteBCQPolicy(
        model=network.values,
        imitator=network.imitator,
        unlikely_action_threshold=hyper.unlikely,
        action_space=Discrete(room.space.n_items),
    )
    algorithm = DiscreteBCQ(
        policy=policy,
        optim=AdamOptimizerFactory(lr=hyper.learning_rate),
        gamma=hyper.discount,
        target_update_freq=hyper.target_every,
        imitation_logits_penalty=0.0,  # it would square the scores of masked items
    )
    return OfflineLearner(room, hyper, network, algorithm)


def cql(room: TrainingData, hyper: CQLHyperparameters) -> OfflineLearner:
    """Returns discrete conservative Q-learning (Kumar et al. 2020, arXiv 2006.04779) on quantiles of the value."""
    network = QuantileScores(room.space, hyper, room.mask)
    algorithm = DiscreteCQL(
        policy=QRDQNPolicy(model=network, action_space=Discrete(room.space.n_items)),
        optim=AdamOptimizerFactory(lr=hyper.learning_rate),
        gamma=hyper.discount,
        num_quantiles=hyper.quantiles,
        target_update_freq=hyper.target_every,
        min_q_weight=hyper.conservatism,
    )
    return OfflineLearner(room, hyper, network, algorithm)


def crr(room: TrainingData, hyper: CRRHyperparameters) -> OfflineLearner:
    """Returns discrete critic-regularised regression (Wang et al. 2020, arXiv 2006.15134)."""
    network = Scores(room.space, hyper, room.mask)
    algorithm = DiscreteCRR(
        policy=DiscreteActorPolicy(actor=cast(Any, network), action_space=Discrete(room.space.n_items)),
        critic=ItemValues(room.space, hyper, room.mask),
        optim=AdamOptimizerFactory(lr=hyper.learning_rate),
        gamma=hyper.discount,
        beta=hyper.temperature,
        min_q_weight=hyper.conservatism,
        target_update_freq=hyper.target_every,
    )
    return OfflineLearner(room, hyper, network, algorithm)


def sqn(room: TrainingData, hyper: OfflineHyperparameters) -> OfflineLearner:
    """Returns self-supervised Q-learning; see `sqn`."""
    network = TwoHeads(room.space, hyper, room.mask)
    algorithm = SQN(
        policy=DiscreteQLearningPolicy(model=network, action_space=Discrete(room.space.n_items)),
        optim=AdamOptimizerFactory(lr=hyper.learning_rate),
        gamma=hyper.discount,
        target_update_freq=hyper.target_every,
    )
    return OfflineLearner(room, hyper, network, algorithm)
