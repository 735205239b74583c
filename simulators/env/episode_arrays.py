"""Episodes of many users side by side, as arrays."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from billp.simulators.env.step import StepResults, respond_many
from billp.simulators.env.world import QuitDecisions, World
from billp.simulators.quit.rule import NO_ITEM, Past
from billp.simulators.rating.base import Floats, Indices

Rows = NDArray[np.int64]


class Episodes:
    """n episodes in one world, each at its own step.

    `users` (n,) are dataset indices; `steps` (n,) counts recommendations; `shown` (n, horizon) holds them, oldest
    first, -1 for steps to come; `notes` (n, horizon) is what the quit rule noted at each. Nothing here grows with the
    number of items.
    """

    def __init__(self, world: World, users: Indices) -> None:
        self.world = world
        self.users = np.array(users, dtype=np.int64)
        self.steps = np.zeros(len(self.users), dtype=np.int64)
        self.shown = np.full((len(self.users), world.horizon), NO_ITEM, dtype=np.int32)
        self.notes = np.zeros((len(self.users), world.horizon))

    @classmethod
    def resumed(cls, world: World, user: int, shown: Sequence[int]) -> Episodes:
        """Returns the one episode of `user` after the recommendations `shown`, oldest first, none of which ended it."""
        one, count = cls(world, np.array([user])), len(shown)
        notes = world.past(user, shown).notes[0][-count:] if count else np.zeros(0)
        if count >= world.horizon:  # a person may stay longer than simulated users do
            one.shown, one.notes = np.full((1, count + 1), NO_ITEM, dtype=np.int32), np.zeros((1, count + 1))
        one.shown[0, :count] = shown
        one.notes[0, count - len(notes) : count] = notes
        one.steps[0] = count
        return one

    def __len__(self) -> int:
        return len(self.users)

    def begin(self, rows: Indices, users: Indices) -> None:
        """Replaces the episodes at `rows` by new ones, of `users`."""
        self.users[rows] = users
        self.steps[rows] = 0
        self.shown[rows] = NO_ITEM
        self.notes[rows] = 0

    def step(self, rows: Indices, items: Indices) -> StepResults:
        """Recommends `items` to the users at `rows`, shape (k,) each, and returns their answers."""
        steps = self.steps[rows]
        allowed = self.world.settings.repeats
        answers = respond_many(
            self.world,
            users=self.users[rows],
            past=self.past(rows),
            repeated=np.zeros(len(rows), dtype=bool) if allowed else self.repeated(rows, items),
            steps=steps,
            items=items,
        )
        self.shown[rows, steps] = items
        self.notes[rows, steps] = answers.notes
        self.steps[rows] = steps + 1
        return answers

    def play(self, choose: Callable[[Rows], Indices]) -> Iterator[tuple[Rows, Indices, StepResults]]:
        """Steps all episodes until they are over; yields, at each step, the rows stepped, the items and the answers.

        `choose` returns the items for the users at the rows that are not over, shape (k,) each.
        """
        rows: Rows = np.flatnonzero(self.steps < self.world.horizon)
        while len(rows):
            items = choose(rows)
            answers = self.step(rows, items)
            yield rows, items, answers
            rows = rows[answers.stays]

    def judge(self, rows: Indices, items: Indices, ratings: Floats, repeated: NDArray[np.bool_]) -> QuitDecisions:
        """Returns whether the users at `rows` (k,) would leave over `items` (k, m), which they rate `ratings`.

        It changes nothing. `repeated` (k, m) says which items were shown before, as `repeated()` returns it.
        """
        past = self.past(rows)
        wide = Past(past.items[:, None, :], past.notes[:, None, :])
        return self.world.judge(self.users[rows][:, None], wide, items, ratings, repeated)

    def past(self, rows: Indices) -> Past:
        """Returns what the quit rule looks back on at `rows`; shape (k, window)."""
        rule = self.world.rule
        items = self.recent(rows, rule.window)
        if not rule.keeps_notes:
            return Past(items, np.zeros((1, rule.window)))
        columns = self.steps[rows][:, None] + np.arange(-rule.window, 0)
        notes = self.notes[rows[:, None], np.maximum(columns, 0)]
        notes[columns < 0] = 0
        return Past(items, notes)

    def recent(self, rows: Indices, width: int) -> NDArray[np.int64]:
        """Returns the last `width` recommendations at `rows`, oldest first, with -1 in front; shape (k, width)."""
        columns = self.steps[rows][:, None] + np.arange(-width, 0)
        recent: NDArray[np.int64] = self.shown[rows[:, None], np.maximum(columns, 0)].astype(np.int64)
        recent[columns < 0] = NO_ITEM
        return recent

    def repeated(self, rows: Indices, items: Indices) -> NDArray[np.bool_]:
        """Returns whether `items`, shape (k,) or (k, m), were recommended before in the episodes at `rows`."""
        shown = np.expand_dims(self.shown[rows], tuple(range(1, items.ndim)))
        return np.asarray((shown == items[..., None]).any(axis=-1))
