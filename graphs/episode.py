"""One episode as a state machine: recall -> plan -> act -> respond -> criticise -> ... -> reflect -> conclude."""

from __future__ import annotations

from typing import Any, Literal, Protocol

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime

from billp.graphs.actor import ActorGraph, build_actor_graph
from billp.graphs.conversation import LiveNodes, LiveOutput, LiveState
from billp.graphs.dependencies import DependencyProvider
from billp.graphs.methods import method_named
from billp.graphs.nodes import EpisodeNodes
from billp.graphs.state import (
    ActorObservation,
    Decision,
    EpisodeContext,
    EpisodeInput,
    EpisodeState,
    Trajectory,
    observation_of,
)

EpisodeGraph = CompiledStateGraph[EpisodeState, EpisodeContext, EpisodeInput, Trajectory]
_NODES_A_STEP = 11  # plan, act, its five inner nodes, present, respond, heed, criticise


class Acting(Protocol):
    """A node in which the Actor acts."""

    async def __call__(self, state: EpisodeState, *, runtime: Runtime[EpisodeContext]) -> dict[str, Decision]: ...


class EpisodeRoutes:
    """Where an episode goes after a node."""

    def __init__(self, provider: DependencyProvider) -> None:
        self._provider = provider

    async def after_recall(self, state: EpisodeState, runtime: Runtime[EpisodeContext]) -> Literal["plan", "act"]:
        """Methods without thoughts and plans go straight to the Actor."""
        method = method_named(runtime.context.method)
        return "plan" if method.thinks or method.plans else "act"

    async def after_respond(
        self, state: EpisodeState, runtime: Runtime[EpisodeContext]
    ) -> Literal["criticise", "plan", "act", "reflect", "conclude"]:
        """The Critic judges where something is learned from it; else straight on."""
        deps = await self._provider.get(runtime.context, state["user"])
        wanted = runtime.context.learn or deps.settings.critic.always
        if wanted and method_named(runtime.context.method).experiences:
            return "criticise"
        return await self.onward(state, runtime)

    async def onward(
        self, state: EpisodeState, runtime: Runtime[EpisodeContext]
    ) -> Literal["plan", "act", "reflect", "conclude"]:
        """Another step, or the end; with a new thought where the old one has run its steps or the user disliked it."""
        method = method_named(runtime.context.method)
        if state["ended"]:
            return "reflect" if runtime.context.learn and method.recalls != "none" else "conclude"
        deps = await self._provider.get(runtime.context, state["user"])
        limits = deps.settings.planner
        worn = len(state["steps"]) - state["thought_at"] >= limits.steps
        disliked = state["steps"][-1]["reward"] <= limits.revise
        return "plan" if (method.thinks or method.plans) and (worn or disliked) else "act"


class LiveRoutes(EpisodeRoutes):
    """Where an episode with a person goes, who may ask for something in words."""

    async def after_answer(
        self, state: EpisodeState, runtime: Runtime[EpisodeContext]
    ) -> Literal["heed", "criticise", "plan", "act", "reflect", "conclude"]:
        """What was asked for is heeded before anything else."""
        return "heed" if state["wish"]["asked"] else await self.after_respond(state, runtime)

    async def after_heed(
        self, state: EpisodeState, runtime: Runtime[EpisodeContext]
    ) -> Literal["present", "criticise", "plan", "act", "reflect", "conclude"]:
        """On from the rating where there was one; else another item, or the same where the wish cannot be met."""
        if state["wish"]["rated"]:
            return await self.after_respond(state, runtime)
        return "present" if state["wish"]["notice"] else "act"


def _acting(actor: ActorGraph) -> Acting:
    """The Actor's subgraph, which has a state of its own, as a node that returns its decision."""

    # A step is done over from its beginning, not from inside; the Actor's own checkpoints would be most of all that is
    # stored. A graph that keeps none is not drawn, though, so that the one it was copied from is what is looked at.
    unkept = actor.copy({"checkpointer": False})

    async def act(state: EpisodeState, runtime: Runtime[EpisodeContext]) -> dict[str, Decision]:
        known = ActorObservation(**observation_of(state), thought=state["thought"])
        found = await unkept.ainvoke(known, context=runtime.context)
        return {name: found[name] for name in actor.output_channels}

    return act


def build_episode_graph(
    provider: DependencyProvider,
    horizon: int,
    *,
    name: str = "billp",
    inputs: type[EpisodeInput] = EpisodeInput,
    context: type[EpisodeContext] = EpisodeContext,
    persons: bool = False,
    checkpointer: BaseCheckpointSaver[Any] | None = None,
) -> EpisodeGraph:
    """The state machine, compiled, with a recursion limit that lets `horizon` steps pass.

    `inputs` and `context` say which form fields it shows; with `persons` for users it keeps a conversation in
    `messages`; `checkpointer` keeps its state between interrupts (`langgraph dev` brings its own).
    """
    nodes, routes = EpisodeNodes(provider), EpisodeRoutes(provider)
    state, output = (LiveState, LiveOutput) if persons else (EpisodeState, Trajectory)
    graph = StateGraph(state, context_schema=context, input_schema=inputs, output_schema=output)
    graph.add_node("recall", nodes.recall)
    graph.add_node("plan", nodes.plan)
    graph.add_node("act", _acting(build_actor_graph(provider)))
    if persons:
        live = LiveNodes(provider, nodes)
        graph.add_node("present", live.present)
        graph.add_node("respond", live.respond)
        graph.add_node("heed", live.heed)
        graph.add_edge("act", "present")
        graph.add_edge("present", "respond")
        wished = LiveRoutes(provider)
        graph.add_conditional_edges("respond", wished.after_answer)
        graph.add_conditional_edges("heed", wished.after_heed)
    else:
        graph.add_node("respond", nodes.respond)
        graph.add_edge("act", "respond")
        graph.add_conditional_edges("respond", routes.after_respond)
    graph.add_node("criticise", nodes.criticise)
    graph.add_node("reflect", nodes.reflect)
    graph.add_node("conclude", nodes.conclude)
    graph.add_edge(START, "recall")
    graph.add_conditional_edges("recall", routes.after_recall)
    graph.add_edge("plan", "act")
    graph.add_conditional_edges("criticise", routes.onward)
    graph.add_edge("reflect", "conclude")
    graph.add_edge("conclude", END)
    limit = _NODES_A_STEP * horizon + 10
    return graph.compile(checkpointer, name=name).with_config(recursion_limit=limit)
