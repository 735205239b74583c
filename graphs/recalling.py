"""The node `recall`, where an episode begins: the user's history, and what memory says of similar users."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from langgraph.runtime import Runtime
from langgraph.types import Overwrite

from billp.agents.claims import Claim
from billp.agents.evidence import Evidence, pooled
from billp.agents.llm.usage import Usage
from billp.agents.observation import AgentObservation
from billp.agents.plan import Plan
from billp.agents.roles.wishes import Wish
from billp.graphs.dependencies import Dependencies
from billp.graphs.methods import Method, method_named
from billp.graphs.plans import plan_state, wish_state
from billp.graphs.principles import principles_of
from billp.graphs.state import EpisodeContext, EpisodeState, RecalledReflection, usage_state
from billp.graphs.users import check_may_teach
from billp.memory import AgentMemory, Match, Reflection
from billp.memory.principles import Principle
from billp.memory.reflections import merge
from billp.memory.retriever import similar_states


@dataclass(frozen=True, slots=True)
class Recalled:
    """What memory has for an episode.

    `reflections` are read in words. `evidence` is what similar ones show in numbers, added up, as JSON ("": none).
    `principles` are made of their claims.
    """

    reflections: list[RecalledReflection] = field(default_factory=list)
    evidence: str = ""
    principles: list[Principle] = field(default_factory=list)


async def recall(state: EpisodeState, runtime: Runtime[EpisodeContext], deps: Dependencies) -> dict[str, Any]:
    """Looks the user up, reads memory, and resets the state for a new episode.

    Raises SettingsError if `learn` would teach from a test user.
    """
    user, context = state["user"], runtime.context
    if context.learn:
        check_may_teach(deps.users, context.split, user)
    if deps.memory is not None:
        await asyncio.to_thread(deps.memory.refresh)
    likes = state.get("likes") or []
    history = await asyncio.to_thread(deps.users.history, user, likes, deps.settings.memory.state_items)
    recalled = await read_memory(deps, method_named(context.method), history)
    episode, made_up = state.get("episode", ""), ""
    if episode in ("", state.get("made_up", "")):
        episode = made_up = deps.users.new_episode(user, teaches=context.learn)
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
        "nodes": ["recall"],
        "steps": Overwrite([]),  # an earlier episode of this thread may have left some
        "usage": Overwrite(usage_state(Usage())),
        "ended": "",
        "reflection": "",
        "claim": "",
    }


async def read_memory(deps: Dependencies, method: Method, history: Sequence[int]) -> Recalled:
    """Returns what memory has for an episode of a user with this `history`.

    The method reads reflections of similar users or the latest ones; the latest also where nothing is known of the
    user. Similar ones are merged and weighed, unless `memory.merged` is 0. A reflection is left out if its claim does
    not hold or its principle is retired.
    """
    limits, memory = deps.settings.memory, deps.memory
    if method.recalls == "none" or memory is None:
        return Recalled()
    in_words = method.recalls == "similar" and bool(history) and limits.reflections > 0
    among = max(limits.reflections, limits.merged) if in_words else 0
    in_numbers = limits.evidence if method.plans else 0
    found: list[Match[Reflection]] = []
    if among or in_numbers:
        fresh = AgentObservation(history=tuple(deps.catalogue.some(list(history))))
        found = await similar_states(
            memory.reflections.similar,
            deps.embedder,
            name="reflections",
            words=deps.state_words(fresh),
            vector=deps.state_vector(fresh),
            k=max(among, in_numbers),
            at_hand=memory.reflections.store.at_hand,
        )
    weights: list[float] = []
    if found:
        usage = await asyncio.to_thread(memory.usage.recent)
        weights = [usage.weight(match.record.id) for match in found]
    weighed = zip(found[:in_numbers], weights, strict=False)
    parts = [(Evidence.from_json(match.record.evidence), weight) for match, weight in weighed]
    evidence = pooled(parts).to_json() if parts else ""
    principles = await _principles(deps, method, memory, found[:in_numbers])
    if not in_words:
        return Recalled(await _latest(memory, limits.reflections), evidence, principles)
    retired = {principle.id for principle in principles if principle.state == "retired"}
    near = [pair for pair in zip(found, weights, strict=True) if _offered(pair[0].record, retired)][:among]
    similar, worth = [match for match, _ in near], [weight for _, weight in near]
    return Recalled(await _similar(deps, similar, worth, limits.reflections), evidence, principles)


async def _principles(
    deps: Dependencies, method: Method, memory: AgentMemory, found: Sequence[Match[Reflection]]
) -> list[Principle]:
    claimed = [match.record for match in found if match.record.claim]
    if not (claimed and method.plans):
        return []

    def counted() -> list[Principle]:
        return principles_of(claimed, deps.belief_model.beliefs(method, memory), deps.catalogue)

    return await asyncio.to_thread(counted)


def _offered(reflection: Reflection, retired: Collection[str]) -> bool:
    claim = Claim.from_json(reflection.claim)
    return claim is None or (claim.holds and claim.id not in retired)


def reflection_words(reflection: RecalledReflection) -> str:
    """Returns a reflection as the Planner reads it, with the number of episodes if several taught it."""
    count = 1 + len(reflection["alike"])
    return reflection["text"] if count == 1 else f"{reflection['text']} ({count} times)"


async def _latest(memory: AgentMemory, count: int) -> list[RecalledReflection]:
    latest = await asyncio.to_thread(memory.reflections.latest, count) if count else []
    return [RecalledReflection(id=r.id, text=r.text, distance=None, alike=[], weight=1.0) for r in latest]


async def _similar(
    deps: Dependencies, found: Sequence[Match[Reflection]], weights: Sequence[float], count: int
) -> list[RecalledReflection]:
    if not found:
        return []
    if not deps.settings.memory.merged:
        return [
            RecalledReflection(
                id=match.record.id, text=match.record.text, distance=match.distance, alike=[], weight=round(weight, 3)
            )
            for match, weight in zip(found, weights, strict=True)
        ]
    vectors = await asyncio.to_thread(deps.embedder.embed, [match.record.text for match in found])
    return [
        RecalledReflection(
            id=merged.first.record.id,
            text=merged.first.record.text,
            distance=merged.first.distance,
            alike=list(merged.others),
            weight=round(merged.weight, 3),
        )
        for merged in merge(found, vectors, weights, count)
    ]
