"""A2C and PPO on the simulated users, and DORL: A2C on users simulated from the logs."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import torch
from gymnasium.spaces import Discrete
from numpy.typing import NDArray
from tianshou.algorithm.modelfree.a2c import A2C
from tianshou.algorithm.modelfree.ppo import PPO
from tianshou.algorithm.modelfree.reinforce import DiscreteActorPolicy
from tianshou.algorithm.optim import AdamOptimizerFactory
from tianshou.utils.torch_utils import policy_within_training_step

from billp.baselines.rl.algorithms.agent import Advance, Losses, TrainingData, buffer_of
from billp.baselines.rl.hyperparameters import ActorCriticHyperparameters, DORLHyperparameters
from billp.baselines.rl.networks.scores import Scores, Value
from billp.baselines.rl.observations import Observations
from billp.baselines.rl.pessimism import DORLWorldModel, Penalties, entropy_after, fit_ensemble
from billp.baselines.rl.rollouts import ManyUsers, Rollouts
from billp.baselines.rl.transitions import Transitions
from billp.simulators import VectorUserEnv

_AT_ONCE = 4096  # states valued at once


class ActorCritic:
    """Advantage actor-critic (Mnih et al. 2016), or proximal policy optimisation (Schulman et al. 2017)."""

    def __init__(
        self, room: TrainingData, hyper: ActorCriticHyperparameters, *, clipped: bool, users: ManyUsers | None = None
    ) -> None:
        """Takes training data and hyperparameters; `clipped` is PPO, `users` replace the train world's."""
        self._hyper = hyper
        self.network = Scores(room.space, hyper, room.mask)
        given: dict[str, Any] = {
            "policy": DiscreteActorPolicy(actor=cast(Any, self.network), action_space=Discrete(room.space.n_items)),
            "critic": Value(room.space, hyper),
            "optim": AdamOptimizerFactory(lr=hyper.learning_rate),
            "vf_coef": hyper.value,
            "ent_coef": hyper.entropy,
            "max_grad_norm": hyper.gradient,
            "gae_lambda": hyper.trace,
            "gamma": hyper.discount,
            "max_batchsize": _AT_ONCE,
        }
        self.algorithm: A2C = (
            PPO(**given, eps_clip=hyper.clip, advantage_normalization=True) if clipped else A2C(**given)
        )
        self.steps_each = hyper.users * hyper.steps * hyper.rounds
        self._rollouts = Rollouts(users or VectorUserEnv(room.world, hyper.users), room.histories, room.layout)

    def epoch(self, number: int, seed: int, advance: Advance) -> dict[str, float]:
        """Alternates between collecting with the present policy and learning from exactly that."""
        hyper, losses = self._hyper, Losses()

        def act(seen: Observations) -> NDArray[np.int64]:
            # The maximum of scores with Gumbel noise is a draw from their softmax; torch.multinomial takes 20 times as
            # long for some thousand items.
            with torch.no_grad():
                scores = self.network.scores(seen)
                noise = -torch.empty_like(scores).exponential_().log()
            return np.asarray((scores + noise).argmax(1).numpy())

        self._rollouts.begin(seed)
        for done in range(hyper.rounds):
            buffer = buffer_of(self._rollouts.collect(act, hyper.steps), seed)
            with policy_within_training_step(self.algorithm.policy):
                losses.add(self.algorithm.update(buffer, hyper.batch, hyper.repeats))
            advance((done + 1) / hyper.rounds)
        return losses.means()

    def remembered(self) -> Transitions | None:
        """Returns None: nothing is kept."""
        return None

    def remember(self, kept: Transitions) -> None:
        """Does nothing."""


class DORL(ActorCritic):
    """Debiased offline RL (Gao et al., "Alleviating Matthew Effect of Offline Reinforcement Learning in Interactive
    Recommendation", SIGIR 2023, arXiv 2307.04571): A2C in a world model of the logs (see `pessimism`).

    Differences from the paper: the ensemble is of factorisation models, and the entropy that rewards variety is of
    what followed one item, not several.
    """

    def __init__(self, room: TrainingData, hyper: DORLHyperparameters) -> None:
        users = room.world.users
        world_model = DORLWorldModel(
            fit_ensemble(room.dataset, users, hyper.models, room.seed),
            users,
            entropy=entropy_after(room.dataset, users),
            penalties=Penalties(hyper.pessimism, hyper.spread),
            length=min(hyper.length, room.layout.horizon),
            num_envs=hyper.users,
        )
        super().__init__(room, hyper, clipped=False, users=world_model)
