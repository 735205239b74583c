"""Whoever answers recommendations: the contract, and the users of the simulated worlds."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from billp.errors import SettingsError
from billp.graphs.state import ActorObservation, Decision, Observation
from billp.settings import Settings
from billp.simulators import Dataset, Episodes, Oracle, StepResult, World, Worlds, respond

Split = Literal["train", "test"]


@dataclass(frozen=True, slots=True)
class Wished:
    """A person asks for something else than the item, in these words, and does not rate it."""

    words: str


class Users(Protocol):
    """Whoever answers recommendations. Users are named by their keys."""

    def new_episode(self, user: str, *, teaches: bool) -> str:
        """The name of an episode with `user` that was given none.

        What an episode teaches is remembered under its name, so one that `teaches` needs one of its own.
        """
        ...

    def may_teach(self, split: Split, user: str) -> bool:
        """Whether anything may be learned from an episode of `user` in the world `split`."""
        ...

    def history(self, user: str, likes: Sequence[str], count: int) -> list[int]:
        """At most `count` items that `user` liked before the episode, oldest first; may take as long as I/O does."""
        ...

    def rated(self, user: str) -> Collection[int]:
        """All items that the logs say the user rated; empty for a user they do not know."""
        ...

    def answer(self, split: Split, seen: ActorObservation, decision: Decision) -> StepResult | Wished:
        """What the user says to the item decided on; `seen` is what was known before, and the thought behind it."""
        ...

    def best(self, split: Split, seen: Observation, masked: Collection[int]) -> int:
        """What somebody who knows this user would recommend next: of what keeps the user the best rewarded item."""
        ...


def masked_history(settings: Settings, dataset: Dataset, user: int) -> NDArray[np.int32]:
    """The items of the user's own history that are not recommended (`actor.mask_history`), ascending; shape (k,).

    These are all items that the user rated in the logs; none where nothing else could be recommended. `user` is an
    index of `dataset`. What the graph masks for a simulated user is this and what the episode has shown.
    """
    return np.array(sorted(masked_of(settings, dataset.rated(user).tolist(), len(dataset.catalogue))), dtype=np.int32)


def masked_of(settings: Settings, own: Collection[int], n_items: int) -> set[int]:
    """Which of a user's `own` items are not recommended: all, or none where `n_items` are no more than those."""
    masked = set(own) if settings.actor.mask_history else set()
    return masked if len(masked) < n_items else set()


def check_may_teach(users: Users, split: Split, user: str) -> None:
    """Raises SettingsError where nothing may be learned from `user` in the world `split`."""
    if not users.may_teach(split, user):
        raise SettingsError(
            f"From user {user} in the {split} world nothing may be learned, since test users are for measuring; "
            "set learn to false (leave out --learn), or take a train user and split train."
        )


def is_test_user(dataset: Dataset, worlds: Worlds, user: str) -> bool:
    """Whether the logs hold `user` among the test users; raises DataError for a user the logs do not know."""
    return worlds.split_of(dataset.user_index(user)) == "test"


@dataclass(frozen=True)
class SimulatedUsers:
    """Users of the train and the test world; what they like is in the logs."""

    dataset: Dataset
    worlds: Worlds

    def new_episode(self, user: str, *, teaches: bool) -> str:
        """The user's key, so that seeds, which depend on it, give the same episode again; more where it teaches."""
        return f"{user}-{uuid4().hex[:8]}" if teaches else user

    def may_teach(self, split: Split, user: str) -> bool:
        """Nobody may in the test world, and no test user anywhere; raises DataError for a user the logs do not know."""
        return not is_test_user(self.dataset, self.worlds, user) and split != "test"

    def history(self, user: str, likes: Sequence[str], count: int) -> list[int]:
        """From the logs alone; raises DataError for a user they do not know."""
        return self.dataset.history(self.dataset.user_index(user), count)

    def rated(self, user: str) -> Collection[int]:
        """Raises DataError for a user they do not know."""
        return [int(item) for item in self.dataset.rated(self.dataset.user_index(user))]

    def answer(self, split: Split, seen: ActorObservation, decision: Decision) -> StepResult:
        """The simulator's reward and whether the user stays."""
        user = self.dataset.user_index(seen["user"])
        return respond(self._world(split), user, seen["recommended"], decision["item"])

    def best(self, split: Split, seen: Observation, masked: Collection[int]) -> int:
        """Of the items that keep the user the best rewarded one; where none keeps them, the best rewarded of all."""
        world, user = self._world(split), self.dataset.user_index(seen["user"])
        hidden = np.zeros((1, world.n_items), dtype=bool)
        hidden[0, list(masked)] = True
        episode = Episodes.resumed(world, user, seen["recommended"])
        return int(Oracle(world, episode.users).choose(episode, np.array([0]), hidden)[0])

    def _world(self, split: Split) -> World:
        return self.worlds.train if split == "train" else self.worlds.test
