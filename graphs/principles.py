"""Principles of an application: claims about single episodes, merged and counted over what memory holds of steps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from statistics import median_high, median_low

import numpy as np
from numpy.typing import NDArray

from billp.agents.claims import LOW, LOW_RATING, NONE, OFTEN, REPETITION, Claim
from billp.catalogue import Catalogue
from billp.graphs.dependencies import Dependencies
from billp.graphs.finished_steps import episode_of
from billp.graphs.methods import Method
from billp.graphs.ranking import Beliefs
from billp.memory import Reflection
from billp.memory.leaving import LONGEST, STARS
from billp.memory.principles import Principle

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


def principles_of(reflections: Iterable[Reflection], beliefs: Beliefs, catalogue: Catalogue) -> list[Principle]:
    """Returns the principles from the claims of `reflections` that hold: one per cause and category, by claims.

    They are counted over the steps that `beliefs` come from, without those of the episode that each was first claimed
    of: what suggested a principle is no evidence for it.
    """
    names = beliefs.closeness.names
    found: dict[str, list[tuple[int, str, Claim]]] = {}
    for reflection in reflections:
        claim = Claim.from_json(reflection.claim)
        if claim is not None and claim.holds and (claim.cause in names or not claim.level):
            found.setdefault(claim.id, []).append((reflection.ordinal, episode_of(reflection.id), claim))
    made = [
        _counted(beliefs, catalogue, min(each[:2] for each in told)[1], [claim for *_, claim in told])
        for told in found.values()
    ]
    return sorted(made, key=lambda principle: (-principle.claims, principle.id))


def all_principles(deps: Dependencies, method: Method) -> list[Principle]:
    """Returns the principles from all reflections in the memory of `deps`; none if there is no memory."""
    agent_memory = deps.memory
    if agent_memory is None:
        return []
    told = map(Reflection.from_record, agent_memory.reflections.store.all())
    return principles_of(told, deps.belief_model.beliefs(method, agent_memory), deps.catalogue)


def confirmed(told: Sequence[str]) -> list[str]:
    """Returns the principles among those `told` by an episode's state that are confirmed, without that word."""
    return [words.partition(": ")[2] for words in told if words.startswith("confirmed: ")][:_TOLD]


def _counted(beliefs: Beliefs, catalogue: Catalogue, first: str, claims: Sequence[Claim]) -> Principle:
    """Returns the principle that `claims` of one cause and category make, first claimed of the episode `first`."""
    cause, category = claims[0].cause, claims[0].category
    steps, seen = beliefs.steps, beliefs.steps.departures
    level = median_low([claim.level for claim in claims])
    back = median_high([claim.back for claim in claims])
    counts = steps.without(first)
    if cause == LOW_RATING:
        at_work = _members(catalogue, category)[steps.items] if category else np.asarray(seen.stars <= LOW)
    else:
        # A low rating explains by itself that the user left, whatever was shown before.
        counts &= seen.stars > LOW
        if cause == REPETITION:
            members = _members(catalogue, category)
            at_work = members[steps.items] & (members[steps.before].sum(axis=1) >= OFTEN)
        else:
            near = seen.levels[:, :back, beliefs.closeness.names.index(cause)] >= level
            at_work = np.asarray(near.any(axis=1))
    here, others = counts & at_work, counts & ~at_work
    return Principle(
        claims[0].id, cause, category, level, back, len(claims),
        left=int(seen.left[here].sum()), shown=int(here.sum()),
        other_left=int(seen.left[others].sum()), other_shown=int(others.sum()),
    )  # fmt: skip


def _members(catalogue: Catalogue, category: str) -> NDArray[np.bool_]:
    """Returns whether each item, (items + 1,), is of `category`; the last place is that of NO_ITEM, which is not."""
    return np.array([*(category in item.categories for item in catalogue), False], dtype=np.bool_)
