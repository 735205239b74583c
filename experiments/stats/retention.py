"""Retention: how often users would come back, given the episodes that a method served them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from billp.experiments.runs.records import EpisodeLine
from billp.simulators import Dataset, Worlds
from billp.simulators.env.visits import ReturnModel, expected_visits
from billp.simulators.quit.reasons import HORIZON


def visits_of(
    lines: Sequence[EpisodeLine], dataset: Dataset, worlds: Worlds, days: int = 30, model: ReturnModel | None = None
) -> dict[str, float]:
    """Visits to be expected of each user in `days` days under a return `model`, by the user's key.

    On every visit a user has one of his finished episodes in `lines`, each as likely; how content one left him is its
    R_each less what he usually rates. Users without a finished episode are left out.
    """
    episodes: dict[str, list[tuple[float, bool]]] = defaultdict(list)
    for line in lines:
        if line.output is not None:
            world = worlds.train if line.split == "train" else worlds.test
            usual = float(world.usual(np.asarray([dataset.user_index(line.user)]))[0])
            left = line.output["ended"] != HORIZON.name
            episodes[line.user].append((line.output["reward_each"] - usual, left))
    returns = model or ReturnModel()
    users = sorted(episodes)
    chances = [
        returns.chances(np.array([content for content, _ in had]), np.array([left for _, left in had]))
        for had in (episodes[user] for user in users)
    ]
    return dict(zip(users, expected_visits(chances, days).tolist(), strict=True))
