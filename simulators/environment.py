"""One simulated user as a Gymnasium environment."""

from __future__ import annotations

from typing import Any, SupportsFloat, TypedDict

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.error import InvalidAction, ResetNeeded
from numpy.typing import NDArray

from errors import BadInputError
from simulators.responses import respond
from simulators.worlds import World


class Observation(TypedDict):
    """What is seen of the user before a step; the keys are explained at `UserEnv`."""

    user: int
    recent: NDArray[np.int64]
    step: int


class UserEnv(gymnasium.Env[Observation, int]):
    """A user of a `World` to whom one item a step is recommended; one class for every dataset.

    ## Action space
    `Discrete(n_items)`: the catalogue index of the recommended item.

    ## Observation space
    `user`: the user's index in the dataset. `recent`: the last max(W, 1) recommended items, oldest first, padded with
    -1 in front. `step`: recommendations so far, 0 to the horizon.

    ## Starting state
    Nothing recommended. The user is drawn evenly from the world's users with the environment's own generator, or is
    `options["user"]`.

    ## Reward
    The rating that the world's model predicts, clipped to 1..5 and rounded to whole stars. The recommendation that
    makes the user leave counts as well.

    ## Episode end
    Terminated: the quit rule says that the user leaves. Truncated: the horizon is reached and the user has not left.

    ## Info
    `reason`: "too_close", "low_reward", "horizon", or "" while the episode goes on. `too_close_to`: the earlier item
    that was too close, or -1.
    """

    metadata = {"render_modes": []}  # noqa: RUF012 -- declared so by gymnasium.Env

    def __init__(self, world: World) -> None:
        self.world = world
        # W, read off the settings: the observation then shows what the quit rule looks at.
        self._width = max(world.settings.window, 1)
        self.action_space = spaces.Discrete(world.n_items)  # type: ignore[assignment]  # its sample is an np.int64
        self.observation_space = spaces.Dict(  # type: ignore[assignment]  # a TypedDict is not a dict to mypy
            {
                "user": spaces.Discrete(world.n_users),
                "recent": spaces.Box(-1, world.n_items - 1, (self._width,), np.int64),
                "step": spaces.Discrete(world.horizon + 1),
            }
        )
        self._user = -1
        self._shown: list[int] = []
        self._over = True

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Starts an episode; `options` may hold "user", the dataset's index of a user who lives in this world."""
        super().reset(seed=seed)
        options = options or {}
        if options.keys() - {"user"}:
            raise BadInputError(f"Reset options {sorted(options)} are not all known; give only 'user'.")
        user = int(options["user"]) if "user" in options else int(self.np_random.choice(self.world.users))
        self.world.rows(np.asarray([user]))  # refuses a user of another world before the episode starts
        self._user, self._shown, self._over = user, [], False
        return self._observation(), {}

    def step(self, action: int) -> tuple[Observation, SupportsFloat, bool, bool, dict[str, Any]]:
        """Recommends the item `action` and returns what the user made of it."""
        if self._over:
            raise ResetNeeded("The episode is over or has not begun; call reset() first.")
        item = int(action)
        if not 0 <= item < self.world.n_items:
            raise InvalidAction(f"Item {item} is not in the catalogue; recommend one of 0 to {self.world.n_items - 1}.")
        answer = respond(self.world, self._user, self._shown, item)
        self._shown.append(item)
        self._over = answer.reason != ""
        info = {"reason": answer.reason, "too_close_to": answer.too_close_to}
        return self._observation(), answer.reward, answer.left, answer.reason == "horizon", info

    def _observation(self) -> Observation:
        recent = np.full(self._width, -1, dtype=np.int64)
        last = self._shown[-self._width :]
        recent[self._width - len(last) :] = last
        return {"user": self._user, "recent": recent, "step": len(self._shown)}
