"""Thousands of simulated users as one Gymnasium vector environment."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium.error import InvalidAction, ResetNeeded
from gymnasium.utils import seeding
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from billp.errors import BadInputError
from billp.simulators.env.episode_arrays import Episodes
from billp.simulators.env.single import OBSERVED, draw_users, spaces_of
from billp.simulators.env.world import World
from billp.simulators.quit.registry import REASON_NAMES
from billp.simulators.rating.base import Indices

Observations = dict[str, NDArray[np.int64]]
_REASONS = np.array(REASON_NAMES, dtype=object)


class VectorUserEnv(VectorEnv[Observations, NDArray[np.int64], NDArray[Any]]):
    """`num_envs` users of one world, stepped as arrays; each behaves as `UserEnv` does with the same seed.

    Spaces, rewards, ends and infos are those of `UserEnv`, batched as gymnasium.vector.SyncVectorEnv batches them:
    environment k of `reset(seed=s)` is a `UserEnv` reset with seed s + k, with a generator of its own, so an
    episode does not depend on how many others run beside it.

    ## Autoreset
    `AutoresetMode.NEXT_STEP`: the step after an episode's last one ignores the action, begins the next episode and
    has reward 0.

    ## Info
    `reason` and `too_close_to` as in `UserEnv`, with `_reason` and `_too_close_to` saying for which. `action_mask` is
    num_envs x n_items, gigabytes for thousands of users of a large catalogue, and so is made only when asked for
    (`action_masks=True`); the method `action_mask` gives it for some environments.
    """

    metadata = {"render_modes": [], "autoreset_mode": AutoresetMode.NEXT_STEP}  # noqa: RUF012 -- declared so by VectorEnv

    def __init__(
        self, world: World, num_envs: int = 1, *, action_masks: bool = False, render_mode: str | None = None
    ) -> None:
        if num_envs < 1 or render_mode is not None:
            raise BadInputError(f"{num_envs} users rendered as {render_mode}: take one or more, and no render_mode.")
        self.world = world
        self.num_envs = num_envs
        self.single_action_space, self.single_observation_space = spaces_of(world)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self._masked = action_masks
        self._all = np.arange(num_envs)
        self._generators: list[np.random.Generator] = []
        self._seeds: list[int] = []
        self._episodes = Episodes(world, np.full(num_envs, world.users[0]))
        self._over = np.zeros(num_envs, dtype=bool)

    def reset(
        self, *, seed: int | list[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observations, dict[str, Any]]:
        """Starts all episodes; `options` may hold "user", one for all or an array of them (n,)."""
        options = options or {}
        if options.keys() - {"user"}:
            raise BadInputError(f"Reset options {sorted(options)} are not all known; give only 'user'.")
        self._seed(seed)
        if "user" in options:
            users = np.array(np.broadcast_to(np.asarray(options["user"], dtype=np.int64), self.num_envs))
        else:
            users = self._drawn(self._all)
        self.world.rows(users)  # refuses users of another world first
        self._episodes.begin(self._all, users)
        self._over[:] = False
        return self._observations(), self._masks()

    def step(
        self, actions: NDArray[np.int64]
    ) -> tuple[Observations, NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_], dict[str, Any]]:
        """Recommends item `actions[k]` to user k; begins the next episode where the last step ended one."""
        if not self._generators:
            raise ResetNeeded("The episodes have not begun; call reset() first.")
        items = np.asarray(actions, dtype=np.int64)
        if items.shape != (self.num_envs,):
            raise InvalidAction(f"Actions of shape {items.shape} do not fit; recommend {self.num_envs} items.")
        ended = np.flatnonzero(self._over)
        rows = np.flatnonzero(~self._over) if len(ended) else self._all
        items = items[rows]
        outside = (items < 0) | (items >= self.world.n_items)
        if outside.any():
            raise InvalidAction(
                f"Item {items[outside.argmax()]} is not in the catalogue; recommend one of 0 to "
                f"{self.world.n_items - 1}."
            )
        answers = self._episodes.step(rows, items)
        if len(ended):
            self._episodes.begin(ended, self._drawn(ended))
        rewards = self._spread(rows, answers.rewards, np.float64)
        terminated = self._spread(rows, answers.left, np.bool_)
        truncated = self._spread(rows, answers.cut_off, np.bool_)
        stepped = ~self._over
        reasons = np.full(self.num_envs, None, dtype=object)
        reasons[rows] = _REASONS[answers.reasons]
        infos = self._masks() | {
            "reason": reasons,
            "_reason": stepped,
            "too_close_to": self._spread(rows, answers.too_close_to, np.int64),
            "_too_close_to": stepped.copy(),
        }
        self._over = terminated | truncated
        return self._observations(), rewards, terminated, truncated, infos

    def action_mask(self, rows: Indices) -> NDArray[np.int8]:
        """Returns the action masks of the environments `rows`, shape (k, n_items); as in `UserEnv`."""
        masks = np.ones((len(rows), self.world.n_items), dtype=np.int8)
        if not self.world.settings.repeats:
            shown = self._episodes.shown[rows]
            row, column = np.nonzero(shown >= 0)
            masks[row, shown[row, column]] = 0
        return masks

    @property  # type: ignore[misc]  # one for each environment and not to be set, as in SyncVectorEnv
    def np_random(self) -> tuple[np.random.Generator, ...]:  # type: ignore[override]
        """The generators of the environments."""
        return tuple(self._generators)

    @property
    def np_random_seed(self) -> tuple[int, ...]:  # type: ignore[override]
        """The seeds of the generators."""
        return tuple(self._seeds)

    def _seed(self, seed: int | list[int | None] | None) -> None:
        """Makes new generators where a seed is given, and where there are none yet."""
        seeds: list[int | None]
        if isinstance(seed, list):
            seeds = seed
        else:
            seeds = [None if seed is None else seed + number for number in range(self.num_envs)]
        if len(seeds) != self.num_envs:
            raise BadInputError(f"{len(seeds)} seeds do not fit {self.num_envs} environments; give one for each.")
        first = not self._generators
        made = [
            seeding.np_random(new) if first or new is not None else (self._generators[number], self._seeds[number])
            for number, new in enumerate(seeds)
        ]
        self._generators = [generator for generator, _ in made]
        self._seeds = [seed for _, seed in made]

    def _drawn(self, rows: Indices) -> NDArray[np.int64]:
        return draw_users(self.world, (self._generators[row] for row in rows))

    def _spread(self, rows: Indices, values: NDArray[Any], dtype: type[Any]) -> NDArray[Any]:
        spread = np.zeros(self.num_envs, dtype=dtype)
        spread[rows] = values
        return spread

    def _observations(self) -> Observations:
        episodes = self._episodes
        recent = episodes.recent(self._all, OBSERVED)
        return {"recent": recent, "step": episodes.steps.copy(), "user": episodes.users.copy()}

    def _masks(self) -> dict[str, Any]:
        if not self._masked:
            return {}
        return {"action_mask": self.action_mask(self._all), "_action_mask": np.ones(self.num_envs, dtype=bool)}
