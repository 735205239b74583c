"""Who recommends in a method that asks no LLM, and what he is told of one user in the middle of an episode."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from agents.plain import DrawnShortlists, EvenDraw, FixedRanking
from agents.recommender import Observations, Recommender
from errors import EpisodeError
from graphs.methods import Method
from graphs.services import Services


def recommender_of(services: Services, method: Method) -> Recommender:
    """The recommender of `method`; raises EpisodeError for one whose recommender was not opened."""
    limits = services.settings.actor
    match method.chooser:
        case "random":
            return EvenDraw()
        case "popular":
            return FixedRanking(services.ranking)
        case "shortlist":
            return DrawnShortlists(services.vectors, limits.shortlist, limits.pool)
    if services.recommender is None:
        raise EpisodeError(
            f"Method {method.name!r} needs a trained policy or a rival's counts, and none was opened; train one with "
            "`billp train` where it learns, and run `billp evaluate` or `billp compare`."
        )
    return services.recommender


def observation(
    history: Sequence[int],
    recommended: Sequence[int],
    rewards: Sequence[float],
    masked: Collection[int],
    *,
    n_items: int,
    seed: int,
) -> Observations:
    """One user as a recommender sees him; `recommended` and `rewards` are oldest first."""
    hidden = np.zeros((1, n_items), dtype=bool)
    hidden[0, list(masked)] = True
    return Observations(
        histories=[history],
        shown=np.array([recommended], dtype=np.int64).reshape(1, -1),
        rewards=np.array([rewards], dtype=np.float64).reshape(1, -1),
        steps=np.array([len(recommended)]),
        masked=hidden,
        seeds=np.array([seed]),
    )
