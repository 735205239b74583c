"""The `live` graph as a conversation, so that chat front ends for LangGraph show it: what is asked, and the answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage
from langgraph.channels.delta import DeltaChannel
from langgraph.graph.message import add_messages
from langgraph.runtime import Runtime

from billp.graphs.nodes import EpisodeNodes
from billp.graphs.services import ServiceProvider
from billp.graphs.state import EpisodeContext, EpisodeOutput, EpisodeState


def add_all_messages(old: list[AnyMessage], updates: Sequence[list[AnyMessage]]) -> list[AnyMessage]:
    """`add_messages` for each update in turn."""
    for update in updates:
        old = add_messages(old, update)  # type: ignore[assignment, arg-type]  # lists of messages in, a list out
    return old


class LiveState(EpisodeState):
    """An episode with a person."""

    messages: Annotated[list[AnyMessage], DeltaChannel(add_all_messages, snapshot_frequency=1000)]
    """Each recommendation, and what the person said to it."""


class LiveOutput(EpisodeOutput):
    """A finished episode with a person."""

    messages: list[AnyMessage]


class LiveNodes:
    """The nodes that an episode with a person has beside or around the others."""

    def __init__(self, provider: ServiceProvider, nodes: EpisodeNodes) -> None:
        self._provider = provider
        self._nodes = nodes

    async def present(self, state: LiveState, runtime: Runtime[EpisodeContext]) -> dict[str, Any]:
        """Says what is recommended, and why, before the person is asked."""
        services = await self._provider.get(runtime.context, state["user"])
        item = services.catalogue[state["decision"]["item"]]
        facts = ", ".join([*([str(item.year)] if item.year else []), *item.categories])
        why = f"\n\n{state['thought']}" if state["thought"] else ""
        question = f'{item.title} ({facts}){why}\n\nRate it from 1 to 5, or say "leave".'
        return {"messages": [AIMessage(question)]}

    async def respond(self, state: LiveState, runtime: Runtime[EpisodeContext]) -> dict[str, Any]:
        """The person answers; see `EpisodeNodes.respond`."""
        update = await self._nodes.respond(state, runtime)
        (step,) = update["steps"]
        left = step["reason"] == "left"
        said = f"{step['reward']:.0f}" + (", and I leave" if left else "")
        return {**update, "messages": [HumanMessage(said)]}
