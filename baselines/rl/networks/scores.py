"""Scores of all items: the state's vector times learned item vectors, so that ten thousand items cost little."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import nn

from billp.baselines.rl.hyperparameters import (
    BCQHyperparameters,
    CQLHyperparameters,
    Hyperparameters,
)
from billp.baselines.rl.item_space import ItemSpace
from billp.baselines.rl.networks.item_vectors import ItemVectors
from billp.baselines.rl.networks.trackers import tracker_of
from billp.baselines.rl.observations import Observations

NEVER = -1e9
"""The score of an item that may not be recommended."""


class Head(nn.Module):
    """`count` scores of every item for a state (n, width): (n, n_items), or (n, n_items, count) for several."""

    def __init__(self, space: ItemSpace, hyper: Hyperparameters, width: int, count: int = 1) -> None:
        super().__init__()
        self._count, self._size = count, hyper.size
        self._layers = nn.Sequential(
            nn.Linear(width, hyper.hidden), nn.ReLU(), nn.Linear(hyper.hidden, count * (hyper.size + 1))
        )
        self._items = ItemVectors(space, hyper.size + 1, hyper.items)

    def forward(self, state: torch.Tensor) -> torch.Tensor:
        """Returns the scores, whether or not an item was shown."""
        vectors: torch.Tensor = self._items()
        wanted: torch.Tensor = self._layers(state)
        if self._count == 1:
            return wanted @ vectors.T
        return torch.einsum("ncd,id->nic", wanted.reshape(len(wanted), self._count, -1), vectors)


class Scores(nn.Module):
    """A network from observations to scores. For tianshou it is a model, an actor or a critic.

    With `mask`, items shown in the episode get the score NEVER.
    """

    def __init__(self, space: ItemSpace, hyper: Hyperparameters, mask: bool, count: int = 1) -> None:
        super().__init__()
        self._tracker = tracker_of(space, hyper)
        self._head = Head(space, hyper, self._tracker.width, count)
        self._n_items, self._mask = space.n_items, mask

    def scores(self, seen: Observations) -> torch.Tensor:
        """Returns (n, n_items) or (n, n_items, count) for observations (n, 2 length)."""
        items, rewards = columns(seen)
        return self.masked(self._head(self._tracker(items, rewards)), items, rewards)

    def forward(self, obs: Observations, state: object = None, info: object = None) -> tuple[torch.Tensor, object]:
        """Returns the scores, and the hidden state that tianshou passes around and nothing here needs."""
        return self.scores(obs), state

    def masked(self, scores: torch.Tensor, items: torch.Tensor, rewards: torch.Tensor) -> torch.Tensor:
        """Returns the scores with those of the items shown in the episode replaced."""
        if not self._mask:
            return scores
        shown = torch.zeros(len(items), self._n_items + 1, dtype=torch.bool, device=scores.device)
        shown = shown.scatter(1, items * (rewards > 0), True)[
            :, 1:
        ]  # column 0 collects places without a recommendation
        return scores.masked_fill(shown if scores.dim() == 2 else shown[..., None], NEVER)


class QuantileScores(Scores):
    """Several quantiles of every item's value; their mean decides."""

    def __init__(self, space: ItemSpace, hyper: CQLHyperparameters, mask: bool) -> None:
        super().__init__(space, hyper, mask, hyper.quantiles)

    def acting(self, seen: Observations) -> torch.Tensor:
        """Returns the means, (n, n_items)."""
        return self.scores(seen).mean(2)


class TwoHeads(Scores):
    """Values and next-item scores on one tracker (SQN); the next-item scores decide."""

    def __init__(self, space: ItemSpace, hyper: Hyperparameters, mask: bool) -> None:
        super().__init__(space, hyper, mask)
        self._next = Head(space, hyper, self._tracker.width)

    def both(self, seen: Observations) -> tuple[torch.Tensor, torch.Tensor]:
        """Returns values and next-item scores, (n, n_items) each."""
        items, rewards = columns(seen)
        state = self._tracker(items, rewards)
        return self.masked(self._head(state), items, rewards), self.masked(self._next(state), items, rewards)

    def acting(self, seen: Observations) -> torch.Tensor:
        """Returns the next-item scores, (n, n_items)."""
        return self.both(seen)[1]


class LikelyScores(nn.Module):
    """Values of the items that an imitator of the logs finds likely enough (BCQ, arXiv 1910.01708, equation 17)."""

    def __init__(self, space: ItemSpace, hyper: BCQHyperparameters, mask: bool) -> None:
        super().__init__()
        self.values, self.imitator = Scores(space, hyper, mask), Scores(space, hyper, mask)
        self._least = float(np.log(hyper.unlikely)) if hyper.unlikely else -np.inf

    def acting(self, seen: Observations) -> torch.Tensor:
        """Returns the values, (n, n_items), NEVER where an item is too unlikely."""
        likely = self.imitator.scores(seen)
        return self.values.scores(seen).masked_fill(likely - likely.amax(1, keepdim=True) < self._least, NEVER)


class Value(nn.Module):
    """The value of a state."""

    def __init__(self, space: ItemSpace, hyper: Hyperparameters) -> None:
        super().__init__()
        self._tracker = tracker_of(space, hyper)
        self._layers = nn.Sequential(
            nn.Linear(self._tracker.width, hyper.hidden), nn.ReLU(), nn.Linear(hyper.hidden, 1)
        )

    def forward(self, obs: Observations) -> torch.Tensor:
        """Returns (n, 1) for observations (n, 2 length)."""
        value: torch.Tensor = self._layers(self._tracker(*columns(obs)))
        return value


class ItemValues(Scores):
    """Scores as a critic that returns nothing else (CRR)."""

    def forward(self, obs: Observations, state: object = None, info: object = None) -> torch.Tensor:  # type: ignore[override]
        """Returns the scores."""
        return self.scores(obs)


ActingNetwork = Scores | LikelyScores
_KINDS: Mapping[str, type[Any]] = {"bcq": LikelyScores, "cql": QuantileScores, "sqn": TwoHeads}


def acting_network(method: str, space: ItemSpace, hyper: Hyperparameters, mask: bool) -> ActingNetwork:
    """Returns the network, not yet trained, whose scores decide what the method recommends."""
    network: ActingNetwork = _KINDS.get(method, Scores)(space, hyper, mask)
    return network


def acting_scores(network: ActingNetwork, seen: Observations) -> torch.Tensor:
    """Returns the scores that decide, (n, n_items)."""
    if isinstance(network, QuantileScores | TwoHeads | LikelyScores):
        return network.acting(seen)
    return network.scores(seen)


def columns(seen: Observations) -> tuple[torch.Tensor, torch.Tensor]:
    """Returns items and rewards (n, length) of observations."""
    whole = torch.as_tensor(np.asarray(seen), dtype=torch.int64)
    length = whole.shape[1] // 2
    return whole[:, :length], whole[:, length:]
