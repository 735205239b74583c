"""The Actor as a subgraph: analyse -> retrieve -> weigh -> pick, ... shortlist -> choose, or ... propose -> ground."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import asdict
from typing import Any, Literal

import numpy as np
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime

from billp.agents.llm.usage import Usage
from billp.agents.recommender import Observations
from billp.agents.shortlist import Experience, draw_shortlist
from billp.agents.tools import analysed
from billp.graphs.methods import method_named
from billp.graphs.recommending import observation, recommender_of, weighed_by
from billp.graphs.recording import Weighed
from billp.graphs.services import ServiceProvider, Services, embed_text
from billp.graphs.state import ActorOutput, EpisodeContext, EpisodeState, RecalledExperience, usage_update
from billp.graphs.stepping import CHOOSING, SHORTLISTING, briefing_of, masked_items, minds_of, step_seed
from billp.graphs.tools import recall_experience, search_catalogue

Update = dict[str, Any]
_UNWEIGHED: Update = {"advantages": [], "likings": [], "support": [], "preferences": [], "trust": 0.0}
ActorGraph = CompiledStateGraph[EpisodeState, EpisodeContext, EpisodeState, ActorOutput]


class ActorNodes:
    """The Actor's nodes; each returns an update and changes nothing it was given."""

    def __init__(self, provider: ServiceProvider) -> None:
        self._provider = provider

    async def analyse(self, state: EpisodeState, runtime: Runtime[EpisodeContext]) -> Update:
        """Calls the category tool."""
        services = await self._provider.get(runtime.context, state["user"])
        situation = services.situation(state)
        analysis = await analysed(situation.history, situation.recommended)
        return {"lately": list(analysis.lately), "fresh": list(analysis.fresh)}

    async def retrieve(self, state: EpisodeState, runtime: Runtime[EpisodeContext]) -> Update:
        """Reads what went well or badly in similar states."""
        services = await self._provider.get(runtime.context, state["user"])
        limits = services.settings.memory
        method = method_named(runtime.context.method)
        # Single experiences are read by the LLM; what memory believes, and chooses by, comes from all of them.
        if not (method.micro and method.chooser == "llm") or services.memory is None or not limits.experiences:
            return {"experiences": []}
        situation = services.situation(state)
        found = await recall_experience(services, services.state_words(situation), services.state_vector(situation))
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

    async def pick(self, state: EpisodeState, runtime: Runtime[EpisodeContext]) -> Update:
        """Picks without an LLM: as a recommender says, as memory does, or knowing the simulated user's answers."""
        services = await self._provider.get(runtime.context, state["user"])
        masked = masked_items(services, state)
        method = method_named(runtime.context.method)
        chooser = method.chooser
        if chooser == "shortlist":  # drawn in random order
            return {**_UNWEIGHED, "item": state["shortlist"][0], "proposal": "", "acted": usage_update(Usage())}
        if chooser == "memory":  # weighed, best first
            return {"item": state["shortlist"][0], "proposal": "", "acted": usage_update(Usage())}
        if chooser == "oracle":
            item = services.users.best(
                runtime.context.split,
                state["user"],
                [step["item"] for step in state["steps"]],
                masked,
            )
        else:
            seen = _observed(services, state, runtime.context, masked)
            recommender = recommender_of(services, method, explores=runtime.context.learn)
            item = int((await asyncio.to_thread(recommender.choose, seen))[0])
        return {"item": item, **_UNWEIGHED, "shortlist": [], "proposal": "", "acted": usage_update(Usage())}

    async def shortlist(self, state: EpisodeState, runtime: Runtime[EpisodeContext]) -> Update:
        """Draws candidates that fit the thought and the experience, for the LLM to choose from."""
        services = await self._provider.get(runtime.context, state["user"])
        limits, method = services.settings.actor, method_named(runtime.context.method)
        thought = await embed_text(services.embedder, state["thought"]) if method.thinks and state["thought"] else None
        candidates = draw_shortlist(
            services.vectors,
            np.random.default_rng(step_seed(state, runtime.context, SHORTLISTING)),
            thought=thought,
            experiences=[Experience(e["item"], e["encouraged"], e["distance"]) for e in state["experiences"]],
            evidence=limits.evidence,
            masked=masked_items(services, state),
            size=limits.shortlist,
            pool=limits.pool,
        )
        return {"shortlist": candidates}

    async def weigh(self, state: EpisodeState, runtime: Runtime[EpisodeContext]) -> Update:
        """Weighs the whole catalogue by what memory knows: the principle of staying first, then what is liked."""
        services = await self._provider.get(runtime.context, state["user"])
        method, masked = method_named(runtime.context.method), masked_items(services, state)
        seen = _observed(services, state, runtime.context, masked)

        def weighed() -> Weighed:
            recommender = services.believer.recommender(method, services.memory, explores=runtime.context.learn)
            return weighed_by(recommender, seen, services.settings.actor.shortlist)[0]

        return asdict(await asyncio.to_thread(weighed))

    async def choose(self, state: EpisodeState, runtime: Runtime[EpisodeContext]) -> Update:
        """The LLM chooses one of the shortlist; in evaluation what it prefers, or as `actor.evaluate` says."""
        services = await self._provider.get(runtime.context, state["user"])
        items = services.catalogue.some(state["shortlist"])
        choice = await minds_of(services).actor.choose(
            briefing_of(services, state),
            items,
            step_seed(state, runtime.context, CHOOSING),
            greedy=services.settings.actor.evaluate == "greedy" and not runtime.context.learn,
        )
        item = items[choice.position]
        return {
            **_UNWEIGHED,
            "item": item.index,
            "proposal": item.title,
            "preferences": list(choice.preferences),
            "acted": usage_update(choice.usage),
        }

    async def propose(self, state: EpisodeState, runtime: Runtime[EpisodeContext]) -> Update:
        """The LLM names an item in its own words."""
        services = await self._provider.get(runtime.context, state["user"])
        proposal = await minds_of(services).actor.propose(
            briefing_of(services, state), step_seed(state, runtime.context, "propose")
        )
        return {"proposal": proposal.text, **_UNWEIGHED, "shortlist": [], "acted": usage_update(proposal.usage)}

    async def ground(self, state: EpisodeState, runtime: Runtime[EpisodeContext]) -> Update:
        """Finds the catalogue item nearest to the Actor's words."""
        services = await self._provider.get(runtime.context, state["user"])
        return {"item": await search_catalogue(services, state["proposal"], masked_items(services, state))}

    async def route_to_item(
        self, state: EpisodeState, runtime: Runtime[EpisodeContext]
    ) -> Literal["pick", "shortlist", "weigh", "propose"]:
        """The way to an item that method and settings ask for."""
        method = method_named(runtime.context.method)
        if method.chooser == "memory":
            return "weigh"
        if method.chooser == "shortlist":
            return "shortlist"
        if method.chooser != "llm":
            return "pick"
        services = await self._provider.get(runtime.context, state["user"])
        return "propose" if services.settings.actor.mode == "free" else "shortlist"

    async def route_from_shortlist(
        self, state: EpisodeState, runtime: Runtime[EpisodeContext]
    ) -> Literal["choose", "pick"]:
        """Who chooses from the shortlist: the LLM, or chance alone."""
        return "choose" if method_named(runtime.context.method).chooser == "llm" else "pick"


