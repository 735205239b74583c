"""The Actor as a subgraph of its own, which decides on one item.

Where memory chooses: weigh. Where the LLM chooses: analyse -> retrieve -> shortlist -> choose, or, in its own words,
analyse -> retrieve -> propose -> ground. Other methods: pick, or shortlist -> pick. Every node costs time, so a method
passes only the nodes that it needs.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Collection
from typing import Literal, TypeVar

import numpy as np
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime

from billp.agents.actor_input import ActorInput
from billp.agents.candidates import Experience, draw_shortlist
from billp.agents.llm.usage import Usage
from billp.agents.recommender import Observations
from billp.agents.tools import CategoryAnalysis, analysed
from billp.graphs.at_work import at_work
from billp.graphs.dependencies import Dependencies, DependencyProvider, Node, Update, embed_text, with_dependencies
from billp.graphs.methods import method_named
from billp.graphs.recommending import CHOOSING, SHORTLISTING, observation, recommender_of, weighed_by
from billp.graphs.recording import decided, unweighed
from billp.graphs.state import (
    ActorObservation,
    ActorOutput,
    ActorState,
    EpisodeContext,
    RecalledExperience,
    Weighed,
    step_seed,
    usage_state,
)
from billp.graphs.tools import recall_experience, search_catalogue

_FEW_ITEMS = 4_000
Result = TypeVar("Result")
ActorGraph = CompiledStateGraph[ActorState, EpisodeContext, ActorObservation, ActorOutput]


async def analyse(state: ActorState, runtime: Runtime[EpisodeContext], deps: Dependencies) -> Update:
    """Calls the category tool: which categories came lately, and which liked ones did not."""
    observed = deps.observed(state)
    analysis = await analysed(observed.history, observed.recommended)
    return {"lately": list(analysis.lately), "fresh": list(analysis.fresh)}


async def retrieve(state: ActorState, runtime: Runtime[EpisodeContext], deps: Dependencies) -> Update:
    """Reads from memory what went well or badly in similar states, for the LLM."""
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


async def shortlist(state: ActorState, runtime: Runtime[EpisodeContext], deps: Dependencies) -> Update:
    """Draws candidates that fit the thought and the experience, for the LLM to choose from."""
    limits, method = deps.settings.actor, method_named(runtime.context.method)
    thought = await embed_text(deps.embedder, state["thought"]) if method.thinks and state["thought"] else None

    def drawn() -> list[int]:
        return draw_shortlist(
            deps.vectors,
            np.random.default_rng(step_seed(state, runtime.context, SHORTLISTING)),
            thought=thought,
            experiences=[Experience(e["item"], e["encouraged"], e["distance"]) for e in state.get("experiences", [])],
            evidence=limits.evidence,
            masked=deps.masked_items(state),
            size=limits.shortlist,
            pool=limits.pool,
        )

    return {"weighed": unweighed(await _looked_over(deps, drawn))}


async def choose(state: ActorState, runtime: Runtime[EpisodeContext], deps: Dependencies) -> Update:
    """Lets the LLM choose from the shortlist: in evaluation the item it prefers, unless `actor.evaluate` differs."""
    items = deps.catalogue.some(state["weighed"]["shortlist"])
    choice = await deps.required_roles.actor.choose(
        _told(deps, state),
        items,
        step_seed(state, runtime.context, CHOOSING),
        greedy=deps.settings.actor.evaluate == "greedy" and not runtime.context.learn,
    )
    item = items[choice.position]
    weighed: Weighed = {**state["weighed"], "preferences": list(choice.preferences)}
    return _decision(state, item.index, weighed, proposal=item.title, usage=choice.usage)


async def propose(state: ActorState, runtime: Runtime[EpisodeContext], deps: Dependencies) -> Update:
    """Returns the LLM names an item in its own words."""
    proposal = await deps.required_roles.actor.propose(_told(deps, state), step_seed(state, runtime.context, "propose"))
    return {"proposal": proposal.text, "usage": usage_state(proposal.usage)}


async def ground(state: ActorState, runtime: Runtime[EpisodeContext], deps: Dependencies) -> Update:
    """Finds the catalogue item nearest to the Actor's words."""
    masked = await _looked_over(deps, lambda: deps.masked_items(state))
    item = await search_catalogue(deps, state["proposal"], masked)
    return _decision(state, item, proposal=state["proposal"], usage=Usage(**state["usage"]))


async def weigh(state: ActorState, runtime: Runtime[EpisodeContext], deps: Dependencies) -> Update:
    """Weighs the whole catalogue by what memory believes, staying first, and takes the best item.

    Beliefs come from all experiences in memory; single experiences are read only where the LLM chooses.
    """
    method, model = method_named(runtime.context.method), deps.belief_model
    beliefs = model.made(method, deps.memory)
    if beliefs is None:
        beliefs = await asyncio.to_thread(model.beliefs, method, deps.memory)
    recommender = model.recommender_by(beliefs, method, explores=runtime.context.learn)

    def weighed() -> Weighed:
        seen = _observed(deps, state, runtime.context, deps.masked_items(state))
        return weighed_by(recommender, seen, deps.settings.actor.shortlist)[0]

    found = await _looked_over(deps, weighed)
    return _decision(state, found["shortlist"][0], found)


