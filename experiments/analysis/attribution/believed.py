"""Recomputes what memory believed when it chose, from the experiences that it held then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from billp.agents.llm.asking import call_seed
from billp.experiments.analysis.attribution.parts import ALIKE, BeliefBehind, Candidate, Experience, Principle, Value
from billp.experiments.analysis.run_step import Step
from billp.graphs.dependencies import Dependencies
from billp.graphs.methods import method_named
from billp.graphs.ranking import Beliefs
from billp.graphs.recommending import CHOOSING
from billp.memory import Outcome
from billp.memory.leaving import LONGEST


def believed(
    step: Step, deps: Dependencies, outcomes: Sequence[Outcome], most: int
) -> tuple[list[Candidate], BeliefBehind, bool]:
    """Returns the candidates after `outcomes`, the belief behind the chosen one, and whether the record agrees.

    At most `most` principles and experiences are listed.
    """
    record, item, method = step.record, step.record["item"], method_named(step.line.method)
    beliefs = deps.belief_model.after(method, outcomes)
    recommender = deps.belief_model.recommender_by(beliefs, method, explores=step.learning)
    recent, free = np.array(step.shown[-LONGEST:], dtype=np.int64), np.zeros(len(deps.catalogue), dtype=np.bool_)
    seed = call_seed(step.line.seed, step.line.id, step.number - 1, CHOOSING)
    again = recommender.weigh(recent, free, seed)
    certain = replace(recommender, explores=False, variety=0.0).weigh(recent, free, seed)
    alike = all(
        np.allclose(numbers[record["shortlist"]], then, rtol=0, atol=ALIKE)
        for numbers, then in ((again.scores, record["advantages"]), (again.values, record["likings"]))
    )
    candidates = [
        Candidate(
            item=each, title=deps.catalogue[each].title, score=score, stars=_rounded(certain.values[each]),
            risk=_rounded(certain.leaves[each]), chance=_rounded(score - certain.scores[each]), chosen=each == item,
        )
        for each, score in zip(record["shortlist"], record["advantages"], strict=True)
    ]  # fmt: skip
    # The cost of a rate, in stars: rates do not add up to the risk, which is below 1, so each gets its share of it.
    rates = beliefs.dislike[item] + beliefs.closeness_rates(recent.tolist(), beliefs.tables)[item]
    cost = float(recommender.stake * certain.leaves[item] / max(rates, 1e-12))
    seen = sorted((o for o in outcomes if o.item == item), key=lambda outcome: (not outcome.left, outcome.id))
    belief = BeliefBehind(
        stake=_rounded(recommender.stake), principles=_principles(step, deps, beliefs, cost)[:most],
        dislike=_rounded(-cost * beliefs.dislike[item]), value=_value(deps, step, beliefs, seen),
        experiences=[Experience(id=outcome.id, reward=outcome.reward, left=outcome.left) for outcome in seen[:most]],
    )  # fmt: skip
    return candidates, belief, alike


def _principles(step: Step, deps: Dependencies, beliefs: Beliefs, cost: float) -> list[Principle]:
    """Returns the causes of leaving that apply to the chosen item, the most costly first.

    A cause counts once for each earlier item that is as close.
    """
    if not cost:
        return []
    closeness, found = beliefs.closeness, []
    before = step.shown[: -LONGEST - 1 : -1]  # newest first
    close = [closeness.to(earlier)[:, step.record["item"]] for earlier in before]
    for cause in beliefs.leaving.causes():
        place = closeness.names.index(cause.measure)
        near = [each for each, levels in zip(before[: cause.span], close, strict=False) if levels[place] >= cause.level]
        if near:
            found.append(
                Principle(
                    measure=cause.measure, level=cause.level, levels=closeness.steps[place], span=cause.span,
                    after=[item.title for item in deps.catalogue.some(near)], rate=_rounded(cause.rate),
                    exposures=_rounded(cause.exposures), departures=_rounded(cause.departures),
                    stars=_rounded(-cost * cause.rate * len(near)),
                )
            )  # fmt: skip
    return sorted(found, key=lambda principle: principle.stars)


def _value(deps: Dependencies, step: Step, beliefs: Beliefs, seen: Sequence[Outcome]) -> Value:
    values, logs, item = beliefs.values, deps.belief_model.logs, step.record["item"]
    method = method_named(step.line.method)
    ratings = int(logs.counts[item]) if method.uses_logs else 0
    answers = [outcome.reward for outcome in seen] if method.micro else []
    return Value(
        known=_rounded(values.known[item] @ values.weights), own=_rounded(values.own[item]), bias=_rounded(values.bias),
        deviation=_rounded(np.sqrt(values.variance[item])),
        ratings=ratings, rating=_rounded(logs.means[item]) if ratings else None,
        answers=len(answers), answer=_rounded(sum(answers) / len(answers)) if answers else None,
    )  # fmt: skip


def _rounded(number: float) -> float:
    return round(float(number), 6)
