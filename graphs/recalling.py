"""What an episode begins with: reflections of similar users, merged and weighed, or the latest ones."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from billp.agents.evidence import Evidence, pooled
from billp.agents.views import Situation
from billp.graphs.methods import Method
from billp.graphs.services import Services
from billp.graphs.state import RecalledReflection
from billp.memory import Match, MemoryBank, Reflection
from billp.memory.merging import merge
from billp.memory.retriever import similar_states


async def recall(services: Services, method: Method, history: Sequence[int]) -> tuple[list[RecalledReflection], str]:
    """The reflections to be read in words, and the evidence of the similar ones added up, as JSON ("": none).

    With `memory.merged` of 0 the nearest are read as they are.

    A person of whom nothing is known is like nobody, so that there too the latest are read.
    """
    limits, memory = services.settings.memory, services.memory
    if method.recalls == "none" or memory is None:
        return [], ""
    in_words = method.recalls == "similar" and bool(history) and limits.reflections > 0
    among = max(limits.reflections, limits.merged) if in_words else 0
    in_numbers = limits.evidence if method.plans else 0
    found: list[Match[Reflection]] = []
    if among or in_numbers:
        fresh = Situation(history=tuple(services.catalogue.some(list(history))), recommended=(), rewards=())
        found = await similar_states(
            memory.reflections.similar,
            services.embedder,
            name="reflections",
            words=services.state_words(fresh),
            vector=services.state_vector(fresh),
            k=max(among, in_numbers),
        )
    weights: list[float] = []
    if found:
        receipts = await asyncio.to_thread(memory.uses.recent)
        weights = [receipts.weight(match.record.id) for match in found]
    weighed = zip(found[:in_numbers], weights, strict=False)
    parts = [(Evidence.from_json(match.record.evidence), weight) for match, weight in weighed]
    evidence = pooled(parts).to_json() if parts else ""
    if not in_words:
        return await _latest(memory, limits.reflections), evidence
    return await _similar(services, found[:among], weights[:among], limits.reflections), evidence


def lesson_words(reflection: RecalledReflection) -> str:
    """A reflection as the Planner reads it, with how many episodes taught it where that is more than one."""
    count = 1 + len(reflection["alike"])
    return reflection["text"] if count == 1 else f"{reflection['text']} ({count} times)"


async def _latest(memory: MemoryBank, count: int) -> list[RecalledReflection]:
    latest = await asyncio.to_thread(memory.reflections.latest, count) if count else []
    return [RecalledReflection(id=r.id, text=r.text, distance=None, alike=[], weight=1.0) for r in latest]


async def _similar(
    services: Services, found: Sequence[Match[Reflection]], weights: Sequence[float], count: int
) -> list[RecalledReflection]:
    if not found:
        return []
    if not services.settings.memory.merged:
        return [
            RecalledReflection(
                id=match.record.id, text=match.record.text, distance=match.distance, alike=[], weight=round(weight, 3)
            )
            for match, weight in zip(found, weights, strict=True)
        ]
    vectors = await asyncio.to_thread(services.embedder.embed, [match.record.text for match in found])
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
