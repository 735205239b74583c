"""What is recorded of a step and of an episode, whoever ran it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from typing_extensions import TypedDict

from billp.agents.plan import Plan
from billp.agents.relations import relation
from billp.catalogue import Catalogue
from billp.graphs.state import EpisodeOutput, PlanState, StepRecord, UsageState
from billp.graphs.users import Response

MIDDLE_REWARD = 3.0
"""Of one to five stars: from here on a reward without the Critic counts as encouragement."""


@dataclass(frozen=True, slots=True)
class Weighed:
    """A shortlist and what was expected of its candidates, as `StepRecord` explains; empty where there was none."""

    shortlist: list[int] = field(default_factory=list)
    advantages: list[float] = field(default_factory=list)
    likings: list[float] = field(default_factory=list)
    support: list[float] = field(default_factory=list)
    preferences: list[float] = field(default_factory=list)
    trust: float = 0.0


def plan_state(plan: Plan) -> PlanState:
    """The plan as it travels through the graph."""
    return PlanState(aim=dict(plan.aim), avoid=dict(plan.avoid), rest=plan.rest, steps=plan.steps)


def step_record(
    catalogue: Catalogue,
    before: Sequence[int],
    item: int,
    answer: Response,
    *,
    thought: str = "",
    plan: PlanState | None = None,
    experiences: Sequence[str] = (),
    weighed: Weighed | None = None,
    proposal: str = "",
    advantage: float | None = None,
) -> StepRecord:
    """The step that recommended `item` after the items `before`, oldest first; nothing has judged it yet."""
    weighed = weighed or Weighed()
    return StepRecord(
        number=len(before) + 1,
        thought=thought,
        plan=plan or plan_state(Plan()),
        experiences=list(experiences),
        shortlist=weighed.shortlist,
        advantages=weighed.advantages,
        likings=weighed.likings,
        support=weighed.support,
        preferences=weighed.preferences,
        trust=weighed.trust,
        relation=relation(catalogue[item], catalogue.some(before)),
        proposal=proposal,
        item=item,
        title=catalogue[item].title,
        reward=answer.reward,
        reason=answer.reason,
        too_close_to=answer.too_close_to,
        value=None,
        next_value=None,
        target=None,
        advantage=advantage,
    )


def episode_record(
    user: str, episode: str, history: Sequence[int], steps: list[StepRecord], usage: UsageState
) -> EpisodeOutput:
    """A finished episode in which nothing was recalled, valued or reflected on."""
    return EpisodeOutput(
        user=user,
        episode=episode,
        history=list(history),
        reflections=[],
        valued={},
        steps=steps,
        usage=usage,
        ended=steps[-1]["reason"],
        reflection="",
        **totals_of(steps),
    )


class Totals(TypedDict):
    """What an episode comes to."""

    length: int
    reward_each: float
    reward_trajectory: float


def totals_of(steps: Sequence[StepRecord]) -> Totals:
    """Len, R_each and R_traj of a finished episode."""
    total = sum(step["reward"] for step in steps)
    return Totals(length=len(steps), reward_each=total / len(steps), reward_trajectory=total)
