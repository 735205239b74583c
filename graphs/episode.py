"""One episode as a state machine: recall -> plan -> act -> respond -> criticise -> ... -> reflect -> conclude."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from typing import Any, Literal

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime

from billp.graphs import conversation, nodes, recalling
from billp.graphs.actor import ActorGraph, Update, build_actor_graph
from billp.graphs.conversation import LiveOutput, LiveState
from billp.graphs.dependencies import Dependencies, DependencyProvider, with_dependencies
from billp.graphs.methods import method_named
from billp.graphs.state import (
    ActorObservation,
    EpisodeContext,
    EpisodeInput,
    EpisodeState,
    Trajectory,
    Transition,
    observation_of,
)

EpisodeGraph = CompiledStateGraph[EpisodeState, EpisodeContext, EpisodeInput, Trajectory]
_NODES_A_STEP = 11  # plan, act, its five inner nodes, present, respond, heed, criticise


async def after_recall(state: EpisodeState, runtime: Runtime[EpisodeContext]) -> Literal["plan", "act"]:
    """Methods without thoughts and plans go straight to the Actor."""
    method = method_named(runtime.context.method)
    return "plan" if method.thinks or method.plans else "act"


async def after_respond(
    state: EpisodeState, runtime: Runtime[EpisodeContext], deps: Dependencies
) -> Literal["criticise", "plan", "act", "reflect", "conclude"]:
    """The Critic judges where something is learned from it; else straight on."""
    wanted = runtime.context.learn or deps.settings.critic.always
    if wanted and method_named(runtime.context.method).experiences:
        return "criticise"
    return await onward(state, runtime, deps)


async def onward(
    state: EpisodeState, runtime: Runtime[EpisodeContext], deps: Dependencies
) -> Literal["plan", "act", "reflect", "conclude"]:
    """Another step, or the end; with a new thought where the old one has run its steps or the user disliked it."""
    method, limits = method_named(runtime.context.method), deps.settings.planner
    if state["ended"]:
        return "reflect" if runtime.context.learn and method.recalls != "none" else "conclude"
    worn = len(state["steps"]) - state["thought_at"] >= limits.steps
    disliked = state["steps"][-1]["reward"] <= limits.revise
    return "plan" if (method.thinks or method.plans) and (worn or disliked) else "act"


async def after_answer(
    state: EpisodeState, runtime: Runtime[EpisodeContext], deps: Dependencies
) -> Literal["heed", "criticise", "plan", "act", "reflect", "conclude"]:
    """What a person asked for in words is heeded before anything else."""
    return "heed" if state["wish"]["asked"] else await after_respond(state, runtime, deps)


async def after_heed(
    state: EpisodeState, runtime: Runtime[EpisodeContext], deps: Dependencies
) -> Literal["present", "criticise", "plan", "act", "reflect", "conclude"]:
    """On from the rating where there was one; else another item, or the same where the wish cannot be met."""
    if state["wish"]["rated"]:
        return await after_respond(state, runtime, deps)
    return "present" if state["wish"]["notice"] else "act"


def build_episode_graph(
    provide: DependencyProvider,
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
    state, output = (LiveState, LiveOutput) if persons else (EpisodeState, Trajectory)
    graph = StateGraph(state, context_schema=context, input_schema=inputs, output_schema=output)
    graph.add_node("recall", _noted("recall", with_dependencies(recalling.recall, provide)))
    graph.add_node("plan", _noted("plan", with_dependencies(nodes.plan, provide)))
    graph.add_node("act", _acting(build_actor_graph(provide)))
    if persons:
        graph.add_node("present", _noted("present", with_dependencies(conversation.present, provide)))
        graph.add_node("respond", _noted("respond", with_dependencies(conversation.respond, provide)))
        graph.add_node("heed", _noted("heed", with_dependencies(conversation.heed, provide)))
        graph.add_edge("act", "present")
        graph.add_edge("present", "respond")
        graph.add_conditional_edges("respond", with_dependencies(after_answer, provide))
        graph.add_conditional_edges("heed", with_dependencies(after_heed, provide))
    else:
        graph.add_node("respond", _noted("respond", with_dependencies(nodes.respond, provide)))
        graph.add_edge("act", "respond")
        graph.add_conditional_edges("respond", with_dependencies(after_respond, provide))
    graph.add_node("criticise", _noted("criticise", with_dependencies(nodes.criticise, provide)))
    graph.add_node("reflect", _noted("reflect", with_dependencies(nodes.reflect, provide)))
    graph.add_node("conclude", _noted("conclude", with_dependencies(nodes.conclude, provide)))
    graph.add_edge(START, "recall")
    graph.add_conditional_edges("recall", after_recall)
    graph.add_edge("plan", "act")
    graph.add_conditional_edges("criticise", with_dependencies(onward, provide))
    graph.add_edge("reflect", "conclude")
    graph.add_edge("conclude", END)
    limit = _NODES_A_STEP * horizon + 10
    return graph.compile(checkpointer, name=name).with_config(recursion_limit=limit)


def _noted(name: str, node: Callable[..., Awaitable[Update]]) -> Callable[..., Awaitable[Update]]:
    """`node`, whose update also says that it was passed: by the step under way, or by the one that is over."""

    @functools.wraps(node)
    async def run(state: EpisodeState, runtime: Runtime[EpisodeContext]) -> Update:
        update, passed = await node(state, runtime), state.get("nodes", [])
        if "nodes" in update:
            return update
        if passed or name == "plan":
            return {**update, "nodes": [*passed, name]}
        step: Transition = (update.get("steps") or state["steps"])[-1]
        return {**update, "steps": [{**step, "nodes": [*step.get("nodes", []), name]}]}

    return run


def _acting(actor: ActorGraph) -> Callable[..., Awaitable[Update]]:
    """The Actor's subgraph, which has a state of its own, as a node that returns its decision."""

    # A step is done over from its beginning, not from inside; the Actor's own checkpoints would be most of all that is
    # stored. A graph that keeps none is not drawn, though: LangGraph draws the other one that `act` refers to.
    unkept = actor.copy({"checkpointer": False})

    async def act(state: EpisodeState, runtime: Runtime[EpisodeContext]) -> Update:
        known = ActorObservation(**observation_of(state), thought=state["thought"])
        found = await unkept.ainvoke(known, context=runtime.context, output_keys=actor.output_channels)
        passed = [f"act:{name}" for name in found["nodes"]]
        return {"decision": found["decision"], "nodes": [*state.get("nodes", []), *passed]}

    return act
