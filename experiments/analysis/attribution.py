"""What one recommendation rests on: which records of memory moved it and by how much, and what memory believed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from pydantic import BaseModel, ConfigDict

from billp.agents.evidence import Evidence, pooled
from billp.agents.llm.asking import call_seed
from billp.agents.plan import Plan, make_plan, named_categories
from billp.errors import MemoryStoreError
from billp.experiments.analysis.run_step import Step
from billp.graphs.dependencies import Dependencies, state_vector
from billp.graphs.methods import method_named
from billp.graphs.plans import plan_from
from billp.graphs.ranking import MemoryRecommender, Weighing
from billp.graphs.recommending import CHOOSING
from billp.memory import AgentMemory, Match, Outcome, Record, Reflection, UsageStatistics
from billp.memory.leaving import LONGEST
from billp.words import counted

_ALIKE = 0.02  # stars by which recomputed beliefs may differ from recorded ones, which are rounded


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True)


class CandidateBehind(_Part):
    """A candidate's score in parts, in stars: what memory expects, and what chance added.

    Chance gives users lists of their own (`actor.variety`), and in training makes what is uncertain be tried.
    """

    item: int
    item_effect: float
    retention_effect: float
    chance: float


class PrincipleBehind(_Part):
    """A cause of leaving that applies to the choice, in words; `after` are the titles of the earlier items concerned.

    Its `rate` comes from `exposures` different pairs of items, to which memory attributes `departures` of users.
    `stars` is its (negative) share of the score.
    """

    words: str
    after: list[str]
    rate: float
    exposures: float
    departures: float
    stars: float


class BeliefBehind(_Part):
    """What memory believed of the choice; a user's leaving costs `leave_cost` stars.

    `dislike` is the cost of the risk that the user rates the item low and leaves. With the stars of all principles it
    makes - leave_cost x risk.
    """

    leave_cost: float
    principles: list[PrincipleBehind]
    dislike: float


class RecordBehind(_Part):
    """A record of memory behind the step; `read`: the LLM read it, or one that says the same.

    `stars` is how much it moved the choice: a reflection moves how well the item fits the plan, an experience with the
    item moves its expected score. None if it moved neither, or was forgotten since.
    """

    id: str
    text: str
    read: bool
    stars: float | None
    usage: UsageStatistics


class Attribution(_Part):
    """Everything behind one step.

    `as_it_was` says whether memory, asked again, still believes and plans what was recorded. The plan was made from
    `pooled` reflections. `belief` is None if memory did not choose. `candidates` are empty then, and where memory does
    not believe any more what was recorded.
    """

    memory: str
    as_it_was: bool
    pooled: int
    candidates: list[CandidateBehind]
    belief: BeliefBehind | None
    records: list[RecordBehind]


def attribute(step: Step, deps: Dependencies, *, most: int = 5) -> Attribution:
    """Returns what `step` rests on: at most `most` principles, experiences with the item, and reflections not read.

    `deps` have its dataset, its settings and the memory to ask. The memory is taken as it was, without what later
    batches of the same run taught. What other runs taught it since, or what was pruned, cannot be told apart;
    `as_it_was` says whether the numbers still agree. Raises MemoryStoreError if `deps` have no memory.
    """
    memory, record = deps.memory, step.record
    if memory is None:
        raise MemoryStoreError("No memory was opened; name the one to ask with --memory.")
    plan, choice = _PlanBehind(step, deps, memory), None
    if method_named(step.line.method).chooser == "memory" and record["advantages"]:
        choice = _Choice(step, deps, [outcome for outcome in memory.actor.outcomes()[1] if step.knew(outcome.id)])
    moved = {} if choice is None else choice.moved(most)
    experiences = list(dict.fromkeys([*moved, *record["experiences"]]))
    texts = plan.texts | {found.id: _words(found) for found in memory.actor.store.get(experiences)}
    moved, read, usage = plan.moved | moved, plan.read | set(record["experiences"]), memory.usage.table()
    return Attribution(
        memory=memory.name, as_it_was=plan.as_it_was and (choice is None or choice.as_it_was), pooled=plan.pooled,
        candidates=choice.candidates() if choice is not None and choice.as_it_was else [],
        belief=None if choice is None else choice.belief(most),
        records=[
            RecordBehind(
                id=id_, text=texts.get(id_, "forgotten since"), read=id_ in read, stars=moved.get(id_),
                usage=usage.of(id_),
            )
            for id_ in (*plan.ids(most), *experiences)
        ],
    )  # fmt: skip


def _words(experience: Record) -> str:
    left = ", then the user left" if experience.fields.get("left") else ""
    return f"{experience.field('item_title', str)}: {experience.field('reward', float):g} stars{left}"


class _PlanBehind:
    """The reflections behind the plan, by id: their `texts`, and by how many stars they `moved` the item's fit.

    `texts` includes reflections that were only `read`. The effect of a reflection is the fit of the item to the plan,
    minus its fit to the plan made without it. `as_it_was` says whether the plan, made again, equals the recorded one.
    """

    def __init__(self, step: Step, deps: Dependencies, memory: AgentMemory) -> None:
        catalogue, limits, thought = deps.catalogue, deps.settings.planner, step.record["thought"]
        method, recorded = method_named(step.line.method), plan_from(step.record["plan"])
        there = _recalled_then(step, deps, memory) if method.plans else []
        parts = [(Evidence.from_json(match.record.evidence), weight) for match, weight in there]
        named = named_categories(thought, catalogue.categories, limits.plan_weight) if method.thinks else {}
        item, shown, whole = catalogue[step.record["item"]], catalogue.some(step.shown), pooled(parts)

        def planned(evidence: Evidence) -> Plan:
            return make_plan(evidence, named, caution=limits.caution, steps=recorded.steps) if method.plans else Plan()

        def without(evidence: Evidence, weight: float) -> Plan:
            return planned(pooled([(whole, 1.0), (evidence, -weight)]))

        again, told = planned(whole), step.output["reflections"]
        self.pooled, self.as_it_was = len(there), _same(again, recorded)
        self.moved = {
            match.record.id: round(again.fit(item, shown) - without(*part).fit(item, shown), 4)
            for (match, _), part in zip(there, parts, strict=True)
        }
        self.texts = {match.record.id: match.record.text for match, _ in there}
        self.texts = {each["id"]: each["text"] for each in told} | self.texts
        self.read = {id_ for each in told for id_ in (each["id"], *each["alike"])}

    def ids(self, most: int) -> list[str]:
        """Returns the ones that were read, then at most `most` others, the largest effect first."""
        unread = sorted(self.texts.keys() - self.read, key=lambda id_: (-abs(self.moved[id_]), id_))
        return [*(id_ for id_ in self.texts if id_ in self.read), *unread[:most]]


def _recalled_then(step: Step, deps: Dependencies, memory: AgentMemory) -> list[tuple[Match[Reflection], float]]:
    """Returns the reflections whose evidence made the plan, with their weights, as `graphs.recalling` did."""
    limits = deps.settings.memory
    later = sum(not step.knew(id_) for id_ in memory.reflections.store.ids())
    vector = state_vector(deps.vectors, step.output["history"][-limits.state_items :])
    found = memory.reflections.similar(vector, limits.evidence + later)
    usage = memory.usage.recent_of(step.knew)
    then = [match for match in found if step.knew(match.record.id)][: limits.evidence]
    return [(match, usage.weight(match.record.id)) for match in then]


def _same(one: Plan, other: Plan) -> bool:
    categories = {*one.aim, *one.avoid, *other.aim, *other.avoid}
    stars = ((plan.aim.get(each, 0.0) + plan.avoid.get(each, 0.0) for plan in (one, other)) for each in categories)
    return one.cooldown == other.cooldown and all(abs(mine - its) <= _ALIKE for mine, its in stars)


class _Choice:
    """Memory's choice at a step, recomputed from the `outcomes` that it knew then."""

    def __init__(self, step: Step, deps: Dependencies, outcomes: Sequence[Outcome]) -> None:
        self._step, self._deps, self._outcomes, self._item = step, deps, outcomes, step.record["item"]
        self._recommender = self._after(outcomes)
        self._expected = self._without_chance(self._recommender)

    @property
    def as_it_was(self) -> bool:
        """Whether scores and stars equal the recorded ones."""
        record, again = self._step.record, self._weighed(self._recommender)
        pairs = ((again.scores, record["advantages"]), (again.values, record["likings"]))
        return all(np.allclose(now[record["shortlist"]], then, rtol=0, atol=_ALIKE) for now, then in pairs)

    def candidates(self) -> list[CandidateBehind]:
        """Returns the parts of each candidate's recorded score, best first."""
        record, values, scores = self._step.record, self._expected.values, self._expected.scores
        return [
            CandidateBehind(
                item=item, item_effect=_rounded(values[item]), retention_effect=_rounded(scores[item] - values[item]),
                chance=_rounded(score - scores[item]),
            )
            for item, score in zip(record["shortlist"], record["advantages"], strict=True)
        ]  # fmt: skip

    def belief(self, most: int) -> BeliefBehind:
        """Returns the costs of leaving, by principle (at most `most`, the most costly first) and by a low rating.

        A principle counts once for each earlier item that is as close.
        """
        beliefs, leave_cost = self._recommender.beliefs, self._recommender.leave_cost
        shown, item = self._step.shown, self._item
        # The cost of a rate, in stars: rates do not add up to the risk, which is below 1, so each gets its share.
        rates = beliefs.dislike[item] + beliefs.closeness_rates(shown[-LONGEST:], beliefs.tables)[item]
        cost = float(leave_cost * self._expected.leaves[item] / max(rates, 1e-12))
        before, closeness, found = shown[: -LONGEST - 1 : -1], beliefs.closeness, []  # newest first
        close = [closeness.to(earlier)[:, item] for earlier in before]
        for cause in beliefs.leaving.causes() if cost else ():
            place, reached = closeness.names.index(cause.measure), zip(before[: cause.span], close, strict=False)
            near = [earlier for earlier, levels in reached if levels[place] >= cause.level]
            if near:
                level, span = f"level {cause.level} of {closeness.steps[place]}", counted(cause.span, "step")
                found.append(
                    PrincipleBehind(
                        words=f"{cause.measure}, {level}, within {span}",
                        after=[each.title for each in self._deps.catalogue.some(near)], rate=_rounded(cause.rate),
                        exposures=_rounded(cause.exposures), departures=_rounded(cause.departures),
                        stars=_rounded(-cost * cause.rate * len(near)),
                    )
                )  # fmt: skip
        principles = sorted(found, key=lambda principle: principle.stars)[:most]
        return BeliefBehind(
            leave_cost=_rounded(leave_cost), principles=principles, dislike=_rounded(-cost * beliefs.dislike[item])
        )

    def moved(self, most: int) -> dict[str, float]:
        """Returns by how many stars each experience with the item moved its expected score, by id.

        The effect is the score minus the score of beliefs without the experience. At most `most` experiences are
        tried, the ones after which the user left first.
        """
        mine = [outcome for outcome in self._outcomes if outcome.item == self._item]
        found = {}
        for one in sorted(mine, key=lambda outcome: (not outcome.left, outcome.id))[:most]:
            without = self._without_chance(self._after([other for other in self._outcomes if other is not one]))
            found[one.id] = round(float((self._expected.scores - without.scores)[self._item]), 4)
        return found

    def _after(self, outcomes: Sequence[Outcome]) -> MemoryRecommender:
        method, model = method_named(self._step.line.method), self._deps.belief_model
        return model.recommender_by(model.after(method, outcomes), method, explores=self._step.learning)

    def _without_chance(self, recommender: MemoryRecommender) -> Weighing:
        return self._weighed(replace(recommender, explores=False, variety=0.0))

    def _weighed(self, recommender: MemoryRecommender) -> Weighing:
        recent = np.array(self._step.shown[-LONGEST:], dtype=np.int64)
        line, number = self._step.line, self._step.number
        free = np.zeros(len(self._deps.catalogue), dtype=np.bool_)
        return recommender.weigh(recent, free, call_seed(line.seed, line.id, number - 1, CHOOSING))


def _rounded(number: float) -> float:
    return round(float(number), 6)
