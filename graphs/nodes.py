"""The nodes of an episode after `recall`: plan, respond, criticise, reflect, conclude; the Actor is `graphs.actor`.

Each node is a function of state, runtime and dependencies; it returns an update and changes nothing it was given.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from langgraph.runtime import Runtime

from billp.agents.evidence import Evidence, evidence_of
from billp.agents.llm.usage import Usage
from billp.agents.observation import AgentObservation
from billp.agents.plan import Plan, make_plan, named_categories
from billp.agents.prompt_pack import clean
from billp.agents.roles.critic import Critic, advantage, averaged_value
from billp.agents.roles.planner import Known
from billp.agents.tools import analyse_categories
from billp.graphs.dependencies import Dependencies, Update
from billp.graphs.learning import learn_next
from billp.graphs.methods import method_named
from billp.graphs.plans import plan_state, wished_plan
from billp.graphs.principles import confirmed, held_to_rates
from billp.graphs.recalling import reflection_words
from billp.graphs.recording import MIDDLE_REWARD, SAID, output_of, step_record, totals_of
from billp.graphs.state import (
    ActorObservation,
    EpisodeContext,
    EpisodeState,
    Transition,
    observation_of,
    step_seed,
    usage_state,
    user_left,
    wish_of,
)
from billp.graphs.users import Wished
from billp.memory.retriever import similar_states


async def plan(state: EpisodeState, runtime: Runtime[EpisodeContext], deps: Dependencies) -> Update:
    """Returns the Planner writes the thought for the next steps; its words and the evidence make the typed plan."""
    method, limits = method_named(runtime.context.method), deps.settings.planner
    evidence = Evidence.from_json(state["evidence"]) if state["evidence"] else Evidence()
    made = make_plan(evidence, caution=limits.caution, steps=limits.steps) if method.plans else Plan()
    text, spent = made.words(), Usage()
    if method.thinks:
        seen = observation_of(state)
        observed = deps.observed(seen)
        known = Known(
            [reflection_words(reflection) for reflection in state["reflections"]],
            confirmed(state["principles"]),
            made.words(),
        )
        lately = analyse_categories(observed.history, observed.recommended).lately
        seed = step_seed(seen, runtime.context, "plan")
        thought = await deps.required_roles.planner.think(observed, known, lately, seed)
        text, spent = thought.text, thought.usage
        if method.plans:
            named = named_categories(text, deps.catalogue.categories, limits.plan_weight)
            made = make_plan(evidence, named, caution=limits.caution, steps=limits.steps)
    return {
        "thought": text,
        "thought_at": len(state["steps"]),
        "plan": plan_state(made),
        "usage": usage_state(spent),
    }


async def respond(state: EpisodeState, runtime: Runtime[EpisodeContext], deps: Dependencies) -> Update:
    """Returns the user answers with a reward and stays, or leaves; a person may ask for something else instead."""
    seen, decision = observation_of(state), state["decision"]
    wish = wish_of(seen)
    thought = " ".join(filter(None, (wish.sentence(), state["thought"])))
    answer = deps.users.answer(runtime.context.split, ActorObservation(**seen, thought=thought), decision)
    if isinstance(answer, Wished):
        return {
            "wish": {**state["wish"], "asked": answer.words, "rated": False, "notice": ""},
            "decision": {**decision, "usage": usage_state(Usage())},  # it may be shown again, but was made once
            "usage": decision["usage"],
        }
    record = step_record(
        deps.catalogue,
        seen["recommended"],
        decision,
        answer,
        thought=thought,
        plan=wished_plan(state["plan"], wish),
        said=clean(answer.said, SAID),
        nodes=[*state.get("nodes", []), "respond"],
    )
    runtime.stream_writer({name: record[name] for name in ("number", "title", "reward", "reason")})
    return {
        "steps": [record],
        "nodes": [],
        "ended": answer.reason,
        "wish": {**state["wish"], "asked": "" if answer.reason else answer.said, "rated": True, "notice": ""},
        "usage": decision["usage"],
    }


async def criticise(state: EpisodeState, runtime: Runtime[EpisodeContext], deps: Dependencies) -> Update:
    """Returns the Critic values the states before and after the step; reward and values make the step's advantage.

    Without the Critic (`billp-memory-only`) the reward alone says whether the step is encouraged.
    """
    step, context = state["steps"][-1], runtime.context
    if not method_named(context.method).critic:
        return {"steps": [{**step, "advantage": step["reward"] - MIDDLE_REWARD}]}
    value, valued, spent = state["value"], state["valued"], Usage()

    async def estimate(steps: int) -> ValueEstimate:
        seen = observation_of(state, steps)
        critic = None if deps.roles is None else deps.roles.critic
        return await judge(deps, critic, deps.observed(seen), step_seed(seen, context, "criticise"))

    if value is None:
        before = await estimate(step["number"] - 1)
        value, spent, valued = before.value, before.usage, _valued(valued, before, step["number"])
    next_value = 0.0  # a user who left brings nothing more; at the horizon the state keeps its value
    if not user_left(state["ended"]):
        after = await estimate(step["number"])
        next_value, spent = after.value, spent + after.usage
        valued = valued if state["ended"] else _valued(valued, after, step["number"] + 1)
    lesson = advantage(step["reward"], value, next_value, deps.settings.critic.gamma)
    record: Transition = {
        **step,
        "value": value,
        "next_value": next_value,
        "target": lesson.target,
        "advantage": lesson.advantage,
    }
    return {"steps": [record], "value": next_value, "valued": valued, "usage": usage_state(spent)}


@dataclass(frozen=True, slots=True)
class ValueEstimate:
    """V(s) on the scale of returns, the ids of the Critic experiences that it was made with, and what it cost."""

    value: float
    remembered: tuple[str, ...]
    usage: Usage


def _valued(valued: Mapping[str, list[int]], found: ValueEstimate, number: int) -> dict[str, list[int]]:
    return {**valued, **{id_: [*valued.get(id_, []), number] for id_ in found.remembered}}


async def judge(
    deps: Dependencies, critic: Critic | None, observed: AgentObservation, seed: int, *, always: bool = False
) -> ValueEstimate:
    """Returns V of `observed`, from memory alone if there is no `critic`.

    With `critic.ask = "thin"` the LLM is not asked where memory knows as many similar states as are looked for, since
    its word would hardly count; with `always` it is asked all the same. Raises what the Critic raises:
    ReplyFormatError and ModelUnavailableError.
    """
    limits = deps.settings.memory
    targets: list[float] = []
    ids: tuple[str, ...] = ()
    if deps.memory is not None and limits.values:
        found = await similar_states(
            deps.memory.critic.similar,
            deps.embedder,
            name="values",
            words=deps.state_words(observed),
            vector=deps.state_vector(observed),
            k=limits.values,
            max_distance=limits.critic_distance,
            at_hand=deps.memory.critic.store.at_hand,
        )
        targets = [match.record.value for match in found]
        ids = tuple(match.record.id for match in found)
    known = len(targets) == limits.values > 0 and deps.settings.critic.ask == "thin"
    if critic is None or (known and not always):
        return ValueEstimate(averaged_value(None, targets, deps.settings.critic), ids, Usage())
    judged = await critic.judge(observed, targets, seed)
    return ValueEstimate(judged.value, ids, judged.usage)


async def reflect(state: EpisodeState, runtime: Runtime[EpisodeContext], deps: Dependencies) -> Update:
    """Returns the Reflector writes the reflection on the finished episode.

    Where a person said why they leave, that is the reflection. Without an LLM, or with the stand-in, whose sentences
    carry no knowledge, it is what the numbers say. A method that plans asks in a form why the user left, and checks the
    claim against what happened and against what memory learned of leaving.
    """
    if state["ended"] == "left" and (why := state["steps"][-1].get("said")):
        return {"reflection": f'The user left and said why: "{why}".'}
    seen, left = observation_of(state), user_left(state["ended"])
    observed, method = deps.observed(seen), method_named(runtime.context.method)
    in_numbers = evidence_of(observed.recommended, observed.rewards, left=left).words()
    if deps.roles is None or not deps.roles.reflector.knows:
        return {"reflection": in_numbers}
    reflector, seed = deps.roles.reflector, step_seed(seen, runtime.context, "reflect")
    if not (left and method.plans):
        lesson = await reflector.reflect(observed, left=left, seed=seed)
        return {"reflection": lesson.text, "usage": usage_state(lesson.usage)}
    lesson = await reflector.explain(observed, deps.belief_model.closeness(method), seed=seed)
    spent = usage_state(lesson.usage)
    if lesson.claim is None:
        return {"reflection": in_numbers, "usage": spent}
    beliefs = await asyncio.to_thread(deps.belief_model.beliefs, method, deps.memory)
    claim = held_to_rates(lesson.claim, beliefs, seen["recommended"], seen["rewards"][-1])
    return {"reflection": f"{claim.words()} {lesson.text}", "claim": claim.to_json(), "usage": spent}


async def conclude(state: EpisodeState, runtime: Runtime[EpisodeContext], deps: Dependencies) -> Update:
    """Adds up Len, R_each and R_traj, and writes to memory unless a runner does that in batches."""
    totals = totals_of(state["steps"])
    if runtime.context.learn and deps.learn_at_once and deps.memory is not None:
        done = output_of({**state, **totals})
        method = method_named(runtime.context.method)
        await asyncio.to_thread(learn_next, deps, deps.memory, method, runtime.context, done)
    return {**totals}
