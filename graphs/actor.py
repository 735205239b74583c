"""The Actor as a subgraph: weigh, where memory chooses; where the LLM does, analyse -> retrieve -> shortlist -> choose

or ... -> propose -> ground; else pick. What only the LLM reads is not worked out for others, since every node costs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Any, Literal

import numpy as np
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime

from billp.agents.candidates import Experience, draw_shortlist
from billp.agents.llm.usage import Usage
from billp.agents.recommender import Observations
from billp.agents.tools import analysed
from billp.graphs.dependencies import Dependencies, DependencyProvider, embed_text
from billp.graphs.methods import method_named
from billp.graphs.recommending import observation, recommender_of, weighed_by
from billp.graphs.recording import decided, unweighed
from billp.graphs.state import (
    ActorObservation,
    ActorOutput,
    ActorState,
    EpisodeContext,
    RecalledExperience,
    Weighed,
    usage_state,
)
from billp.graphs.stepping import CHOOSING, SHORTLISTING, actor_input_of, masked_items, roles_of, step_seed
from billp.graphs.tools import recall_experience, search_catalogue

Update = dict[str, Any]
ActorGraph = CompiledStateGraph[ActorState, EpisodeContext, ActorObservation, ActorOutput]


class ActorNodes:
    """The Actor's nodes; each returns an update and changes nothing it was given."""

    def __init__(self, provider: DependencyProvider) -> None:
        self._provider = provider

    async def analyse(self, state: ActorState, runtime: Runtime[EpisodeContext]) -> Update:
        """Calls the category tool."""
        deps = await self._provider.get(runtime.context, state["user"])
        observed = deps.observed(state)
        analysis = await analysed(observed.history, observed.recommended)
        return {"lately": list(analysis.lately), "fresh": list(analysis.fresh)}

    async def retrieve(self, state: ActorState, runtime: Runtime[EpisodeContext]) -> Update:
        """Reads what went well or badly in similar states."""
        deps = await self._provider.get(runtime.context, state["user"])
        limits = deps.settings.memory
        method = method_named(runtime.context.method)
        if not method.micro or deps.memory is None or not limits.experiences:
            return {"experiences": []}
        observed = deps.observed(state)
        found = await recall_experience(deps, deps.state_words(observed), deps.state_vector(observed))
        return {
            "experiences": [
                RecalledExperience(
                    id=match.record.id,
                    item=match.record.item,
                    encouraged=match.record.encouraged,
                    distance=match.distance,
                )
                for match in found
            ]
        }

    async def pick(self, state: ActorState, runtime: Runtime[EpisodeContext]) -> Update:
        """Picks without an LLM: as a recommender says, by chance, or knowing the simulated user's answers."""
        method, context = method_named(runtime.context.method), runtime.context
        if method.chooser == "shortlist":  # drawn in random order
            return _decision(state, state["weighed"]["shortlist"][0], state["weighed"])
        deps = await self._provider.get(context, state["user"])

        def picked() -> int:
            masked = masked_items(deps, state)
            if method.chooser == "oracle":
                return deps.users.best(context.split, state["user"], state["recommended"], masked)
            seen = _observed(deps, state, context, masked)
            return int(recommender_of(deps, method, explores=context.learn).choose(seen)[0])

        return _decision(state, await asyncio.to_thread(picked))

    async def shortlist(self, state: ActorState, runtime: Runtime[EpisodeContext]) -> Update:
        """Draws candidates that fit the thought and the experience, for the LLM to choose from."""
        deps = await self._provider.get(runtime.context, state["user"])
        limits, method = deps.settings.actor, method_named(runtime.context.method)
        thought = await embed_text(deps.embedder, state["thought"]) if method.thinks and state["thought"] else None

        def drawn() -> list[int]:
            return draw_shortlist(
                deps.vectors,
                np.random.default_rng(step_seed(state, runtime.context, SHORTLISTING)),
                thought=thought,
                experiences=[
                    Experience(e["item"], e["encouraged"], e["distance"]) for e in state.get("experiences", [])
                ],
                evidence=limits.evidence,
                masked=masked_items(deps, state),
                size=limits.shortlist,
                pool=limits.pool,
            )

        return {"weighed": unweighed(await asyncio.to_thread(drawn))}

    async def weigh(self, state: ActorState, runtime: Runtime[EpisodeContext]) -> Update:
        """Weighs the whole catalogue by what memory knows, the principle of staying first, and takes the best.

        Single experiences are read by the LLM; what memory believes, and chooses by, comes from all of them.
        """
        deps = await self._provider.get(runtime.context, state["user"])
        method = method_named(runtime.context.method)

        def weighed() -> Weighed:
            seen = _observed(deps, state, runtime.context, masked_items(deps, state))
            recommender = deps.belief_model.recommender(method, deps.memory, explores=runtime.context.learn)
            return weighed_by(recommender, seen, deps.settings.actor.shortlist)[0]

        found = await asyncio.to_thread(weighed)
        return _decision(state, found["shortlist"][0], found)

    async def choose(self, state: ActorState, runtime: Runtime[EpisodeContext]) -> Update:
        """The LLM chooses one of the shortlist; in evaluation what it prefers, or as `actor.evaluate` says."""
        deps = await self._provider.get(runtime.context, state["user"])
        items = deps.catalogue.some(state["weighed"]["shortlist"])
        choice = await roles_of(deps).actor.choose(
            actor_input_of(deps, state),
            items,
            step_seed(state, runtime.context, CHOOSING),
            greedy=deps.settings.actor.evaluate == "greedy" and not runtime.context.learn,
        )
        item = items[choice.position]
        weighed: Weighed = {**state["weighed"], "preferences": list(choice.preferences)}
        return _decision(state, item.index, weighed, proposal=item.title, usage=choice.usage)

    async def propose(self, state: ActorState, runtime: Runtime[EpisodeContext]) -> Update:
        """The LLM names an item in its own words."""
        deps = await self._provider.get(runtime.context, state["user"])
        proposal = await roles_of(deps).actor.propose(
            actor_input_of(deps, state), step_seed(state, runtime.context, "propose")
        )
        return {"proposal": proposal.text, "usage": usage_state(proposal.usage)}

    async def ground(self, state: ActorState, runtime: Runtime[EpisodeContext]) -> Update:
        """Finds the catalogue item nearest to the Actor's words."""
        deps = await self._provider.get(runtime.context, state["user"])
        masked = await asyncio.to_thread(masked_items, deps, state)
        item = await search_catalogue(deps, state["proposal"], masked)
        return _decision(state, item, proposal=state["proposal"], usage=Usage(**state["usage"]))

    async def route_to_item(
        self, state: ActorState, runtime: Runtime[EpisodeContext]
    ) -> Literal["analyse", "weigh", "shortlist", "pick"]:
        """Who chooses: the LLM, which is told of what is observed first, memory, or one who is told nothing."""
        match method_named(runtime.context.method).chooser:
            case "llm":
                return "analyse"
            case "memory":
                return "weigh"
            case "shortlist":
                return "shortlist"
        return "pick"

    async def route_to_words(
        self, state: ActorState, runtime: Runtime[EpisodeContext]
    ) -> Literal["shortlist", "propose"]:
        """Whether the LLM chooses from a shortlist or names an item in words (`actor.mode`)."""
        deps = await self._provider.get(runtime.context, state["user"])
        return "propose" if deps.settings.actor.mode == "free" else "shortlist"

    async def route_from_shortlist(
        self, state: ActorState, runtime: Runtime[EpisodeContext]
    ) -> Literal["choose", "pick"]:
        """Who chooses from the shortlist: the LLM, or chance alone."""
        return "choose" if method_named(runtime.context.method).chooser == "llm" else "pick"


