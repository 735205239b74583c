"""Recommenders of methods that ask no LLM, and what they are told of a user in the middle of an episode."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from billp.agents.plain import DrawnShortlists, EvenDraw, FixedRanking
from billp.agents.recommender import Observations, Recommender
from billp.errors import EpisodeError
from billp.graphs.dependencies import Dependencies
from billp.graphs.methods import Method
from billp.graphs.ranking import MemoryRecommender, different
from billp.graphs.recording import unweighed
from billp.graphs.state import Weighed
from billp.memory.leaving import LONGEST

CHOOSING, SHORTLISTING = "choose", "shortlist"
"""Two uses of chance, as seeds know them: to choose an item, and to draw candidates."""


def recommender_of(deps: Dependencies, method: Method, *, explores: bool) -> Recommender:
    """Returns the recommender of `method`, which `explores` in training.

    The first call reads a memory whole, so keep it off the event loop. Raises EpisodeError for a method whose
    recommender was not opened.
    """
    limits = deps.settings.actor
    match method.chooser:
        case "memory":
            return deps.belief_model.recommender(method, deps.memory, explores=explores)
        case "random":
            return EvenDraw()
        case "popular":
            return FixedRanking(deps.ranking)
        case "shortlist":
            return DrawnShortlists(deps.vectors, limits.shortlist, limits.pool)
    if deps.recommender is None:
        raise EpisodeError(
            f"Method {method.name!r} needs a trained policy or a rival's counts, and none was opened; train one with "
            "`billp train` where it learns, and run `billp evaluate` or `billp compare`."
        )
    return deps.recommender


def observation(
    history: Sequence[int],
    recommended: Sequence[int],
    rewards: Sequence[float],
    masked: Collection[int],
    *,
    n_items: int,
    seed: int,
) -> Observations:
    """Returns one user as recommenders see users; `recommended` and `rewards` are oldest first."""
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


def weighed_by(recommender: MemoryRecommender, seen: Observations, count: int) -> list[Weighed]:
    """Returns for each user at most `count` items that differ, best first; the first is recommended.

    `advantages` are the scores, `likings` the stars expected, and `support` from how many ratings and answers.
    """
    recent = seen.recent(LONGEST)
    found: list[Weighed] = []
    for row, seed in enumerate(seen.seeds.tolist()):
        weighing = recommender.weigh(recent[row], seen.masked[row], seed)
        items = different(weighing, recommender.beliefs.closeness, count)
        if not items:
            raise EpisodeError("Every item was shown already; use a larger catalogue or set actor.mask_shown to false.")
        found.append(
            {
                **unweighed(items),
                "advantages": [round(float(weighing.scores[item]), 4) for item in items],
                "likings": [round(float(weighing.values[item]), 4) for item in items],
                "support": [float(recommender.beliefs.support[item]) for item in items],
            }
        )
    return found
