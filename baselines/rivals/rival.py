"""The interface of rivals: made from train logs and the train world, taught by finished episodes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from billp.agents.recommender import Recommender
from billp.baselines.rivals.overlap import CategoryOverlap
from billp.setting_groups import MMRSettings
from billp.simulators import Dataset, World


@dataclass(frozen=True, eq=False)
class Material:
    """What a rival may be made from: items, the logs of the train users, and their world.

    `masked_history` returns the items of a train user's own history that are not recommended, `mask_shown` says whether
    items recommended before are excluded, and `history` is how many liked items a recommender may know of a user. `mmr`
    holds its parameters that are set, which are not tuned here.
    """

    dataset: Dataset
    world: World
    seed: int
    history: int
    mask_shown: bool
    masked_history: Callable[[int], NDArray[np.int32]]
    mmr: MMRSettings = field(default_factory=MMRSettings)

    @cached_property
    def overlap(self) -> CategoryOverlap:
        """Overlap of items in their categories."""
        return CategoryOverlap.of(self.world.categories)

    @cached_property
    def means(self) -> NDArray[np.float64]:
        """(items,) mean rating of each item by train users, shrunk towards the mean of all by 5 ratings.

        It includes the dislikes that were sampled for logs without any.
        """
        rated = self.dataset.rated_by(self.world.users)
        items, ratings = rated.items, rated.ratings.astype(np.float64)
        count = np.bincount(items, minlength=len(self.dataset.catalogue))
        total = np.bincount(items, weights=ratings, minlength=len(self.dataset.catalogue))
        usual = ratings.mean() if len(ratings) else 0.0
        return np.asarray((total + _SHRINK * usual) / (count + _SHRINK))


_SHRINK = 5.0  # ratings by which an item's mean is shrunk


@dataclass(frozen=True)
class RatedEpisode:
    """A finished training episode: the recommendations, their stars, and whether the user left at the end."""

    items: Sequence[int]
    rewards: Sequence[float]
    left: bool


class Rival(Protocol):
    """A method's state, a function of its lessons that does not depend on their batches."""

    @property
    def chosen(self) -> Mapping[str, float]:
        """Its parameters, tuned ones included."""
        ...

    def recommender(self, *, explore: bool) -> Recommender:
        """Returns a recommender of what was learned so far; with `explore` it explores, as in training."""
        ...

    def learn(self, lessons: Sequence[RatedEpisode]) -> None:
        """Learns from episodes that it has not learned from before."""
        ...


@dataclass(frozen=True)
class Settled:
    """A rival that learns nothing."""

    made: Recommender
    chosen: Mapping[str, float] = field(default_factory=dict)

    def recommender(self, *, explore: bool) -> Recommender:
        """Returns the same recommender in training and in evaluation."""
        return self.made

    def learn(self, lessons: Sequence[RatedEpisode]) -> None:
        """Changes nothing."""