async def pick(state: ActorState, runtime: Runtime[EpisodeContext], deps: Dependencies) -> Update:
    """Picks without an LLM: what a recommender says, by chance, or knowing the simulated user's answers."""
    method, context = method_named(runtime.context.method), runtime.context
    if method.chooser == "shortlist":  # drawn in random order
        return _decision(state, state["weighed"]["shortlist"][0], state["weighed"])

    def picked() -> int:
        masked = deps.masked_items(state)
        if method.chooser == "oracle":
            return deps.users.best(context.split, state, masked)
        seen = _observed(deps, state, context, masked)
        return int(recommender_of(deps, method, explores=context.learn).choose(seen)[0])

    return _decision(state, await asyncio.to_thread(picked))


async def route_to_item(
    state: ActorState, runtime: Runtime[EpisodeContext]
) -> Literal["analyse", "weigh", "shortlist", "pick"]:
    """Routes to the node that begins the choice: by the LLM, memory, a drawn shortlist, or a recommender."""
    match method_named(runtime.context.method).chooser:
        case "llm":
            return "analyse"
        case "memory":
            return "weigh"
        case "shortlist":
            return "shortlist"
    return "pick"


async def route_to_words(
    state: ActorState, runtime: Runtime[EpisodeContext], deps: Dependencies
) -> Literal["shortlist", "propose"]:
    """Returns whether the LLM chooses from a shortlist or names an item in its own words (`actor.mode`)."""
    return "propose" if deps.settings.actor.mode == "free" else "shortlist"


async def route_from_shortlist(state: ActorState, runtime: Runtime[EpisodeContext]) -> Literal["choose", "pick"]:
    """Returns whether the LLM or chance chooses from the shortlist."""
    return "choose" if method_named(runtime.context.method).chooser == "llm" else "pick"


def build_actor_graph(provide: DependencyProvider) -> ActorGraph:
    """Returns the Actor's subgraph, compiled."""
    graph = StateGraph(
        ActorState, context_schema=EpisodeContext, input_schema=ActorObservation, output_schema=ActorOutput
    )

    def add(name: str, node: Node) -> None:
        graph.add_node(name, _noted(name, with_dependencies(node, provide)))

    add("analyse", analyse)
    add("retrieve", retrieve)
    add("pick", pick)
    add("shortlist", shortlist)
    add("weigh", weigh)
    add("choose", choose)
    add("propose", propose)
    add("ground", ground)
    graph.add_conditional_edges(START, route_to_item)
    graph.add_edge("analyse", "retrieve")
    graph.add_conditional_edges("retrieve", with_dependencies(route_to_words, provide))
    graph.add_conditional_edges("shortlist", route_from_shortlist)
    graph.add_edge("propose", "ground")
    for last in ("weigh", "pick", "choose", "ground"):
        graph.add_edge(last, END)
    return graph.compile()


async def _looked_over(deps: Dependencies, work: Callable[[], Result]) -> Result:
    """Returns what `work` returns, which looks at every item; off the event loop if there are many.

    With few items it is over in a millisecond or two, and handing it to a thread would cost more than that.
    """
    return work() if len(deps.catalogue) <= _FEW_ITEMS else await asyncio.to_thread(work)


def _noted(name: str, node: Node) -> Node:
    """Returns `node` with an update that also lists it among the nodes passed."""

    @functools.wraps(node)
    async def run(state: ActorState, runtime: Runtime[EpisodeContext]) -> Update:
        at_work(f"act:{name}")
        return {**await node(state, runtime), "nodes": [*state.get("nodes", []), name]}

    return run


def _told(deps: Dependencies, state: ActorState) -> ActorInput:
    """Returns what the LLM is told for this step."""
    known = deps.catalogue
    return ActorInput(
        observed=deps.observed(state),
        thought=state["thought"],
        analysis=CategoryAnalysis(tuple(state["lately"]), tuple(state["fresh"])),
        encouraged=tuple(known[e["item"]] for e in state["experiences"] if e["encouraged"]),
        discouraged=tuple(known[e["item"]] for e in state["experiences"] if not e["encouraged"]),
    )


def _observed(deps: Dependencies, state: ActorState, context: EpisodeContext, masked: Collection[int]) -> Observations:
    """Returns the user as a recommender sees them at this step."""
    return observation(
        state["history"],
        state["recommended"],
        state["rewards"],
        masked,
        n_items=len(deps.catalogue),
        seed=step_seed(state, context, CHOOSING),
    )


def _decision(
    state: ActorState, item: int, weighed: Weighed | None = None, *, proposal: str = "", usage: Usage | None = None
) -> Update:
    read = [experience["id"] for experience in state.get("experiences", [])]
    return {"decision": decided(item, weighed, experiences=read, proposal=proposal, usage=usage)}
