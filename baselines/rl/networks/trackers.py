"""State trackers: the last items and rewards as one vector."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import nn
from torch.nn import functional

from billp.baselines.rl.hyperparameters import Hyperparameters
from billp.baselines.rl.item_space import ItemSpace
from billp.baselines.rl.networks.item_vectors import ItemVectors

_REWARDS = 6  # one to five stars, and 0 for an item without an answer


class AverageTracker(nn.Module):
    """The mean of the newest recommendations (items and rewards), the mean of what was liked before, and the step."""

    def __init__(self, space: ItemSpace, hyper: Hyperparameters) -> None:
        super().__init__()
        self._items = ItemVectors(space, hyper.size, hyper.items)
        self._rewards = nn.Embedding(_REWARDS - 1, hyper.size)
        self._recent = hyper.recent
        self.width = 2 * hyper.size + 1

    def forward(self, items: torch.Tensor, rewards: torch.Tensor) -> torch.Tensor:
        """Returns (n, width) from `items` and `rewards` (n, length)."""
        vectors = self._items()
        newest, answers = items[:, -self._recent :], rewards[:, -self._recent :]
        answered = (answers > 0).float()
        liked = ((items > 0) & (rewards == 0)).float()
        lately = _shares(newest, answered, len(vectors)) @ vectors
        said = _shares(answers, answered, _REWARDS - 1) @ self._rewards.weight
        return torch.cat([lately + said, _shares(items, liked, len(vectors)) @ vectors, _step(rewards)], dim=1)


class GRUTracker(nn.Module):
    """A gated recurrent unit over the newest items and rewards, and the step (as in GRU4Rec, arXiv 1511.06939)."""

    def __init__(self, space: ItemSpace, hyper: Hyperparameters) -> None:
        super().__init__()
        self._items = ItemVectors(space, hyper.size, hyper.items)
        self._rewards = nn.Embedding(_REWARDS, hyper.size)
        self._unit = nn.GRU(hyper.size, hyper.size, batch_first=True)
        self._recent = hyper.recent
        self.width = hyper.size + 1

    def forward(self, items: torch.Tensor, rewards: torch.Tensor) -> torch.Tensor:
        """Returns (n, width) from `items` and `rewards` (n, length)."""
        newest = items[:, -self._recent :]
        steps = functional.embedding(newest, _with_none(self._items())) + self._rewards(rewards[:, -self._recent :])
        _, last = self._unit(steps * (newest > 0)[..., None])
        return torch.cat([last[0], _step(rewards)], dim=1)


_TRACKERS: Mapping[str, Callable[[ItemSpace, Hyperparameters], AverageTracker | GRUTracker]] = {
    "average": AverageTracker,
    "gru": GRUTracker,
}


def tracker_of(space: ItemSpace, hyper: Hyperparameters) -> AverageTracker | GRUTracker:
    """Returns the tracker that the hyperparameters name."""
    return _TRACKERS[hyper.tracker](space, hyper)


def _with_none(vectors: torch.Tensor) -> torch.Tensor:
    """Returns the vectors after a row of zeros, which stands for no item."""
    return torch.cat([vectors.new_zeros(1, vectors.shape[1]), vectors])


def _shares(numbers: torch.Tensor, weights: torch.Tensor, count: int) -> torch.Tensor:
    """Returns how much of the weights (n, length) falls on 1, 2, ..., `count`: (n, count) factors of a mean of vectors.

    A product with the whole table is many times as fast as gathering rows, whose gradient is slow on a CPU.
    """
    shares = weights.new_zeros(len(numbers), count + 1).scatter_add(1, numbers, weights)[:, 1:]
    return shares / weights.sum(1, keepdim=True).clamp(min=1)


def _step(rewards: torch.Tensor) -> torch.Tensor:
    return (rewards > 0).float().mean(1, keepdim=True)
