"""The interface of agents, which learn epoch by epoch, and what they share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from tianshou.algorithm.algorithm_base import Algorithm, TrainingStats
from tianshou.data import Batch, ReplayBuffer

from billp.baselines.rl.item_space import ItemSpace
from billp.baselines.rl.networks.scores import ActingNetwork
from billp.baselines.rl.observations import Layout
from billp.baselines.rl.transitions import Transitions
from billp.simulators import Dataset, World

_LEFT_OUT = {"reg_loss", "gradient_steps"}  # BCQ's squares of the scores of masked items; and no loss
Advance = Callable[[float], None]
"""Called with the share of an epoch that is done."""


@dataclass(frozen=True)
class TrainingData:
    """Everything that a method may learn from: the train world, and a dataset with the logs of its users alone."""

    dataset: Dataset
    world: World
    space: ItemSpace
    layout: Layout
    histories: Sequence[Sequence[int]]
    """By user index: what train users liked, oldest first; empty for all others."""
    own: Sequence[NDArray[np.int32]]
    """By user index: the items of train users' histories that are not recommended."""
    mask: bool
    """Whether items already shown may not be shown again."""
    seed: int


class Agent(Protocol):
    """A method during training."""

    @property
    def network(self) -> ActingNetwork:
        """The network that decides what is recommended."""
        ...

    @property
    def algorithm(self) -> Algorithm[Any, Any]:
        """The holder of all weights, target networks and optimisers included."""
        ...

    @property
    def steps_each(self) -> int:
        """Steps per epoch: recommendations, or gradient steps for a method that learns from logs."""
        ...

    def epoch(self, number: int, seed: int, advance: Advance) -> dict[str, float]:
        """Learns; returns mean losses by name. The global generators must be seeded."""
        ...

    def remembered(self) -> Transitions | None:
        """Returns what it keeps from one epoch to the next besides weights."""
        ...

    def remember(self, kept: Transitions) -> None:
        """Restores what `remembered` returned."""
        ...


def buffer_of(transitions: Transitions, seed: int) -> ReplayBuffer:
    """Returns the transitions as tianshou's buffer, sampled with `seed`."""
    count = len(transitions)
    buffer = ReplayBuffer(count, random_seed=seed % 2**32)
    buffer.set_batch(
        Batch(
            obs=transitions.seen,
            act=transitions.items,
            rew=transitions.rewards.astype(np.float64),
            terminated=transitions.terminated,
            truncated=transitions.truncated,
            done=transitions.terminated | transitions.truncated,
            obs_next=transitions.seen_next,
            info=Batch(),
        )
    )
    buffer._size = count  # as ReplayBuffer.from_data does, which takes no seed
    return buffer


class Losses:
    """Means of the losses of many updates."""

    def __init__(self) -> None:
        self._found: dict[str, list[float]] = {}

    def add(self, stats: TrainingStats) -> None:
        """Adds the losses of one update."""
        for name, value in stats.get_loss_stats_dict().items():
            if name not in _LEFT_OUT:
                self._found.setdefault(name, []).append(float(value))

    def means(self) -> dict[str, float]:
        """Returns the means by name."""
        return {name: float(np.mean(values)) for name, values in self._found.items()}


def uniform_items(rng: np.random.Generator, seen: NDArray[np.int32], n_items: int, mask: bool) -> NDArray[np.int64]:
    """Returns a uniformly drawn item for each observation; with `mask` one that was not shown, if any is left."""
    length = seen.shape[1] // 2
    shown = np.where(seen[:, length:] > 0, seen[:, :length] - 1, -1)
    drawn = rng.integers(n_items, size=len(seen))
    while mask:
        some_left = (shown >= 0).sum(axis=1) < n_items
        again = np.flatnonzero((shown == drawn[:, None]).any(axis=1) & some_left)
        if not len(again):
            break
        drawn[again] = rng.integers(n_items, size=len(again))
    return drawn
