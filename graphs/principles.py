"""Principles of an application: claims about single episodes, merged and counted over what memory holds of steps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from statistics import median_high, median_low

import numpy as np

from billp.agents.claims import LOW, LOW_RATING, NONE, OFTEN, REPETITION, Claim
from billp.agents.closeness import Closeness
from billp.catalogue import Catalogue
from billp.graphs.dependencies import Dependencies
from billp.graphs.methods import Method
from billp.graphs.ranking import Beliefs, departures
from billp.memory import Outcome, Reflection
from billp.memory.leaving import LONGEST, STARS
from billp.memory.principles import Principle

_MOST = 20_000  # experiences that are counted; of more, the last ones by id (run, episode, step)
_TOLD = 4  # confirmed principles that the Planner reads, the most claimed
_LEAST_SHARE = 0.1  # of a departure; a cause with less is not what the learned rates make out


def held_to_rates(claim: Claim, beliefs: Beliefs, items: Sequence[int], stars: float) -> Claim:
    """Returns `claim` with its share of the departure by the learned rates; below a tenth it does not hold.

    `items` are the episode's in order, the last of them rated with `stars`. Of repetition no rate is learned.
    """
    if claim.cause in (NONE, REPETITION):
        return claim
    *before, last = items
    dislike = float(beliefs.leaving.star_rates[min(max(round(stars), 1), STARS) - 1])
    total = dislike + float(beliefs.closeness_rates(before[-LONGEST:], beliefs.tables)[last])
    rate = dislike
    if claim.cause != LOW_RATING:
        rate = float(beliefs.tables[beliefs.closeness.names.index(claim.cause)][claim.back - 1, claim.level])
    share = rate / total if total > 0 else 0.0
    return replace(claim, share=round(share, 3), holds=claim.holds and share >= _LEAST_SHARE)


def principles_of(
    reflections: Iterable[Reflection], closeness: Closeness, catalogue: Catalogue, outcomes: Iterable[Outcome]
) -> list[Principle]:
    """Returns the principles from the claims of `reflections` that hold: one per cause and category, by claims.

    They are counted over `outcomes`, without those of the episode that each was first claimed of: what suggested a
    principle is no evidence for it.
    """
    found: dict[str, list[tuple[int, str, Claim]]] = {}
    for reflection in reflections:
        claim = Claim.from_json(reflection.claim)
        if claim is not None and claim.holds and (claim.cause in closeness.names or not claim.level):
            found.setdefault(claim.id, []).append((reflection.ordinal, episode_of(reflection.id), claim))
    if not found:
        return []
    steps = _Steps(closeness, catalogue, outcomes)
    made = [
        steps.counted(min(told[:2] for told in claims)[1], [claim for *_, claim in claims]) for claims in found.values()
    ]
    return sorted(made, key=lambda principle: (-principle.claims, principle.id))


def all_principles(deps: Dependencies, method: Method) -> list[Principle]:
    """Returns the principles from all reflections in the memory of `deps`; none if there is no memory."""
    agent_memory = deps.memory
    if agent_memory is None:
        return []
    told = map(Reflection.from_record, agent_memory.reflections.store.all())
    return principles_of(told, deps.belief_model.closeness(method), deps.catalogue, agent_memory.actor.outcomes()[1])


def confirmed(told: Sequence[str]) -> list[str]:
    """Returns the principles among those `told` by an episode's state that are confirmed, without that word."""
    return [words.partition(": ")[2] for words in told if words.startswith("confirmed: ")][:_TOLD]


def episode_of(id_: str) -> str:
    """Returns the common part of the ids of everything that one episode taught: run and episode."""
    return id_.partition("/")[2].rpartition("/")[0]


class _Steps:
    """Steps of finished episodes, in arrays."""

    def __init__(self, closeness: Closeness, catalogue: Catalogue, outcomes: Iterable[Outcome]) -> None:
        told = [outcome for outcome in outcomes if outcome.left is not None]
        told = sorted(told, key=lambda outcome: outcome.id)[-_MOST:]
        self._seen = departures(closeness, told)
        self._closeness, self._told = closeness, told
        self._items = [catalogue[outcome.item] for outcome in told]
        self._before = [catalogue.some(list(outcome.before[-LONGEST:])) for outcome in told]

    def counted(self, first: str, claims: Sequence[Claim]) -> Principle:
        """Returns the principle that `claims` of one cause and category make, first claimed of the episode `first`."""
        cause, category = claims[0].cause, claims[0].category
        level = median_low([claim.level for claim in claims])
        back = median_high([claim.back for claim in claims])
        counts = np.array([episode_of(outcome.id) != first for outcome in self._told], dtype=np.bool_)
        if cause == LOW_RATING:
            named = [category in item.categories for item in self._items]
            at_work = np.array(named, dtype=np.bool_) if category else np.asarray(self._seen.stars <= LOW)
        else:
            # A low rating explains by itself that the user left, whatever was shown before.
            counts &= self._seen.stars > LOW
            if cause == REPETITION:
                often = (sum(category in earlier.categories for earlier in before) >= OFTEN for before in self._before)
                named = [
                    category in item.categories and is_often for item, is_often in zip(self._items, often, strict=True)
                ]
                at_work = np.array(named, dtype=np.bool_)
            else:
                near = self._seen.levels[:, :back, self._closeness.names.index(cause)] >= level
                at_work = np.asarray(near.any(axis=1))
        here, others = counts & at_work, counts & ~at_work
        left = self._seen.left
        return Principle(
            claims[0].id, cause, category, level, back, len(claims),
            left=int(left[here].sum()), shown=int(here.sum()),
            other_left=int(left[others].sum()), other_shown=int(others.sum()),
        )  # fmt: skip
