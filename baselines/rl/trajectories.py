"""The logs of the train users as trajectories, for methods that learn without meeting users."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from billp.baselines.rl.observations import Layout
from billp.baselines.rl.transitions import MOST_STARS, Transitions, joined
from billp.errors import DataError
from billp.simulators import Dataset
from billp.simulators.data.dataset import LIKED

DISPLEASED = 2.0
"""A rating below this ends a trajectory, as if the user had left."""


def logged_trajectories(dataset: Dataset, users: NDArray[np.int32], layout: Layout) -> Transitions:
    """Returns the logs of `users` as if a recommender had shown every item that they rated, in the order of time.

    The rule: a user's log is cut into trajectories. One ends, terminated, with a rating below two stars, as a
    displeased user leaves; otherwise, truncated, after as many steps as an episode may have, or with the log. The
    history of a trajectory is what the user liked (four stars or more) before it began. A repeated item within a
    trajectory is left out, since no episode shows an item twice. The logs do not say that users also leave when bored.
    """
    parts = [part for user in users for part in _of_user(dataset, int(user), layout)]
    if not parts:
        raise DataError(f"Dataset {dataset.name} has no ratings of train users to learn from; add interactions.")
    return joined(parts)


def _of_user(dataset: Dataset, user: int, layout: Layout) -> Iterator[Transitions]:
    first, last = np.searchsorted(dataset.users, [user, user + 1])
    items = dataset.items[first:last].astype(np.int64)
    ratings = dataset.ratings[first:last]
    start = 0
    while start < len(items):
        end = min(start + layout.horizon, len(items))
        displeased = np.flatnonzero(ratings[start:end] < DISPLEASED)
        end = start + int(displeased[0]) + 1 if len(displeased) else end
        liked = items[:start][ratings[:start] >= LIKED]
        kept = start + np.sort(np.unique(items[start:end], return_index=True)[1])
        left = bool(ratings[kept[-1]] < DISPLEASED)
        yield _trajectory(liked, items[kept], ratings[kept], left, layout)
        start = end


def _trajectory(
    liked: NDArray[np.int64], items: NDArray[np.int64], ratings: NDArray[np.float32], left: bool, layout: Layout
) -> Transitions:
    seen = [layout.start([liked.tolist()])]
    for step in range(len(items)):
        seen.append(layout.follow(seen[-1], items[step : step + 1], ratings[step : step + 1]))
    whole = np.concatenate(seen)
    terminated, truncated = (np.zeros(len(items), dtype=bool) for _ in range(2))
    (terminated if left else truncated)[-1] = True
    return Transitions(whole[:-1], items, ratings / np.float32(MOST_STARS), terminated, truncated, whole[1:])
