"""A world of 20 items whose best policy is known, and logs of users who were mostly recommended by it.

Four groups of five items; the first two of each are worth five stars, the others three. An item of the group of one of
the last two recommendations bores the user. The best policy goes round the groups with the eight good items: nobody
leaves, and an episode of eight steps brings 40 stars.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from billp.catalogue import Catalogue, Item
from billp.settings import ModelKind, SimulatorSettings
from billp.simulators.data.dataset import Dataset
from billp.simulators.env.world import World
from billp.simulators.quit.item_traits import category_sets
from billp.simulators.rating.accuracy import Accuracy, Errors
from billp.simulators.rating.base import Floats, Indices
from tests.fakes.worlds import MAPPING

ITEMS, GROUPS, EACH, USERS, HORIZON = 20, 4, 5, 30, 8
BEST = 5.0 * HORIZON


def stars(items: Indices) -> Floats:
    worth: Floats = np.where(items % EACH < 2, np.float32(5), np.float32(3))
    return worth


class ToyRatings:
    """The same stars from everybody."""

    kind: ClassVar[ModelKind] = "factorisation"
    n_users = USERS

    def predict(self, users: Indices, items: Indices) -> Floats:
        return stars(items)

    @property
    def item_vectors(self) -> Floats:
        """A group's items stand close together, two groups far apart."""
        corners = np.eye(GROUPS, dtype=np.float32)[np.arange(ITEMS) // EACH]
        return corners + np.float32(0.01 / ITEMS) * np.arange(ITEMS, dtype=np.float32)[:, None]

    def parameters(self) -> dict[str, Floats]:
        return {}


def toy_catalogue() -> Catalogue:
    items = [Item(index=i, key=f"i{i}", title=f"Film {i}", categories=(f"G{i // EACH}",)) for i in range(ITEMS)]
    return Catalogue("toy", tuple(items))


def toy_world() -> World:
    settings = SimulatorSettings.model_validate({"window": 2, "horizon": HORIZON, "model": "factorisation"})
    nothing = Errors(0.0, 0.0, 0.0, 0.0)
    return World(
        name="toy",
        split="train",
        n_users=USERS,
        n_items=ITEMS,
        users=np.arange(USERS, dtype=np.int32),
        interactions=0,
        model=ToyRatings(),
        categories=category_sets(toy_catalogue()),
        beta=0.5,
        settings=settings,
        accuracy=Accuracy(nothing, nothing, 0),
    )


def toy_dataset(seed: int = 0) -> Dataset:
    """Each user's log: twice an episode of eight different items that goes round the groups; three of four are good."""
    rng = np.random.default_rng(seed)
    logs = []
    for _ in range(2 * USERS):
        groups = rng.permutation(GROUPS)
        good, others = ([rng.permutation(items) for _ in groups] for items in (range(2), range(2, EACH)))
        logs.append(
            [
                group * EACH + (good if rng.random() < 0.75 else others)[group][turn]
                for turn in range(HORIZON // GROUPS)
                for group in groups
            ]
        )
    items = np.array(logs, dtype=np.int32).ravel()
    return Dataset(
        name="toy",
        catalogue=toy_catalogue(),
        user_keys=tuple(f"u{user}" for user in range(USERS)),
        users=np.repeat(np.arange(USERS, dtype=np.int32), 2 * HORIZON),
        items=items,
        ratings=stars(items),
        timestamps=np.arange(len(items), dtype=np.int64),
        mapping=MAPPING,
        fingerprint="toy",
    )
