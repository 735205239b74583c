"""Episodes of many users at once with a recommender, for evaluation and for the tuning of rivals."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from billp.agents.recommender import Observations
from billp.simulators import Episodes, World
from billp.simulators.rating.base import Indices

Choose = Callable[[NDArray[np.int64], Observations], NDArray[np.int64]]
"""Returns the items for the users at the given rows from what is known of them; shape (k,)."""

SeedOf = Callable[[int, int], int]
"""Returns the seed of the draws for a row after a number of steps."""

CELLS = 400_000
"""Users x items to process together: a few megabytes for each array that a recommender makes of them."""


class Rollout:
    """n episodes in one world, all at the same step, with everything that was recommended and answered.

    `own` are the items of each user's history that are not recommended. With `mask_shown` no item is repeated before
    all others were shown. `shown`, `rewards` and `earlier` are (n, horizon).
    """

    def __init__(
        self,
        world: World,
        users: Sequence[int],
        histories: Sequence[Sequence[int]],
        own: Sequence[NDArray[np.int32]],
        *,
        mask_shown: bool,
        seed_of: SeedOf,
    ) -> None:
        self.episodes = Episodes(world, np.array(users))
        self._histories, self._seed_of = histories, seed_of
        self._masks = _Masks(world.n_items, own, mask_shown)
        self.rewards = np.zeros((len(users), world.horizon))
        self.earlier = np.zeros((len(users), world.horizon), dtype=np.int64)

    @property
    def shown(self) -> NDArray[np.int32]:
        """The recommendations, -1 where there are none yet."""
        return self.episodes.shown

    @property
    def steps(self) -> NDArray[np.int64]:
        """(n,) recommendations so far."""
        return self.episodes.steps

    def play(self, choose: Choose) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int8]]]:
        """Yields, step by step, the rows whose episodes ended with it and the codes of the reasons."""
        for rows, items, answers in self.episodes.play(lambda rows: choose(rows, self._observed(rows))):
            step = self.steps[rows] - 1
            self.rewards[rows, step] = answers.rewards
            self.earlier[rows, step] = answers.too_close_to
            self._masks.show(rows, items, int(step[0]))
            yield rows[~answers.stays], answers.reasons[~answers.stays]

    def _observed(self, rows: NDArray[np.int64]) -> Observations:
        listed, step = rows.tolist(), int(self.steps[rows[0]])
        return Observations(
            histories=[self._histories[row] for row in listed],
            shown=self.shown[rows, :step].astype(np.int64),
            rewards=self.rewards[rows, :step],
            steps=np.full(len(rows), step),
            masked=self._masks.of(rows),
            seeds=np.array([self._seed_of(row, step) for row in listed]),
        )


class _Masks:
    """The items that may not be recommended to users who are all at the same step."""

    def __init__(self, n_items: int, own: Sequence[NDArray[np.int32]], mask_shown: bool) -> None:
        self._own, self._shown = own, mask_shown
        self._masked = np.zeros((len(own), n_items), dtype=bool)
        self._begin(np.arange(len(own)))
        self._free = n_items - self._masked.sum(axis=1)

    def of(self, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Returns the masks of the users at `rows`; shape (k, items)."""
        return self._masked[rows]

    def show(self, rows: NDArray[np.int64], items: Indices, step: int) -> None:
        """Records what was recommended to the users at `rows` in step number `step` (from 0)."""
        if self._shown:
            self._masked[rows, items] = True
            self._begin(rows[(step + 1) % self._free[rows] == 0])

    def _begin(self, rows: NDArray[np.int64]) -> None:
        self._masked[rows] = False
        for row in rows.tolist():
            self._masked[row, self._own[row]] = True
