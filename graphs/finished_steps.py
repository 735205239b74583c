"""Steps of finished episodes in arrays, which rates of leaving and the counts of principles come from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from billp.agents.closeness import Closeness
from billp.agents.recommender import NO_ITEM
from billp.memory.experiences import Outcome
from billp.memory.leaving import LONGEST, Departures

_MOST = 20_000  # steps that are kept, the last ones by id (run, episode, step)


@dataclass(frozen=True, eq=False)
class FinishedSteps:
    """Steps that record whether the user left: their `items` (n,), and the items `before` each, (n, LONGEST).

    The newest item before comes first; NO_ITEM where there was none. `episodes` (n,) are indices into `names`, the
    names of the episodes in the order of their first steps.
    """

    items: NDArray[np.int64]
    before: NDArray[np.int64]
    episodes: NDArray[np.int64]
    names: tuple[str, ...]
    departures: Departures

    @classmethod
    def of(cls, closeness: Closeness, outcomes: Sequence[Outcome]) -> FinishedSteps:
        """Returns the last of `outcomes`, which are in the order of their ids, without those that record no leaving."""
        told = [outcome for outcome in outcomes if outcome.left is not None][-_MOST:]
        before = np.full((len(told), LONGEST), NO_ITEM, dtype=np.int64)
        for row, outcome in enumerate(told):
            newest = outcome.before[-LONGEST:][::-1]
            before[row, : len(newest)] = newest
        names: dict[str, int] = {}
        episodes = [names.setdefault(episode_of(outcome.id), len(names)) for outcome in told]
        items = np.array([outcome.item for outcome in told], dtype=np.int64)
        levels, weights = _pairs(closeness, items, before)
        return cls(
            items=items,
            before=before,
            episodes=np.array(episodes, dtype=np.int64),
            names=tuple(names),
            departures=Departures(
                left=np.array([bool(outcome.left) for outcome in told], dtype=bool),
                stars=np.clip(np.rint([outcome.reward for outcome in told]), 1, 5).astype(np.int64).reshape(-1),
                levels=levels,
                weights=weights,
            ),
        )

    def without(self, episode: str) -> NDArray[np.bool_]:
        """Returns whether each step, (n,), is of another episode than the one of that name."""
        index = self.names.index(episode) if episode in self.names else -1
        return np.asarray(self.episodes != index)


def episode_of(id_: str) -> str:
    """Returns the common part of the ids of everything that one episode taught: run and episode."""
    return id_.partition("/")[2].rpartition("/")[0]


def _pairs(
    closeness: Closeness, items: NDArray[np.int64], before: NDArray[np.int64]
) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """Returns `levels` and `weights` of `Departures`; the closeness of each pair is worked out once."""
    width = int(max(before.max(initial=0), items.max(initial=0))) + 1
    met = np.where(before == NO_ITEM, NO_ITEM, items[:, None] * width + before).reshape(-1)
    pairs, place, counts = np.unique(met, return_inverse=True, return_counts=True)
    there = pairs != NO_ITEM
    first, second = np.where(there, pairs // width, NO_ITEM), np.where(there, pairs % width, NO_ITEM)
    levels = closeness.between(first, second)[place]
    return levels.reshape(*before.shape, len(closeness.names)), (1 / counts[place]).reshape(before.shape)
