"""The nodes of an episode with a person, which is a conversation too, so that chat front ends for LangGraph show it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage
from langgraph.channels.delta import DeltaChannel
from langgraph.graph.message import add_messages
from langgraph.runtime import Runtime

from billp.agents.prompt_pack import clean
from billp.agents.roles.wishes import Wish, cannot_be_met
from billp.graphs import nodes
from billp.graphs.dependencies import Dependencies, Update
from billp.graphs.plans import wish_state
from billp.graphs.recording import SAID
from billp.graphs.state import EpisodeContext, EpisodeState, Trajectory, observation_of, step_seed, usage_state, wish_of


def add_all_messages(old: list[AnyMessage], updates: Sequence[list[AnyMessage]]) -> list[AnyMessage]:
    """Applies `add_messages` to each update in turn."""
    for update in updates:
        old = add_messages(old, update)  # type: ignore[assignment, arg-type]  # lists of messages in, a list out
    return old


class LiveState(EpisodeState):
    """An episode with a person."""

    messages: Annotated[list[AnyMessage], DeltaChannel(add_all_messages, snapshot_frequency=1000)]
    """Each recommendation, and the person's answer."""


class LiveOutput(Trajectory):
    """A finished episode with a person."""

    messages: list[AnyMessage]


async def present(state: LiveState, runtime: Runtime[EpisodeContext], deps: Dependencies) -> Update:
    """Tells the person what is recommended, and why."""
    item = deps.catalogue[state["decision"]["item"]]
    facts = ", ".join([*([str(item.year)] if item.year else []), *item.categories])
    reasons = [state["wish"]["notice"], wish_of(observation_of(state)).sentence(), state["thought"]]
    why = "".join(f"\n\n{reason}" for reason in reasons if reason)
    question = f'{item.title} ({facts}){why}\n\nRate it from 1 to 5, say what you wish for, or "leave".'
    return {"messages": [AIMessage(question)]}


async def respond(state: LiveState, runtime: Runtime[EpisodeContext], deps: Dependencies) -> Update:
    """Returns the person answers; see `nodes.respond`."""
    update = await nodes.respond(state, runtime, deps)
    if "steps" not in update:
        return {**update, "messages": [HumanMessage(clean(update["wish"]["asked"], SAID))]}
    (step,) = update["steps"]
    said = f"{step['reward']:.0f}" + (", and I leave" if step["reason"] == "left" else "")
    said += f": {step['said']}" if step["said"] else ""
    return {**update, "messages": [HumanMessage(said)]}


async def heed(state: LiveState, runtime: Runtime[EpisodeContext], deps: Dependencies) -> Update:
    """Reads what the person asks for and plans by it; if it cannot be met, a notice says so."""
    asked, known, item = state["wish"], observation_of(state), state["decision"]["item"]
    before = wish_of(known)
    heard = await deps.wishes.read(
        asked["asked"],
        deps.catalogue,
        deps.catalogue[item],
        len(state["steps"]),
        step_seed(known, runtime.context, "wish"),
    )
    wish = before.then(heard.wish) if heard.wish != Wish() else Wish()
    gone = [] if asked["rated"] else [item]
    problem = heard.problem or await asyncio.to_thread(
        cannot_be_met, deps.catalogue, wish, deps.met_items(known) | set(gone)
    )
    kept = wish_state(before, asked["passed"], problem) if problem else wish_state(wish, [*asked["passed"], *gone])
    return {"wish": {**kept, "rated": asked["rated"]}, "usage": usage_state(heard.usage)}
