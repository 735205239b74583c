"""The Actor as a subgraph: analyse -> retrieve -> shortlist -> weigh -> choose, or ... -> propose -> ground."""

from __future__ import annotations

import asyncio
from typing import Any, Literal

import numpy as np
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime

from agents.llm.usage import Usage
from agents.plan import Plan
from agents.policy import REACH, Advice, choose
from agents.relations import relation
from agents.shortlist import Experience, draw_shortlist
from agents.tools import analysed
from graphs.methods import method_named
from graphs.recommending import observation, recommender_of
from graphs.services import ServiceProvider, embed_text
from graphs.state import ActorOutput, EpisodeContext, EpisodeState, RecalledExperience, usage_update
from graphs.stepping import CHOOSING, SHORTLISTING, briefing_of, masked_items, minds_of, step_seed
from graphs.tools import recall_experience, search_catalogue
from memory import Ledger, MemoryBank

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
        # Single experiences are read by the LLM; memory's sums, which choose without it, are over all of them.
        if not (method.micro and method.needs_llm) or services.memory is None or not limits.experiences:
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
            return {"item": state["shortlist"][0], "proposal": "", "acted": usage_update(Usage())}
        if chooser == "memory":
            seed, learning = step_seed(state, runtime.context, CHOOSING), runtime.context.learn
            advice = Advice(tuple(state["advantages"]) or (0.0,) * len(state["shortlist"]), state["trust"])
            position = choose(None, advice, tau=services.settings.actor.tau, explore=learning, seed=seed)
            return {"item": state["shortlist"][position], "proposal": "", "acted": usage_update(Usage())}
        if chooser == "oracle":
            item = services.users.best(
                runtime.context.split,
                state["user"],
                [step["item"] for step in state["steps"]],
                masked,
            )
        else:
            seen = observation(
                state["history"],
                [step["item"] for step in state["steps"]],
                [step["reward"] for step in state["steps"]],
                masked,
                n_items=len(services.catalogue),
                seed=step_seed(state, runtime.context, CHOOSING),
            )
            item = int((await asyncio.to_thread(recommender_of(services, method).choose, seen))[0])
        return {"item": item, **_UNWEIGHED, "shortlist": [], "proposal": "", "acted": usage_update(Usage())}

    async def shortlist(self, state: EpisodeState, runtime: Runtime[EpisodeContext]) -> Update:
        """Draws the candidates that fit the thought, the plan and the experience."""
        services = await self._provider.get(runtime.context, state["user"])
        limits, method = services.settings.actor, method_named(runtime.context.method)
        thought = await embed_text(services.embedder, state["thought"]) if method.thinks and state["thought"] else None
        plan = Plan(**state["plan"])
        shown = services.situation(state).recommended
        # Where memory bends the choice itself, single experiences need not narrow the shortlist as well.
        taught = [] if method.bends else state["experiences"]
        candidates = draw_shortlist(
            services.vectors,
            np.random.default_rng(step_seed(state, runtime.context, SHORTLISTING)),
            thought=thought,
            experiences=[Experience(e["item"], e["encouraged"], e["distance"]) for e in taught],
            evidence=limits.evidence,
            plan=(lambda item: plan.fit(services.catalogue[item], shown)) if method.plans else None,
            masked=masked_items(services, state),
            size=limits.shortlist,
            pool=limits.pool,
        )
        return {"shortlist": candidates}

    async def weigh(self, state: EpisodeState, runtime: Runtime[EpisodeContext]) -> Update:
        """Asks memory what to expect of each candidate, all in one go."""
        services = await self._provider.get(runtime.context, state["user"])
        if not method_named(runtime.context.method).bends or services.memory is None:
            return _UNWEIGHED
        limits, ledger = services.settings.actor, await _ledger_of(services.memory)
        shown = services.situation(state).recommended
        relations = [relation(item, shown) for item in services.catalogue.some(state["shortlist"])]
        caution = 0.0 if runtime.context.learn else limits.caution
        expected = ledger.estimate(relations, state["shortlist"], services.vectors, caution)
        return {
            "advantages": [round(estimate.advantage, 4) for estimate in expected],
            "likings": [round(estimate.liking, 4) for estimate in expected],
            "support": [round(estimate.support, 1) for estimate in expected],
            "preferences": [],
            "trust": round(ledger.trust(limits.trust, caution), 4),
        }

    async def choose(self, state: EpisodeState, runtime: Runtime[EpisodeContext]) -> Update:
        """The LLM chooses one of the shortlist; what memory expects bends its choice."""
        services = await self._provider.get(runtime.context, state["user"])
        items = services.catalogue.some(state["shortlist"])
        advice = None
        if state["advantages"] and services.memory is not None:
            reach = (await _ledger_of(services.memory)).reach(REACH)
            advice = Advice(tuple(state["advantages"]), state["trust"], reach)
        choice = await minds_of(services).actor.choose(
            briefing_of(services, state),
            items,
            step_seed(state, runtime.context, CHOOSING),
            advice=advice,
            explore=runtime.context.learn,
        )
        item = items[choice.position]
        return {
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
    ) -> Literal["pick", "shortlist", "propose"]:
        """The way to an item that method and settings ask for."""
        method = method_named(runtime.context.method)
        if not method.needs_llm:
            return "shortlist" if method.chooser in ("shortlist", "memory") else "pick"
        services = await self._provider.get(runtime.context, state["user"])
        return "propose" if services.settings.actor.mode == "free" else "shortlist"

    async def route_from_weighing(
        self, state: EpisodeState, runtime: Runtime[EpisodeContext]
    ) -> Literal["choose", "pick"]:
        """Who chooses from the shortlist: the LLM, or memory or chance alone."""
        return "choose" if method_named(runtime.context.method).needs_llm else "pick"


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
    graph.add_edge("shortlist", "weigh")
    graph.add_conditional_edges("weigh", nodes.route_from_weighing)
    graph.add_edge("propose", "ground")
    for last in ("pick", "choose", "ground"):
        graph.add_edge(last, END)
    return graph.compile()


async def _ledger_of(memory: MemoryBank) -> Ledger:
    """What all experiences say, off the event loop: the first time it reads all of them."""
    return await asyncio.to_thread(lambda: memory.actor.ledger)
