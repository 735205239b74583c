"""What a finished episode leaves in memory: a pure function of its record, so that writing twice changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from billp.agents.evidence import evidence_of
from billp.agents.observation import AgentObservation
from billp.agents.prompt_pack import clean
from billp.graphs.dependencies import Dependencies
from billp.graphs.methods import Method
from billp.graphs.state import EpisodeContext, Trajectory, observation_of, user_left
from billp.memory import ActorExperience, AgentMemory, CriticExperience, EpisodeUsage, Origin, Reflection, UsageEntry
from billp.memory.leaving import LONGEST

_AT_ONCE = 16
"""Episodes written together: a write costs Chroma as much as 40 records more, and holds the interpreter meanwhile."""

Lesson = tuple[EpisodeContext, Trajectory]
"""A finished episode, and the context that it was run with."""


def learn(deps: Dependencies, memory: AgentMemory, method: Method, lessons: Sequence[Lesson]) -> None:
    """Writes the episodes' reflections, their experiences and what they used of memory into `memory`, by id."""
    for start in range(0, len(lessons), _AT_ONCE):
        part = lessons[start : start + _AT_ONCE]
        if method.recalls != "none":
            memory.reflections.write([reflection_of(deps, *lesson) for lesson in part if lesson[1]["reflection"]])
        if method.experiences:
            found = [experiences_of(deps, *lesson) for lesson in part]
            memory.actor.write([experience for acted, _ in found for experience in acted])
            memory.critic.write([experience for _, judged in found for experience in judged])
        if method.remembers:
            memory.usage.write([usage_of(deps, *lesson) for lesson in part])
    if method.remembers and lessons and (limit := deps.settings.memory.limit):
        memory.keep_latest(limit, max(context.ordinal for context, _ in lessons))


def learn_next(
    deps: Dependencies, memory: AgentMemory, method: Method, context: EpisodeContext, done: Trajectory
) -> None:
    """Does `learn` for an episode by itself, the latest that its memory learns from.

    A shorter episode of the same name may have been learned from before; what only that one left is forgotten.
    """
    learn(deps, memory, method, [(replace(context, ordinal=memory.next_ordinal()), done)])
    beyond: list[str] = []
    for kind, store in (("actor", memory.actor.store), ("critic", memory.critic.store)):
        step = done["length"] + 1
        while store.get([id_ := _origin(context, done, step).id(kind)]):
            beyond.append(id_)
            step += 1
    if beyond:
        memory.forget(beyond)


def has_learned(memory: AgentMemory, context: EpisodeContext, done: Trajectory) -> bool:
    """Returns whether `memory` learned from that episode; the last that `learn` writes says so."""
    return bool(memory.usage.store.get([_origin(context, done, -1).id("uses")]))


def reflection_of(deps: Dependencies, context: EpisodeContext, done: Trajectory) -> Reflection:
    """Returns the Reflector's words under the vector of the user they were learned from (the history)."""
    played = deps.observed(observation_of(done))
    evidence = evidence_of(played.recommended, played.rewards, left=user_left(done["ended"]))
    return Reflection(
        text=done["reflection"],
        vector=deps.state_vector(deps.observed(observation_of(done, 0))),
        ended=done["ended"],
        length=done["length"],
        reward=done["reward_trajectory"],
        ordinal=context.ordinal,
        evidence=evidence.to_json(),
        origin=_origin(context, done, -1),
        claim=done.get("claim", ""),
    )


def experiences_of(
    deps: Dependencies, context: EpisodeContext, done: Trajectory
) -> tuple[list[ActorExperience], list[CriticExperience]]:
    """Returns (s_n, a_n, sign of advantage) and (s_n, V(s_n) + advantage) of every judged step.

    A step that was judged by its reward alone has no target, so it leaves the Critic nothing.
    """
    acted, judged = [], []
    shown = [step["item"] for step in done["steps"]]
    for position, step in enumerate(done["steps"]):
        if step["advantage"] is None:
            continue
        observed = deps.observed(observation_of(done, position))
        vector = deps.state_vector(observed)
        words = _words(observed, deps.settings.memory.state_items)
        origin = _origin(context, done, step["number"])
        acted.append(
            ActorExperience(
                text=words,
                vector=vector,
                item=step["item"],
                item_title=step["title"],
                advantage=step["advantage"],
                encouraged=step["advantage"] >= 0,
                reward=step["reward"],
                relation=step["relation"],
                before=tuple(shown[max(0, position - LONGEST) : position]),
                left=user_left(step["reason"]),
                origin=origin,
            )
        )
        if step["target"] is not None:
            judged.append(CriticExperience(text=words, vector=vector, value=step["target"], origin=origin))
    return acted, judged


def usage_of(deps: Dependencies, context: EpisodeContext, done: Trajectory) -> UsageEntry:
    """Returns what the episode used of memory and what followed, as `memory.usage` defines it."""
    return UsageEntry(
        text=f"A return of {done['reward_trajectory']:g} in {done['length']} steps, ended: {done['ended']}",
        vector=deps.state_vector(deps.observed(observation_of(done, 0))),
        ended=done["ended"],
        length=done["length"],
        reward=done["reward_trajectory"],
        ordinal=context.ordinal,
        used=used_in(done).to_json(),
        origin=_origin(context, done, -1),
    )


def used_in(done: Trajectory) -> EpisodeUsage:
    """Returns what the episode used of memory, and what followed, from its record alone."""
    used: dict[str, tuple[int, float]] = {}
    judged = [step for step in done["steps"] if step["advantage"] is not None]
    gains = {step["number"]: step["advantage"] or 0.0 for step in judged}
    total = 0.0
    for step in judged:
        total += gains[step["number"]]
        # Earlier versions retrieved experiences for steps in which the LLM, who reads them, was not asked.
        for id_ in step["experiences"] if step["preferences"] or not step["shortlist"] else ():
            count, gained = used.get(id_, (0, 0.0))
            used[id_] = count + 1, gained + gains[step["number"]]
    # A state that was valued ahead of its step may have got no judged step: `learn` can change on the way in Studio.
    valued = {id_: [number for number in numbers if number in gains] for id_, numbers in done.get("valued", {}).items()}
    remembering = {number for numbers in valued.values() for number in numbers}
    return EpisodeUsage(
        recalled=tuple(id_ for each in done["reflections"] for id_ in (each["id"], *each["alike"])),
        steps=len(judged),
        surprise=total,
        valued_steps=len(remembering),
        advantage=sum(gains[number] for number in sorted(remembering)),
        used=used,
        valued={
            id_: (len(numbers), round(sum(gains[number] for number in numbers), 4))
            for id_, numbers in valued.items()
            if numbers
        },
    )


def _words(observed: AgentObservation, count: int) -> str:
    return "; ".join(clean(item.text) for item in observed.recent(count))


def _origin(context: EpisodeContext, done: Trajectory, step: int) -> Origin:
    return Origin(run=context.run, episode=done["episode"], user=done["user"], step=step, seed=context.seed)
