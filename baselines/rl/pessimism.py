"""DORL's world model: users simulated from the logs alone, with rewards lowered where little is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from billp.settings import SimulatorSettings
from billp.simulators import Dataset
from billp.simulators.data.features import features_of
from billp.simulators.rating.base import Logs, RatingModel
from billp.simulators.rating.fitting import fit


@dataclass(frozen=True)
class Penalties:
    """Weights of Gao et al. 2023 (arXiv 2307.04571), equation 7: of uncertainty, and of the logs' entropy."""

    pessimism: float
    spread: float


class DORLWorldModel:
    """`num_envs` users of a world model learned from the logs of `users`, with the interface of `VectorUserEnv`.

    The reward in stars is the mean of an ensemble of rating models, minus `pessimism` times their standard deviation,
    plus `spread` times the entropy, scaled to 0..1, of what followed the last item in the logs (DORL's remedy against
    the Matthew effect). The observed answer is the mean alone, in whole stars. No user leaves before `length` steps:
    the logs do not say when users are bored, and a world model that knew it would know the simulator.
    """

    def __init__(
        self,
        models: Sequence[RatingModel],
        users: NDArray[np.int32],
        *,
        entropy: NDArray[np.float64],
        penalties: Penalties,
        length: int,
        num_envs: int,
    ) -> None:
        self.num_envs = num_envs
        self._models, self._known, self._entropy = models, users, entropy
        self._penalties, self._length = penalties, length
        self._rng = np.random.default_rng()
        self._steps = np.zeros(num_envs, dtype=np.int64)
        self._rows = np.zeros(num_envs, dtype=np.int64)
        self._over = np.zeros(num_envs, dtype=bool)

    def reset(self, *, seed: int | None = None) -> tuple[Mapping[str, NDArray[np.int64]], dict[str, Any]]:
        """Begins all episodes."""
        self._rng = np.random.default_rng(seed)
        self._over[:] = False
        self._begin(np.arange(self.num_envs))
        return self._observed(), {}

    def step(
        self, actions: NDArray[np.int64]
    ) -> tuple[Mapping[str, NDArray[np.int64]], NDArray[Any], NDArray[np.bool_], NDArray[np.bool_], dict[str, Any]]:
        """Recommends an item to every user; users whose episode has ended begin a new one."""
        said = np.stack([np.clip(model.predict(self._rows, actions), 1, 5) for model in self._models])
        mean = said.mean(axis=0)
        signal = mean - self._penalties.pessimism * said.std(axis=0) + self._penalties.spread * self._entropy[actions]
        self._steps += 1
        cut_off = (self._steps >= self._length) & ~self._over
        self._begin(np.flatnonzero(self._over))
        self._over = cut_off
        left = np.zeros(self.num_envs, dtype=bool)
        return self._observed(), signal, left, cut_off, {"answer": np.floor(mean + 0.5)}

    def _begin(self, rows: NDArray[np.int64]) -> None:
        self._steps[rows] = 0
        self._rows[rows] = self._rng.integers(len(self._known), size=len(rows))

    def _observed(self) -> Mapping[str, NDArray[np.int64]]:
        return {"user": self._known[self._rows].astype(np.int64)}


def fit_ensemble(dataset: Dataset, users: NDArray[np.int32], count: int, seed: int) -> list[RatingModel]:
    """Returns `count` factorisation models, each fitted to another part of the logs of `users` (ascending)."""
    mine = np.isin(dataset.users, users)
    logs = Logs(np.searchsorted(users, dataset.users[mine]), dataset.items[mine], dataset.ratings[mine])
    features = features_of(dataset, users)
    return [
        fit(logs, features, SimulatorSettings(model="factorisation", seed=seed * count + number)).models[
            "factorisation"
        ]
        for number in range(count)
    ]


def entropy_after(dataset: Dataset, users: NDArray[np.int32]) -> NDArray[np.float64]:
    """Returns (n_items,) entropy of the next item in the logs of `users`, relative to the uniform one (0..1)."""
    mine = np.isin(dataset.users, users)
    owners, items = dataset.users[mine], dataset.items[mine].astype(np.int64)
    follows = owners[1:] == owners[:-1]
    n_items = len(dataset.catalogue)
    pairs, counts = np.unique(items[:-1][follows] * n_items + items[1:][follows], return_counts=True)
    first = pairs // n_items
    totals = np.bincount(first, weights=counts, minlength=n_items)
    share = counts / totals[first]
    entropy = np.bincount(first, weights=-share * np.log(share), minlength=n_items)
    return np.asarray(entropy / np.log(max(2, n_items)))
