"""The records of a step and of an episode, for the graph and for episodes played as arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from typing_extensions import TypedDict

from billp.agents.llm.usage import Usage
from billp.agents.overlap import overlap_profile
from billp.agents.plan import Plan
from billp.catalogue import Catalogue
from billp.graphs.plans import PlanState, plan_state
from billp.graphs.state import Decision, Trajectory, Transition, UsageState, Weighed, usage_state
from billp.simulators import StepResult

MIDDLE_REWARD = 3.0
"""Stars from which on a reward counts as encouragement where there is no Critic; the scale is one to five."""
SAID = 200
"""Characters of a person's words that are kept."""


def unweighed(shortlist: Sequence[int] = ()) -> Weighed:
    """Returns a shortlist without expectations yet."""
    return Weighed(shortlist=list(shortlist), advantages=[], likings=[], support=[], preferences=[])


def decided(
    item: int,
    weighed: Weighed | None = None,
    *,
    experiences: Sequence[str] = (),
    proposal: str = "",
    usage: Usage | None = None,
) -> Decision:
    """Returns the decision for `item`; an argument left out played no part in it."""
    return Decision(
        **(weighed or unweighed()),
        experiences=list(experiences),
        proposal=proposal,
        item=item,
        usage=usage_state(usage or Usage()),
    )


def step_record(
    catalogue: Catalogue,
    before: Sequence[int],
    decision: Decision,
    answer: StepResult,
    *,
    thought: str = "",
    plan: PlanState | None = None,
    said: str = "",
    nodes: Sequence[str] = (),
    advantage: float | None = None,
) -> Transition:
    """Returns the step that followed `decision`, not yet judged; `before` are the items shown so far, oldest first."""
    item = decision["item"]
    return Transition(
        number=len(before) + 1,
        thought=thought,
        plan=plan or plan_state(Plan()),
        experiences=decision["experiences"],
        shortlist=decision["shortlist"],
        advantages=decision["advantages"],
        likings=decision["likings"],
        support=decision["support"],
        preferences=decision["preferences"],
        relation=overlap_profile(catalogue[item], catalogue.some(before)),
        proposal=decision["proposal"],
        item=item,
        title=catalogue[item].title,
        reward=answer.reward,
        reason=answer.reason,
        too_close_to=answer.too_close_to,
        value=None,
        next_value=None,
        target=None,
        advantage=advantage,
        said=said,
        nodes=list(nodes),
    )


def episode_record(
    user: str, episode: str, history: Sequence[int], steps: list[Transition], usage: UsageState
) -> Trajectory:
    """Returns the record of a finished episode without recall, values and reflection."""
    return Trajectory(
        user=user,
        episode=episode,
        history=list(history),
        reflections=[],
        principles=[],
        valued={},
        steps=steps,
        usage=usage,
        ended=steps[-1]["reason"],
        reflection="",
        claim="",
        **totals_of(steps),
    )


def output_of(state: Mapping[str, Any]) -> Trajectory:
    """Returns the record of the episode that ended in `state`."""
    return cast(Trajectory, {name: state[name] for name in Trajectory.__annotations__ if name in state})


class Totals(TypedDict):
    """The totals of an episode."""

    length: int
    reward_each: float
    reward_trajectory: float


def totals_of(steps: Sequence[Transition]) -> Totals:
    """Returns Len, R_each and R_traj of a finished episode (number, mean and sum of its rewards)."""
    total = sum(step["reward"] for step in steps)
    return Totals(length=len(steps), reward_each=total / len(steps), reward_trajectory=total)
