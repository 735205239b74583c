"""Episodes with many users side by side, recorded as transitions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from billp.baselines.rl.observations import Layout, Observations
from billp.baselines.rl.transitions import MOST_STARS, Transitions

Act = Callable[[Observations], NDArray[np.int64]]
"""Chooses an item for every observation, shape (n,)."""


class ManyUsers(Protocol):
    """Users stepped as arrays: `simulators.VectorUserEnv`, or another class with its interface.

    The step after an episode's last one begins the next. The user's answer is the reward, or `info["answer"]` if
    learning uses another reward.
    """

    num_envs: int

    def reset(self, *, seed: int | None = None) -> tuple[Mapping[str, NDArray[np.int64]], dict[str, Any]]:
        """Begins all episodes."""
        ...

    def step(
        self, actions: NDArray[np.int64]
    ) -> tuple[Mapping[str, NDArray[np.int64]], NDArray[Any], NDArray[np.bool_], NDArray[np.bool_], dict[str, Any]]:
        """Recommends an item to every user."""
        ...


class Rollouts:
    """Runs `users`, whose histories a policy may see; `histories[u]` are the items that user u liked before."""

    def __init__(self, users: ManyUsers, histories: Sequence[Sequence[int]], layout: Layout) -> None:
        self._users, self._histories, self._layout = users, histories, layout
        self._seen: Observations = layout.start([])
        self._over = np.zeros(users.num_envs, dtype=bool)

    def begin(self, seed: int) -> None:
        """Begins new episodes, whatever episodes were running."""
        observed, _ = self._users.reset(seed=seed)
        self._over[:] = False
        self._seen = self._fresh(observed["user"])

    def collect(self, act: Act, steps: int) -> Transitions:
        """Returns `steps` steps of every user; fewer if one step was spent on beginning the next episode."""
        shape = (self._users.num_envs, steps)
        seen = np.empty((*shape, self._seen.shape[1]), dtype=np.int32)
        seen_next = np.empty_like(seen)
        items = np.empty(shape, dtype=np.int64)
        rewards = np.empty(shape, dtype=np.float32)
        terminated, truncated, lived = (np.zeros(shape, dtype=bool) for _ in range(3))
        for step in range(steps):
            alive = ~self._over
            chosen = act(self._seen)
            observed, signal, left, cut_off, infos = self._users.step(chosen)
            after = self._layout.follow(self._seen, chosen, infos.get("answer", signal))
            seen[:, step], seen_next[:, step], items[:, step] = self._seen, after, chosen
            rewards[:, step] = signal / MOST_STARS
            terminated[:, step], truncated[:, step], lived[:, step] = left, cut_off, alive
            begun = np.flatnonzero(self._over)
            if len(begun):
                after[begun] = self._fresh(observed["user"][begun])
            self._seen, self._over = after, left | cut_off
        last = steps - 1 - lived[:, ::-1].argmax(axis=1)
        rows = np.arange(len(lived))
        truncated[rows, last] |= ~terminated[rows, last]
        return Transitions(
            seen[lived], items[lived], rewards[lived], terminated[lived], truncated[lived], seen_next[lived]
        )

    def _fresh(self, users: NDArray[np.int64]) -> Observations:
        return self._layout.start([self._histories[user] for user in users])
