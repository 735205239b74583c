"""Users, who answer recommendations: the contract, and simulated users."""

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
    """A person asks for something else, in these words, and does not rate the item."""

    words: str


class Users(Protocol):
    """Users, simulated or live, who answer recommendations. They are named by their keys."""

    def new_episode(self, user: str, *, teaches: bool) -> str:
        """Returns a name for an episode with `user` if the input gave none.

        Memory keeps what an episode teaches under its name, so an episode that `teaches` needs a new name.
        """
        ...

    def may_teach(self, split: Split, user: str) -> bool:
        """Returns whether memory may learn from an episode of `user` in the world `split`."""
        ...

    def history(self, user: str, likes: Sequence[str], count: int) -> list[int]:
        """Returns at most `count` items that `user` liked before the episode, oldest first; may do I/O."""
        ...

    def rated(self, user: str) -> Collection[int]:
        """Returns all items that the user rated in the logs; empty for a user who is not in them."""
        ...

    def answer(self, split: Split, seen: ActorObservation, decision: Decision) -> StepResult | Wished:
        """Returns the user's answer to the item of `decision`; `seen` is what was known before it."""
        ...

    def best(self, split: Split, seen: Observation, masked: Collection[int]) -> int:
        """Returns the best item for this user by knowing the answers: the best rewarded of those that keep the user."""
        ...


def masked_history(settings: Settings, dataset: Dataset, user: int) -> NDArray[np.int32]:
    """Returns items not recommended because the user rated them in the logs (`actor.mask_history`), ascending; (k,).

    None are masked if nothing else could be recommended. `user` is an index of `dataset`. For a simulated user the
    graph masks these items and those that the episode has shown.
    """
    return np.array(sorted(masked_of(settings, dataset.rated(user).tolist(), len(dataset.catalogue))), dtype=np.int32)


def masked_of(settings: Settings, own: Collection[int], n_items: int) -> set[int]:
    """Returns which of a user's `own` items are masked: all, or none if the catalogue has no others."""
    masked = set(own) if settings.actor.mask_history else set()
    return masked if len(masked) < n_items else set()


def check_may_teach(users: Users, split: Split, user: str) -> None:
    """Raises SettingsError if memory may not learn from `user` in the world `split`."""
    if not users.may_teach(split, user):
        raise SettingsError(
            f"From user {user} in the {split} world nothing may be learned, since test users are for measuring; "
            "set learn to false (leave out --learn), or take a train user and split train."
        )


def is_test_user(dataset: Dataset, worlds: Worlds, user: str) -> bool:
    """Returns whether `user` is a test user; raises DataError for a user who is not in the logs."""
    return worlds.split_of(dataset.user_index(user)) == "test"


@dataclass(frozen=True)
class SimulatedUsers:
    """The simulated users of the train and the test world; their history is in the logs."""

    dataset: Dataset
    worlds: Worlds

    def new_episode(self, user: str, *, teaches: bool) -> str:
        """Returns the user's key, so that the same seeds give the same episode; with a random ending if it teaches."""
        return f"{user}-{uuid4().hex[:8]}" if teaches else user

    def may_teach(self, split: Split, user: str) -> bool:
        """Returns false in the test world and for test users; raises DataError for unknown users."""
        return not is_test_user(self.dataset, self.worlds, user) and split != "test"

    def history(self, user: str, likes: Sequence[str], count: int) -> list[int]:
        """Returns it from the logs; raises DataError for a user who is not in them."""
        return self.dataset.history(self.dataset.user_index(user), count)

    def rated(self, user: str) -> Collection[int]:
        """Raises DataError for a user who is not in the logs."""
        return [int(item) for item in self.dataset.rated(self.dataset.user_index(user))]

    def answer(self, split: Split, seen: ActorObservation, decision: Decision) -> StepResult:
        """Returns the simulator's answer."""
        user = self.dataset.user_index(seen["user"])
        return respond(self._world(split), user, seen["recommended"], decision["item"])

    def best(self, split: Split, seen: Observation, masked: Collection[int]) -> int:
        """Returns the best rewarded of the items that keep the user; if none does, the best rewarded of all."""
        world, user = self._world(split), self.dataset.user_index(seen["user"])
        hidden = np.zeros((1, world.n_items), dtype=bool)
        hidden[0, list(masked)] = True
        episode = Episodes.resumed(world, user, seen["recommended"])
        return int(Oracle(world, episode.users).choose(episode, np.array([0]), hidden)[0])

    def _world(self, split: Split) -> World:
        return self.worlds.train if split == "train" else self.worlds.test
