"""What stood behind the plan: the reflections whose evidence made it, and what each of them moved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from billp.agents.evidence import Evidence, pooled
from billp.agents.plan import Plan, make_plan, named_kinds
from billp.experiments.analysis.attribution.parts import ALIKE, LessonBehind
from billp.experiments.analysis.run_step import Step
from billp.graphs.dependencies import Dependencies, state_vector
from billp.graphs.methods import method_named
from billp.graphs.plans import plan_from
from billp.memory import AgentMemory, Match, Reflection, UsageTable


@dataclass(frozen=True)
class Lessons:
    """The reflections recalled in words and those merged into them, then the ones that moved the item's fit most.

    `pooled` is from how many the plan was made; `as_it_was`: made again, it is the one that was recorded.
    """

    reflections: list[LessonBehind]
    pooled: int
    as_it_was: bool


def lessons_behind(
    step: Step, deps: Dependencies, agent_memory: AgentMemory, receipts: UsageTable, most: int
) -> Lessons:
    """The reflections behind `step`; at most `most` of those that were not recalled in words.

    What one moved is the fit of the item chosen to the plan, less its fit to the plan made without that reflection.
    """
    catalogue, limits = deps.catalogue, deps.settings.planner
    method, recorded = method_named(step.line.method), plan_from(step.record["plan"])
    there = _there(step, deps, agent_memory) if method.plans else []
    parts = [(Evidence.from_json(match.record.evidence), weight) for match, weight in there]
    named = named_kinds(step.record["thought"], catalogue.categories, limits.lean) if method.thinks else {}

    def planned(evidence: Evidence) -> Plan:
        return make_plan(evidence, named, caution=limits.caution, steps=recorded.steps)

    whole = pooled(parts)
    again = planned(whole) if method.plans else Plan()
    shown = catalogue.some(step.shown)
    item = catalogue[step.record["item"]]
    stars = {
        match.record.id: again.fit(item, shown) - planned(pooled([(whole, 1.0), (evidence, -weight)])).fit(item, shown)
        for (match, weight), (evidence, _) in zip(there, parts, strict=True)
    }
    words = {lesson["id"]: lesson for lesson in step.output["reflections"]}
    alike = {id_ for lesson in words.values() for id_ in lesson["alike"]}
    matches = {match.record.id: match for match, _ in there}
    merged = [id_ for id_ in matches if id_ in alike]
    others = sorted((matches.keys() - words.keys() - alike), key=lambda id_: (-abs(stars[id_]), id_))
    made = [
        LessonBehind(
            id=id_,
            text=words[id_]["text"] if id_ in words else matches[id_].record.text,
            distance=words[id_]["distance"] if id_ in words else matches[id_].distance,
            receipt=receipts.of(id_),
            recalled=id_ in words or id_ in alike,
            stars=round(stars[id_], 4) if id_ in stars else None,
        )
        for id_ in chain(words, merged, others[:most])
    ]
    return Lessons(made, len(there), _alike(again, recorded))


def _there(step: Step, deps: Dependencies, agent_memory: AgentMemory) -> Sequence[tuple[Match[Reflection], float]]:
    """The reflections whose evidence was added up, and their weights, as `graphs.recalling` found them then."""
    limits = deps.settings.memory
    later = sum(not step.knew(id_) for id_ in agent_memory.reflections.store.ids())
    vector = state_vector(deps.vectors, step.output["history"][-limits.state_items :])
    found = agent_memory.reflections.similar(vector, limits.evidence + later)
    then = [match for match in found if step.knew(match.record.id)][: limits.evidence]
    receipts = agent_memory.usage.recent_of(step.knew)
    return [(match, receipts.weight(match.record.id)) for match in then]


def _alike(one: Plan, other: Plan) -> bool:
    kinds = {*one.aim, *one.avoid, *other.aim, *other.avoid}
    stars = ((plan.aim.get(kind, 0.0) + plan.avoid.get(kind, 0.0) for plan in (one, other)) for kind in kinds)
    return one.rest == other.rest and all(abs(mine - its) <= ALIKE for mine, its in stars)