def build_actor_graph(provider: DependencyProvider) -> ActorGraph:
    """The Actor's subgraph, compiled."""
    nodes = ActorNodes(provider)
    graph = StateGraph(
        ActorState, context_schema=EpisodeContext, input_schema=ActorObservation, output_schema=ActorOutput
    )
    graph.add_node("analyse", nodes.analyse)
    graph.add_node("retrieve", nodes.retrieve)
    graph.add_node("pick", nodes.pick)
    graph.add_node("shortlist", nodes.shortlist)
    graph.add_node("weigh", nodes.weigh)
    graph.add_node("choose", nodes.choose)
    graph.add_node("propose", nodes.propose)
    graph.add_node("ground", nodes.ground)
    graph.add_conditional_edges(START, nodes.route_to_item)
    graph.add_edge("analyse", "retrieve")
    graph.add_conditional_edges("retrieve", nodes.route_to_words)
    graph.add_conditional_edges("shortlist", nodes.route_from_shortlist)
    graph.add_edge("propose", "ground")
    for last in ("weigh", "pick", "choose", "ground"):
        graph.add_edge(last, END)
    return graph.compile()


def _decision(
    state: ActorState, item: int, weighed: Weighed | None = None, *, proposal: str = "", usage: Usage | None = None
) -> Update:
    read = [experience["id"] for experience in state.get("experiences", [])]
    return {"decision": decided(item, weighed, experiences=read, proposal=proposal, usage=usage)}


def _observed(deps: Dependencies, state: ActorState, context: EpisodeContext, masked: Collection[int]) -> Observations:
    """The user as a recommender sees him at this step."""
    return observation(
        state["history"],
        state["recommended"],
        state["rewards"],
        masked,
        n_items=len(deps.catalogue),
        seed=step_seed(state, context, CHOOSING),
    )
