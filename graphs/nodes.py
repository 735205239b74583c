"""The nodes of an episode: recall, plan, respond, criticise, reflect, conclude; the Actor is `graphs.acting`."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, cast

from langgraph.runtime import Runtime
from langgraph.types import Overwrite

from billp.agents.evidence import Evidence, evidence_of
from billp.agents.llm.usage import Usage
from billp.agents.plan import Plan, make_plan, named_kinds
from billp.agents.prompt_pack import clean
from billp.agents.roles.critic import advantage
from billp.agents.roles.planner import Known
from billp.agents.roles.wishes import Wish
from billp.agents.tools import analyse_categories
from billp.errors import BadInputError
from billp.graphs.actor import Update
from billp.graphs.dependencies import Dependencies, DependencyProvider
from billp.graphs.judging import ValueEstimate, judge
from billp.graphs.learning import learn_next
from billp.graphs.methods import method_named
from billp.graphs.plans import plan_state, wish_state, wished_plan
from billp.graphs.principles import confirmed, held_to_rates
from billp.graphs.recalling import lesson_words, recall
from billp.graphs.recording import MIDDLE_REWARD, SAID, step_record, totals_of
from billp.graphs.state import (
    EpisodeContext,
    EpisodeState,
    Trajectory,
    Transition,
    observation_of,
    usage_state,
)
from billp.graphs.stepping import roles_of, step_seed, wish_of
from billp.graphs.users import Recommendation, Wished, check_may_teach


class EpisodeNodes:
    """The nodes of an episode; each returns an update and changes nothing it was given."""

    def __init__(self, provider: DependencyProvider) -> None:
        self._provider = provider

    async def recall(self, state: EpisodeState, runtime: Runtime[EpisodeContext]) -> Update:
        """Looks the user up and reads reflections of similar users, or the latest ones.

        Raises SettingsError when `learn` would teach from a test user, BadInputError when no user is named.
        """
        if not state.get("user"):
            raise BadInputError(
                'No user is named; give the input as {"user": "ID"}, with an id of the dataset\'s logs.'
            )
        deps = await self._provider.get(runtime.context, state["user"])
        if runtime.context.learn:
            check_may_teach(deps.users, runtime.context.split, state["user"])
        if deps.memory is not None:
            await asyncio.to_thread(deps.memory.refresh)
        limits, likes = deps.settings.memory, state.get("likes") or []
        history = await asyncio.to_thread(deps.users.history, state["user"], likes, limits.state_items)
        recalled = await recall(deps, method_named(runtime.context.method), history)
        episode, made_up = state.get("episode", ""), ""
        if episode in ("", state.get("made_up", "")):
            episode = made_up = deps.users.new_episode(state["user"], teaches=runtime.context.learn)
        return {
            "episode": episode,
            "made_up": made_up,
            "likes": [],
            "history": history,
            "reflections": recalled.reflections,
            "principles": [f"{principle.state}: {principle.words()}" for principle in recalled.principles],
            "thought": "",
            "thought_at": -1,
            "evidence": recalled.evidence,
            "plan": plan_state(Plan()),
            "wish": wish_state(Wish()),
            "value": None,
            "valued": {},
            "steps": Overwrite([]),  # an earlier episode of this thread may have left some
            "usage": Overwrite(usage_state(Usage())),
            "ended": "",
            "reflection": "",
            "claim": "",
        }

    async def plan(self, state: EpisodeState, runtime: Runtime[EpisodeContext]) -> Update:
        """The Planner writes the thought for the next steps; evidence and its words make the typed plan."""
        deps = await self._provider.get(runtime.context, state["user"])
        method, limits = method_named(runtime.context.method), deps.settings.planner
        evidence = Evidence.from_json(state["evidence"]) if state["evidence"] else Evidence()
        plan = make_plan(evidence, caution=limits.caution, steps=limits.steps) if method.plans else Plan()
        text, spent = plan.words(), Usage()
        if method.thinks:
            seen = observation_of(state)
            observed = deps.observed(seen)
            known = Known(
                [lesson_words(reflection) for reflection in state["reflections"]],
                confirmed(state["principles"]),
                plan.words(),
            )
            lately = analyse_categories(observed.history, observed.recommended).lately
            seed = step_seed(seen, runtime.context, "plan")
            thought = await roles_of(deps).planner.think(observed, known, lately, seed)
            text, spent = thought.text, thought.usage
            if method.plans:
                named = named_kinds(text, deps.catalogue.categories, limits.lean)
                plan = make_plan(evidence, named, caution=limits.caution, steps=limits.steps)
        return {
            "thought": text,
            "thought_at": len(state["steps"]),
            "plan": plan_state(plan),
            "usage": usage_state(spent),
        }

    async def respond(self, state: EpisodeState, runtime: Runtime[EpisodeContext]) -> Update:
        """The user answers with a reward and stays, or leaves; a person may ask for something else instead."""
        deps = await self._provider.get(runtime.context, state["user"])
        decision, recommended = state["decision"], observation_of(state)["recommended"]
        wish = wish_of(observation_of(state))
        thought = " ".join(filter(None, (wish.sentence(), state["thought"])))
        answer = deps.users.answer(
            Recommendation(
                split=runtime.context.split,
                user=state["user"],
                recommended=recommended,
                item=decision["item"],
                thought=thought,
                words=decision["proposal"],
                notice=state["wish"]["notice"],
            )
        )
        if isinstance(answer, Wished):
            return {
                "wish": {**state["wish"], "asked": answer.words, "rated": False, "notice": ""},
                "decision": {**decision, "usage": usage_state(Usage())},  # it may be shown again, but was made once
                "usage": decision["usage"],
            }
        record = step_record(
            deps.catalogue,
            recommended,
            decision,
            answer,
            thought=thought,
            plan=wished_plan(state["plan"], wish),
            said=clean(answer.said, SAID),
        )
        runtime.stream_writer({name: record[name] for name in ("number", "title", "reward", "reason")})
        return {
            "steps": [record],
            "ended": answer.reason,
            "wish": {**state["wish"], "asked": "" if answer.reason else answer.said, "rated": True, "notice": ""},
            "usage": decision["usage"],
        }

    async def criticise(self, state: EpisodeState, runtime: Runtime[EpisodeContext]) -> Update:
        """The Critic values the state before and after the step; their difference is what the step taught.

        Without the Critic (`billp-memory-only`) the reward alone says whether the step is to be encouraged.
        """
        deps = await self._provider.get(runtime.context, state["user"])
        step = state["steps"][-1]
        if not method_named(runtime.context.method).critic:
            return {"steps": [{**step, "advantage": step["reward"] - MIDDLE_REWARD}]}
        spent, valued = Usage(), state["valued"]
        value = state["value"]
        if value is None:
            before: EpisodeState = {**state, "steps": state["steps"][:-1]}
            judged = await self._judge(deps, before, runtime.context)
            value, spent = judged.value, spent + judged.usage
            valued = _valued(valued, judged, step["number"])
        next_value = 0.0  # nothing follows where the user left; where only time ran out, the state goes on being worth
        if state["ended"] in ("", "horizon"):
            judged = await self._judge(deps, state, runtime.context)
            next_value, spent = judged.value, spent + judged.usage
            valued = valued if state["ended"] else _valued(valued, judged, step["number"] + 1)
        lesson = advantage(step["reward"], value, next_value, deps.settings.critic.gamma)
        record: Transition = {
            **step,
            "value": value,
            "next_value": next_value,
            "target": lesson.target,
            "advantage": lesson.advantage,
        }
        return {"steps": [record], "value": next_value, "valued": valued, "usage": usage_state(spent)}

    async def reflect(self, state: EpisodeState, runtime: Runtime[EpisodeContext]) -> Update:
        """The Reflector writes the lesson of the finished episode; without an LLM it is what the numbers say.

        So it is with the stand-in model, whose sentences would be read as lessons and carry no knowledge. Where a
        person said why he leaves, that is the lesson. A method that plans asks in a form why the user left, and holds
        the claim to what happened and to what memory learned of leaving.
        """
        deps = await self._provider.get(runtime.context, state["user"])
        if state["ended"] == "left" and (why := state["steps"][-1].get("said")):
            return {"reflection": f'The user left and said why: "{why}".'}
        seen, left = observation_of(state), state["ended"] != "horizon"
        observed, method = deps.observed(seen), method_named(runtime.context.method)
        in_numbers = evidence_of(observed.recommended, observed.rewards, left=left).words()
        if deps.roles is None or not deps.roles.reflector.knows:
            return {"reflection": in_numbers}
        reflector, seed = roles_of(deps).reflector, step_seed(seen, runtime.context, "reflect")
        if not (left and method.plans):
            lesson = await reflector.reflect(observed, left=left, seed=seed)
            return {"reflection": lesson.text, "usage": usage_state(lesson.usage)}
        lesson = await reflector.explain(observed, deps.belief_model.closeness(method), seed=seed)
        if lesson.claim is None:
            return {"reflection": in_numbers, "usage": usage_state(lesson.usage)}
        beliefs = await asyncio.to_thread(deps.belief_model.beliefs, method, deps.memory)
        claim = held_to_rates(lesson.claim, beliefs, seen["recommended"], seen["rewards"][-1])
        return {
            "reflection": f"{claim.words()} {lesson.text}",
            "claim": claim.to_json(),
            "usage": usage_state(lesson.usage),
        }

    async def conclude(self, state: EpisodeState, runtime: Runtime[EpisodeContext]) -> Update:
        """Adds up Len, R_each and R_traj, and writes to memory where nobody else does."""
        deps = await self._provider.get(runtime.context, state["user"])
        totals = totals_of(state["steps"])
        if runtime.context.learn and deps.learn_at_once and deps.memory is not None:
            done = output_of({**state, **totals})
            method = method_named(runtime.context.method)
            await asyncio.to_thread(learn_next, deps, deps.memory, method, runtime.context, done)
        return {**totals}

    async def _judge(self, deps: Dependencies, state: EpisodeState, context: EpisodeContext) -> ValueEstimate:
        seen = observation_of(state)
        critic = None if deps.roles is None else deps.roles.critic
        return await judge(deps, critic, deps.observed(seen), step_seed(seen, context, "criticise"))


def output_of(state: Mapping[str, Any]) -> Trajectory:
    """The part of a final state that is the episode's record."""
    return cast(Trajectory, {name: state[name] for name in Trajectory.__annotations__ if name in state})


def _valued(valued: Mapping[str, list[int]], judged: ValueEstimate, number: int) -> dict[str, list[int]]:
    return {**valued, **{id_: [*valued.get(id_, []), number] for id_ in judged.remembered}}
