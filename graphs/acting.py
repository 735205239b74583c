"""The Actor as a subgraph: analyse -> retrieve -> shortlist -> choose, or analyse -> retrieve -> propose -> ground."""

from __future__ import annotations

import asyncio
from typing import Any, Literal

import numpy as np
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime

from agents.actor import Briefing
from agents.grounding import nearest_item
from agents.models import Usage, call_seed
from agents.shortlist import Experience, draw_shortlist
from agents.tools import CategoryAnalysis, analyse_categories
from errors import EpisodeError
from graphs.methods import method_named
from graphs.services import ItemPolicy, Minds, ServiceProvider, Services, embed_text
from graphs.state import ActorOutput, EpisodeContext, EpisodeState, RecalledExperience, usage_update

Update = dict[str, Any]
ActorGraph = CompiledStateGraph[EpisodeState, EpisodeContext, EpisodeState, ActorOutput]


class ActorNodes:
    """The Actor's nodes; each returns an update and changes nothing it was given."""

    def __init__(self, provider: ServiceProvider) -> None:
        self._provider = provider

    async def analyse(self, state: EpisodeState, runtime: Runtime[EpisodeContext]) -> Update:
        """Calls the category tool."""
        services = await self._provider.get(runtime.context)
        situation = services.situation(state)
        analysis = analyse_categories(situation.history, situation.recommended)
        return {"lately": list(analysis.lately), "fresh": list(analysis.fresh)}

    async def retrieve(self, state: EpisodeState, runtime: Runtime[EpisodeContext]) -> Update:
        """Reads what went well or badly in similar states."""
        services = await self._provider.get(runtime.context)
        limits = services.settings.memory
        if not method_named(runtime.context.method).micro or services.memory is None or not limits.experiences:
            return {"experiences": []}
        vector = services.state_vector(services.situation(state))
        found = await asyncio.to_thread(
            services.memory.actor.similar, vector, limits.experiences, limits.actor_distance
        )
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
        """Picks without an LLM: by chance, by popularity, as a policy says, or knowing the simulated user's answers."""
        services = await self._provider.get(runtime.context)
        masked = _masked(services, state)
        chooser = method_named(runtime.context.method).chooser
        if chooser == "shortlist":
            candidates = state["shortlist"]
            rng = np.random.default_rng(step_seed(state, runtime.context, "choose"))
            item = candidates[int(rng.integers(len(candidates)))]
            return {"item": item, "proposal": "", "acted": usage_update(Usage())}
        if chooser == "oracle":
            item = services.users.best(
                runtime.context.split,
                state["user"],
                [step["item"] for step in state["steps"]],
                masked,
            )
        elif chooser == "policy":
            item = _policy_of(services).choose(
                state["history"],
                [step["item"] for step in state["steps"]],
                [step["reward"] for step in state["steps"]],
                masked,
                step_seed(state, runtime.context, "choose"),
            )
        elif chooser == "popular":
            free = next((int(index) for index in services.ranking if int(index) not in masked), None)
            if free is None:
                raise EpisodeError("Every item was shown already; set actor.mask_shown to false.")
            item = free
        else:
            rng = np.random.default_rng(step_seed(state, runtime.context, "random"))
            (item,) = draw_shortlist(
                services.vectors, rng, thought=None, experiences=(), evidence=0, masked=masked, size=1, pool=1
            )
        return {"item": item, "shortlist": [], "proposal": "", "acted": usage_update(Usage())}

    async def shortlist(self, state: EpisodeState, runtime: Runtime[EpisodeContext]) -> Update:
        """Draws the candidates that fit the thought and the experience."""
        services = await self._provider.get(runtime.context)
        limits = services.settings.actor
        thought = await embed_text(services.embedder, state["thought"]) if state["thought"] else None
        candidates = draw_shortlist(
            services.vectors,
            np.random.default_rng(step_seed(state, runtime.context, "shortlist")),
            thought=thought,
            experiences=[Experience(e["item"], e["encouraged"], e["distance"]) for e in state["experiences"]],
            evidence=limits.evidence,
            masked=_masked(services, state),
            size=limits.shortlist,
            pool=limits.pool,
        )
        return {"shortlist": candidates}

    async def choose(self, state: EpisodeState, runtime: Runtime[EpisodeContext]) -> Update:
        """The LLM chooses one of the shortlist."""
        services = await self._provider.get(runtime.context)
        items = services.catalogue.some(state["shortlist"])
        briefing = _briefing(services, state)
        choice = await minds_of(services).actor.choose(briefing, items, step_seed(state, runtime.context, "choose"))
        item = items[choice.position]
        return {"item": item.index, "proposal": item.title, "acted": usage_update(choice.usage)}

    async def propose(self, state: EpisodeState, runtime: Runtime[EpisodeContext]) -> Update:
        """The LLM names an item in its own words."""
        services = await self._provider.get(runtime.context)
        proposal = await minds_of(services).actor.propose(
            _briefing(services, state), services.situation(state), step_seed(state, runtime.context, "propose")
        )
        return {"proposal": proposal.text, "shortlist": [], "acted": usage_update(proposal.usage)}

    async def ground(self, state: EpisodeState, runtime: Runtime[EpisodeContext]) -> Update:
        """Finds the catalogue item nearest to the Actor's words."""
        services = await self._provider.get(runtime.context)
        vector = await embed_text(services.embedder, state["proposal"])
        return {"item": nearest_item(services.vectors, vector, _masked(services, state))}

    async def route_to_item(
        self, state: EpisodeState, runtime: Runtime[EpisodeContext]
    ) -> Literal["pick", "shortlist", "propose"]:
        """The way to an item that method and settings ask for."""
        method = method_named(runtime.context.method)
        if not method.needs_llm:
            return "shortlist" if method.chooser == "shortlist" else "pick"
        services = await self._provider.get(runtime.context)
        return "propose" if services.settings.actor.mode == "free" else "shortlist"

    async def route_from_shortlist(
        self, state: EpisodeState, runtime: Runtime[EpisodeContext]
    ) -> Literal["choose", "pick"]:
        """Who chooses from the shortlist: the LLM, or chance."""
        return "choose" if method_named(runtime.context.method).needs_llm else "pick"


