"""One episode as a state machine: recall -> plan -> act -> respond -> criticise -> ... -> reflect -> conclude."""

from __future__ import annotations

import functools
from typing import Any, Literal

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime

from billp.graphs import conversation, nodes, recalling
from billp.graphs.actor import ActorGraph, build_actor_graph
from billp.graphs.at_work import at_work
from billp.graphs.conversation import LiveOutput, LiveState
from billp.graphs.dependencies import Dependencies, DependencyProvider, Node, Update, with_dependencies
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
    """Routes to the Planner, or straight to the Actor for methods without thoughts and plans."""
    method = method_named(runtime.context.method)
    return "plan" if method.thinks or method.plans else "act"


async def after_respond(
    state: EpisodeState, runtime: Runtime[EpisodeContext], deps: Dependencies
) -> Literal["criticise", "plan", "act", "reflect", "conclude"]:
    """Routes to the Critic, if its judgement is learned from or always wanted; otherwise onward."""
    wanted = runtime.context.learn or deps.settings.critic.always
    if wanted and method_named(runtime.context.method).experiences:
        return "criticise"
    return await onward(state, runtime, deps)


async def onward(
    state: EpisodeState, runtime: Runtime[EpisodeContext], deps: Dependencies
) -> Literal["plan", "act", "reflect", "conclude"]:
    """Routes to another step or the end; a new plan comes after its steps, or after an item the user disliked."""
    method, limits = method_named(runtime.context.method), deps.settings.planner
    if state["ended"]:
        return "reflect" if runtime.context.learn and method.recalls != "none" else "conclude"
    worn = len(state["steps"]) - state["thought_at"] >= limits.steps
    disliked = state["steps"][-1]["reward"] <= limits.revise
    return "plan" if (method.thinks or method.plans) and (worn or disliked) else "act"


async def after_answer(
    state: EpisodeState, runtime: Runtime[EpisodeContext], deps: Dependencies
) -> Literal["heed", "criticise", "plan", "act", "reflect", "conclude"]:
    """Routes to `heed` if a person asked for something in words; otherwise as `after_respond`."""
    return "heed" if state["wish"]["asked"] else await after_respond(state, runtime, deps)


async def after_heed(
    state: EpisodeState, runtime: Runtime[EpisodeContext], deps: Dependencies
) -> Literal["present", "criticise", "plan", "act", "reflect", "conclude"]:
    """Routes as `after_respond` if there was a rating, otherwise to another item.

    If the wish cannot be met, the same item is presented again.
    """
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
    """Returns the state machine, compiled, with a recursion limit that allows `horizon` steps.

    `inputs` and `context` are the form fields that it shows. With `persons` for users it keeps a conversation in
    `messages`. `checkpointer` keeps its state between interrupts (`langgraph dev` brings its own).
    """
    state, output = (LiveState, LiveOutput) if persons else (EpisodeState, Trajectory)
    graph = StateGraph(state, context_schema=context, input_schema=inputs, output_schema=output)

    def add(name: str, node: Node) -> None:
        graph.add_node(name, _noted(name, with_dependencies(node, provide)))

    add("recall", recalling.recall)
    add("plan", nodes.plan)
    graph.add_node("act", _acting(build_actor_graph(provide)))
    if persons:
        add("present", conversation.present)
        add("respond", conversation.respond)
        add("heed", conversation.heed)
        graph.add_edge("act", "present")
        graph.add_edge("present", "respond")
        graph.add_conditional_edges("respond", with_dependencies(after_answer, provide))
        graph.add_conditional_edges("heed", with_dependencies(after_heed, provide))
    else:
        add("respond", nodes.respond)
        graph.add_edge("act", "respond")
        graph.add_conditional_edges("respond", with_dependencies(after_respond, provide))
    add("criticise", nodes.criticise)
    add("reflect", nodes.reflect)
    add("conclude", nodes.conclude)
    graph.add_edge(START, "recall")
    graph.add_conditional_edges("recall", after_recall)
    graph.add_edge("plan", "act")
    graph.add_conditional_edges("criticise", with_dependencies(onward, provide))
    graph.add_edge("reflect", "conclude")
    graph.add_edge("conclude", END)
    limit = _NODES_A_STEP * horizon + 10
    return graph.compile(checkpointer, name=name).with_config(recursion_limit=limit)


def _noted(name: str, node: Node) -> Node:
    """Returns `node` with an update that lists it: among the nodes since the last step, or in that step's record.

    A step begins with `plan` or `act` and is recorded by `respond`; what follows until the next step belongs to it.
    """

    @functools.wraps(node)
    async def run(state: EpisodeState, runtime: Runtime[EpisodeContext]) -> Update:
        passed = state.get("nodes", [])
        begins = bool(passed) or name in ("recall", "plan")
        at_work(name, len(state.get("steps", [])) + begins)
        update = await node(state, runtime)
        if "nodes" in update:
            return update
        if passed or name == "plan":
            return {**update, "nodes": [*passed, name]}
        step: Transition = (update.get("steps") or state["steps"])[-1]
        return {**update, "steps": [{**step, "nodes": [*step.get("nodes", []), name]}]}

    return run


def _acting(actor: ActorGraph) -> Node:
    """Returns the Actor's subgraph, which has a state of its own, as a node that returns its decision."""

    # The Actor keeps no checkpoints: they would be most of what is stored, and a broken step starts again from its
    # beginning. LangGraph does not draw a graph without checkpoints, so `act` refers to the original too.
    unkept = actor.copy({"checkpointer": False})

    async def act(state: EpisodeState, runtime: Runtime[EpisodeContext]) -> Update:
        known = ActorObservation(**observation_of(state), thought=state["thought"])
        found = await unkept.ainvoke(known, context=runtime.context, output_keys=actor.output_channels)
        passed = [f"act:{name}" for name in found["nodes"]]
        return {"decision": found["decision"], "nodes": [*state.get("nodes", []), *passed]}

    return act
