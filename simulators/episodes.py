"""Episodes of many users side by side, as arrays."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simulators.quit_rules import NO_ITEM
from simulators.rating_model import Indices
from simulators.responses import Answers, respond_many
from simulators.worlds import World


class Episodes:
    """n episodes in one world, each at a step of its own.

    `users` (n,) are dataset indices; `steps` (n,) counts recommendations; `shown` (n, horizon) holds them, first ones
    first, -1 where none was made yet. Nothing here grows with the number of items.
    """

    def __init__(self, world: World, users: Indices) -> None:
        self.world = world
        self.users = np.array(users, dtype=np.int64)
        self.steps = np.zeros(len(self.users), dtype=np.int64)
        self.shown = np.full((len(self.users), world.horizon), NO_ITEM, dtype=np.int32)

    def __len__(self) -> int:
        return len(self.users)

    def begin(self, rows: Indices, users: Indices) -> None:
        """Puts new episodes, of `users`, in the place of those at `rows`."""
        self.users[rows] = users
        self.steps[rows] = 0
        self.shown[rows] = NO_ITEM

    def step(self, rows: Indices, items: Indices) -> Answers:
        """Recommends `items` to the users at `rows`, shape (k,) each, and returns what they answer."""
        steps = self.steps[rows]
        allowed = self.world.settings.repeats
        answers = respond_many(
            self.world,
            users=self.users[rows],
            recent=self.recent(rows, self.world.rule.window),
            repeated=np.zeros(len(rows), dtype=bool) if allowed else self.repeated(rows, items),
            steps=steps,
            items=items,
        )
        self.shown[rows, steps] = items
        self.steps[rows] = steps + 1
        return answers

    def recent(self, rows: Indices, width: int) -> NDArray[np.int64]:
        """The last `width` recommendations at `rows`, oldest first, padded with -1 in front; shape (k, width)."""
        columns = self.steps[rows][:, None] + np.arange(-width, 0)
        recent: NDArray[np.int64] = self.shown[rows[:, None], np.maximum(columns, 0)].astype(np.int64)
        recent[columns < 0] = NO_ITEM
        return recent

    def repeated(self, rows: Indices, items: Indices) -> NDArray[np.bool_]:
        """Whether `items`, shape (k,) or (k, m), were recommended before in the episodes at `rows`."""
        shown = np.expand_dims(self.shown[rows], tuple(range(1, items.ndim)))
        return np.asarray((shown == items[..., None]).any(axis=-1))
