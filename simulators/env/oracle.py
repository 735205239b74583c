"""The oracle, a recommender that knows what users would answer: an upper bound for methods that do not look ahead."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from billp.simulators.env.episode_arrays import Episodes
from billp.simulators.env.world import World
from billp.simulators.rating.base import Floats, Indices

_BLOCK = 16384  # items rated at once
_FIRST_LOOK = 32  # best items tried before looking further; nearly always one of them keeps the user


class Oracle:
    """Recommends, among the items that keep the user, the one with the highest reward; else the highest of all.

    `ranking` (n, n_items) holds each user's items, highest reward first and ties by index.
    """

    def __init__(self, world: World, users: Indices) -> None:
        """Ranks the whole catalogue for `users`, shape (n,); pass at most a few thousand at a time."""
        blocks = np.array_split(np.arange(world.n_items), max(1, world.n_items // _BLOCK))
        ratings = np.array([
            np.concatenate([world.rated(user, block) for block in blocks]) for user in np.asarray(users).tolist()
        ])  # fmt: skip
        ranking = np.argsort(-world.paid(ratings), axis=1, kind="stable")
        self.ranking: NDArray[np.int32] = ranking.astype(np.int32)
        self._judged: Floats = np.take_along_axis(world.judged(ratings), ranking, axis=1)

    def choose(self, episodes: Episodes, rows: Indices, masked: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Returns the items for the users at `rows` (k,) of `episodes`, shape (k,).

        Items in `masked` (k, n_items) are taken only if no others remain. The users of the episodes must be those that
        this oracle ranked for, in that order.
        """
        chosen: NDArray[np.int64] = self.ranking[rows, episodes.steps[rows] % self.ranking.shape[1]].astype(np.int64)
        fallback = np.full(len(rows), True)
        waiting = np.arange(len(rows))
        start, width = 0, _FIRST_LOOK
        while len(waiting) and start < self.ranking.shape[1]:
            asked = rows[waiting]
            items = self.ranking[asked, start : start + width]
            free = ~masked[waiting[:, None], items]
            shown = episodes.repeated(asked, items)
            keeps = free & episodes.judge(asked, items, self._judged[asked, start : start + width], shown).stays
            found = keeps.any(axis=1)
            chosen[waiting[found]] = items[found, keeps[found].argmax(axis=1)]
            # If nothing keeps the user, the best allowed item is the first one that was found.
            first = ~found & fallback[waiting] & free.any(axis=1)
            chosen[waiting[first]] = items[first, free[first].argmax(axis=1)]
            fallback[waiting[found | first]] = False
            waiting = waiting[~found]
            start, width = start + width, width * 4
        return chosen
