"""One simulated user as a Gymnasium environment."""

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy
from typing import Any, SupportsFloat, TypedDict

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.error import InvalidAction, ResetNeeded
from numpy.typing import NDArray

from billp.errors import BadInputError
from billp.simulators.env.step import respond
from billp.simulators.env.world import World
from billp.simulators.quit.rule import window_of

OBSERVED = 10
"""Recommendations in an observation, whatever the quit rule's window, which the agent must not see."""


class Observation(TypedDict):
    """The state of the user before a step, as far as an agent sees it; `UserEnv` explains the keys."""

    user: int
    recent: NDArray[np.int64]
    step: int


class UserEnv(gymnasium.Env[Observation, int]):
    """A user of a `World` to whom one item a step is recommended; one class for every dataset and quit rule.

    ## Action space
    `Discrete(n_items)`: the catalogue index of the recommended item.

    ## Observation space
    `user`: the user's index in the dataset. `recent`: the last 10 recommended items, oldest first, with -1 in
    front, whatever the quit rule's window. `step`: recommendations so far.

    ## Starting state
    Nothing recommended. The user is drawn evenly from the world's users with the environment's own generator, or is
    `options["user"]`.

    ## Reward
    The rating that the world's model predicts, clipped to 1..5 and rounded to whole stars (`reward_rounding`). The
    recommendation that makes the user leave counts as well. The quit rule judges the rating before it is rounded
    (`judgement_rounding`).

    ## Episode end
    Terminated: the quit rule says that the user leaves, or an item came again where repeats are not allowed.
    Truncated: the horizon is reached and the user has not left.

    ## Info
    `action_mask`: int8 of shape (n_items,), 1 for items that may be recommended: all of them, or those not yet shown
    where repeats are not allowed. After a step also `reason`: a name of `simulators.quit.registry.REASONS`, such
    as "too_close", "low_reward" or "horizon", and "" while the episode goes on; `too_close_to`: the earlier item that
    made the user leave, or -1.

    ## Versions
    v0: the first.
    """

    metadata = {"render_modes": []}  # noqa: RUF012 -- declared so by gymnasium.Env

    def __init__(self, world: World, render_mode: str | None = None) -> None:
        if render_mode is not None:
            raise BadInputError(f"Nothing can be rendered, not even as {render_mode!r}; leave render_mode out.")
        self.world = world
        self.action_space, self.observation_space = spaces_of(world)  # type: ignore[assignment]  # np.int64, Dict
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
        user = int(options["user"]) if "user" in options else int(draw_users(self.world, [self.np_random])[0])
        self.world.rows(np.asarray([user]))  # refuses users of another world first
        self._user, self._shown, self._over = user, [], False
        return self._observation(), {"action_mask": self._action_mask()}

    def step(self, action: int) -> tuple[Observation, SupportsFloat, bool, bool, dict[str, Any]]:
        """Recommends the item `action` and returns the user's reaction."""
        if self._over:
            raise ResetNeeded("The episode is over or has not begun; call reset() first.")
        item = int(action)
        if not 0 <= item < self.world.n_items:
            raise InvalidAction(f"Item {item} is not in the catalogue; recommend one of 0 to {self.world.n_items - 1}.")
        answer = respond(self.world, self._user, self._shown, item)
        self._shown.append(item)
        self._over = answer.reason != ""
        info = {
            "action_mask": self._action_mask(),
            "reason": answer.reason,
            "too_close_to": answer.too_close_to,
        }
        cut_off = self._over and not answer.left
        return self._observation(), answer.reward, answer.left, cut_off, info

    def action_masks(self) -> NDArray[np.bool_]:
        """Returns which items may be recommended, shape (n_items,), as sb3-contrib's MaskablePPO expects it."""
        return self._action_mask().astype(bool)

    def clone(self, back: int = 0) -> UserEnv:
        """Returns a copy of this environment in the state that it had `back` steps ago, generator included.

        The copy has the same user, can be stepped at once, and is independent of this one: it shows what another item
        would have brought. Raises BadInputError if the episode has fewer steps.
        """
        if not 0 <= back <= len(self._shown):
            raise BadInputError(f"The episode has {len(self._shown)} steps and cannot go {back} back; go fewer back.")
        fork = UserEnv(self.world)
        fork.spec = deepcopy(self.spec)
        fork._np_random, fork._np_random_seed = deepcopy(self._np_random), self._np_random_seed
        fork._user, fork._shown = self._user, self._shown[: len(self._shown) - back]
        fork._over = self._over and not back
        return fork

    def _observation(self) -> Observation:
        (recent,) = window_of(self._shown, OBSERVED)
        return {"user": self._user, "recent": recent, "step": len(self._shown)}

    def _action_mask(self) -> NDArray[np.int8]:
        mask = np.ones(self.world.n_items, dtype=np.int8)
        if not self.world.settings.repeats:
            mask[self._shown] = 0
        return mask


def spaces_of(world: World) -> tuple[spaces.Discrete, spaces.Dict]:
    """Returns the action space and the observation space of one user of the world."""
    return spaces.Discrete(world.n_items), spaces.Dict(
        {
            "user": spaces.Discrete(world.n_users),
            "recent": spaces.Box(-1, world.n_items - 1, (OBSERVED,), np.int64),
            "step": spaces.Discrete(world.horizon + 1),
        }
    )


def draw_users(world: World, generators: Iterable[np.random.Generator]) -> NDArray[np.int64]:
    """Returns one user of the world per generator, all equally likely; shape (n,).

    It draws a fraction rather than using `integers`, which takes a generator ten times as long for a single number.
    """
    fractions = np.array([generator.random() for generator in generators])
    return world.users[(fractions * len(world.users)).astype(np.int64)].astype(np.int64)
