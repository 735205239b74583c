"""Plans, and what live persons wish, as they travel through the graph."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NotRequired

from typing_extensions import TypedDict  # pydantic reads TypedDicts of `typing` only from Python 3.12 on

from billp.agents.plan import Plan
from billp.agents.roles.wishes import Wish


class PlanState(TypedDict):
    """The typed plan in a state or record: stars expected of categories to aim for and to avoid, and the cooldown.

    `rest` is the cooldown, the steps that a category waits before it comes again. `steps` is how many steps the plan
    covers; earlier runs did not record it. `wanted` and `refused` are what a live person asked for, which goes before
    everything else.
    """

    aim: dict[str, float]
    avoid: dict[str, float]
    rest: int
    steps: NotRequired[int]
    wanted: NotRequired[list[str]]
    refused: NotRequired[list[str]]


class WishState(TypedDict):
    """What a live person asked for, as in `agents.roles.wishes.Wish`, and what became of it."""

    words: list[str]
    wanted: list[str]
    unwanted: list[str]
    refused: list[str]
    together: bool
    until: int
    asked: str
    """Words still to be read by the reader of wishes; else empty."""
    rated: bool
    """Whether the words came with a rating; if not, the item shown is replaced by another."""
    notice: str
    """Why the last wish could not be met; empty if it could."""
    passed: list[int]
    """Items that were replaced because the person asked for something else."""


def plan_state(plan: Plan) -> PlanState:
    """Returns the plan as it travels through the graph."""
    return PlanState(aim=dict(plan.aim), avoid=dict(plan.avoid), rest=plan.cooldown, steps=plan.steps)


def plan_from(kept: PlanState) -> Plan:
    """Returns the plan of a state or a record."""
    return Plan(aim=kept["aim"], avoid=kept["avoid"], cooldown=kept["rest"], steps=kept.get("steps", 0))


def wished_plan(plan: PlanState, wish: Wish) -> PlanState:
    """Returns `plan` with what a live person asked for, if anything."""
    if not (wish.wanted or wish.unwanted or wish.refused):
        return plan
    return {**plan, "wanted": list(wish.wanted), "refused": [*wish.refused, *wish.unwanted]}


def wish_from(kept: WishState) -> Wish:
    """Returns the wish of a state."""
    return Wish(
        words=tuple(kept["words"]),
        wanted=tuple(kept["wanted"]),
        unwanted=tuple(kept["unwanted"]),
        refused=tuple(kept["refused"]),
        together=kept["together"],
        until=kept["until"],
    )


def wish_state(wish: Wish, passed: Sequence[int] = (), notice: str = "") -> WishState:
    """Returns `wish` as it travels through the graph, with no words still to be read."""
    return WishState(
        words=list(wish.words),
        wanted=list(wish.wanted),
        unwanted=list(wish.unwanted),
        refused=list(wish.refused),
        together=wish.together,
        until=wish.until,
        asked="",
        rated=False,
        notice=notice,
        passed=list(passed),
    )
