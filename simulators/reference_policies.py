"""Length and reward of episodes under policies that do not learn: a scale for reading other results."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from billp.simulators.env.episode_arrays import Episodes
from billp.simulators.env.oracle import Oracle
from billp.simulators.env.world import World, users_of
from billp.simulators.rating.base import Indices

PolicyName = Literal["random", "popular", "greedy", "oracle"]
Choose = Callable[[Episodes, Indices], Indices]
"""Returns the items for the users at the given rows, shape (k,)."""

_USERS = 200  # episodes a policy is run for, fewer where the catalogue is large
_RATED = 4_000_000  # at most about so many ratings are computed for them
_RANKED = 2_000_000  # users x items ranked at a time


@dataclass(frozen=True)
class Outcome:
    """Means over users: steps, stars per step, and stars per episode."""

    len: float
    r_each: float
    r_traj: float

    @classmethod
    def of(cls, steps: NDArray[np.int64], stars: NDArray[np.float64]) -> Outcome:
        """Returns the means for users (n,) who were recommended `steps` items each and gave `stars` in all."""
        return cls(float(steps.mean()), float((stars / steps).mean()), float(stars.mean()))


def policy_users(world: World) -> list[int]:
    """Returns the users to run policies for: 200, for a large catalogue at least 20, or as many as exist."""
    count = max(20, min(_USERS, _RATED // world.n_items))
    return users_of(world, min(count, len(world.users)), world.settings.seed)


def policy_outcomes(world: World, popularity: NDArray[np.int64], users: list[int]) -> dict[PolicyName, Outcome]:
    """Returns the outcome of one episode per user under each policy, none of which recommends an item twice.

    `random`: any item. `popular`: by `popularity` (n_items,). `greedy`: by the user's own reward, which no recommender
    knows. `oracle`: the highest reward among items that keep the user, the highest of all if none does; it also knows
    the quit rule, and is about as good as possible without looking ahead. Once every item was shown, sequences start
    over.
    """
    popular = np.argsort(-popularity, kind="stable")[: world.horizon]
    rng = np.random.default_rng(world.settings.seed)
    width = min(world.horizon, world.n_items)
    drawn = np.array([rng.choice(world.n_items, width, replace=False) for _ in users])
    totals: dict[PolicyName, _Totals] = {
        "random": _play(world, users, _plan(drawn)),
        "popular": _play(world, users, _plan(popular[None, :])),
    }
    ranked: dict[PolicyName, list[_Totals]] = {"greedy": [], "oracle": []}
    together = max(1, _RANKED // world.n_items)
    for start in range(0, len(users), together):
        some = users[start : start + together]
        oracle = Oracle(world, np.asarray(some))
        ranked["greedy"].append(_play(world, some, _plan(oracle.ranking[:, :width])))
        ranked["oracle"].append(_play(world, some, _new(oracle)))
    for name, parts in ranked.items():
        totals[name] = np.concatenate([steps for steps, _ in parts]), np.concatenate([stars for _, stars in parts])
    return {name: Outcome.of(*columns) for name, columns in totals.items()}


_Totals = tuple[NDArray[np.int64], NDArray[np.float64]]


def _play(world: World, users: list[int], choose: Choose) -> _Totals:
    """Returns steps and summed stars of one episode per user, shape (n,)."""
    episodes = Episodes(world, np.asarray(users))
    stars = np.zeros(len(users))
    for rows, _, answers in episodes.play(lambda rows: choose(episodes, rows)):
        stars[rows] += answers.rewards
    return episodes.steps, stars


def _plan(sequences: Indices) -> Choose:
    """Returns a policy that recommends along `sequences` (n or 1, width) and starts over when they end."""
    width = sequences.shape[1]
    return lambda episodes, rows: sequences[rows % len(sequences), episodes.steps[rows] % width]


def _new(oracle: Oracle) -> Choose:
    """Returns the oracle's policy with every item once before one comes again."""

    def choose(episodes: Episodes, rows: Indices) -> Indices:
        masked = np.zeros((len(rows), episodes.world.n_items + 1), dtype=bool)
        masked[np.arange(len(rows))[:, None], episodes.shown[rows]] = True  # the last column is for NO_ITEM
        return oracle.choose(episodes, rows, masked[:, :-1])

    return choose