def build_actor_graph(provider: ServiceProvider) -> ActorGraph:
    """The Actor's subgraph, compiled."""
    nodes = ActorNodes(provider)
    graph = StateGraph(EpisodeState, context_schema=EpisodeContext, output_schema=ActorOutput)
    graph.add_node("analyse", nodes.analyse)
    graph.add_node("retrieve", nodes.retrieve)
    graph.add_node("pick", nodes.pick)
    graph.add_node("shortlist", nodes.shortlist)
    graph.add_node("weigh", nodes.weigh)
    graph.add_node("choose", nodes.choose)
    graph.add_node("propose", nodes.propose)
    graph.add_node("ground", nodes.ground)
    graph.add_edge(START, "analyse")
    graph.add_edge("analyse", "retrieve")
    graph.add_conditional_edges("retrieve", nodes.route_to_item)
    graph.add_conditional_edges("shortlist", nodes.route_from_shortlist)
    graph.add_edge("weigh", "pick")
    graph.add_edge("propose", "ground")
    for last in ("pick", "choose", "ground"):
        graph.add_edge(last, END)
    return graph.compile()


def _observed(
    services: Services, state: EpisodeState, context: EpisodeContext, masked: Collection[int]
) -> Observations:
    """The user as a recommender sees him at this step."""
    return observation(
        state["history"],
        [step["item"] for step in state["steps"]],
        [step["reward"] for step in state["steps"]],
        masked,
        n_items=len(services.catalogue),
        seed=step_seed(state, context, CHOOSING),
    )