def build_actor_graph(provider: ServiceProvider) -> ActorGraph:
    """The Actor's subgraph, compiled."""
    nodes = ActorNodes(provider)
    graph = StateGraph(EpisodeState, context_schema=EpisodeContext, output_schema=ActorOutput)
    graph.add_node("analyse", nodes.analyse)
    graph.add_node("retrieve", nodes.retrieve)
    graph.add_node("pick", nodes.pick)
    graph.add_node("shortlist", nodes.shortlist)
    graph.add_node("choose", nodes.choose)
    graph.add_node("propose", nodes.propose)
    graph.add_node("ground", nodes.ground)
    graph.add_edge(START, "analyse")
    graph.add_edge("analyse", "retrieve")
    graph.add_conditional_edges("retrieve", nodes.route_to_item)
    graph.add_conditional_edges("shortlist", nodes.route_from_shortlist)
    graph.add_edge("propose", "ground")
    for last in ("pick", "choose", "ground"):
        graph.add_edge(last, END)
    return graph.compile()


def minds_of(services: Services) -> Minds:
    """The minds; raises EpisodeError where the services were made without an LLM."""
    if services.minds is None:
        raise EpisodeError("This episode needs an LLM, but none was started; name an LLM method when starting.")
    return services.minds


def _policy_of(services: Services) -> ItemPolicy:
    if services.policy is None:
        raise EpisodeError(
            "This episode needs a trained policy, and none was opened; train one with `billp train` and run "
            "`billp evaluate` or `billp compare`."
        )
    return services.policy


def _briefing(services: Services, state: EpisodeState) -> Briefing:
    known = services.catalogue
    return Briefing(
        thought=state["thought"],
        analysis=CategoryAnalysis(tuple(state["lately"]), tuple(state["fresh"])),
        encouraged=tuple(known[e["item"]] for e in state["experiences"] if e["encouraged"]),
        discouraged=tuple(known[e["item"]] for e in state["experiences"] if not e["encouraged"]),
    )


def _masked(services: Services, state: EpisodeState) -> set[int]:
    return {step["item"] for step in state["steps"]} if services.settings.actor.mask_shown else set()


def step_seed(state: EpisodeState, context: EpisodeContext, purpose: str) -> int:
    """The seed of one use of chance in the step at hand; the same whatever ran beside it."""
    return call_seed(context.seed, state["episode"], len(state["steps"]), purpose)
