"""Renders recorded episodes as views for terminal, report and local page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from pydantic import ValidationError

from billp.catalogue import Catalogue
from billp.experiments.runs.configured_folder import section_of
from billp.experiments.runs.episode_lines import EpisodeLine
from billp.experiments.stats.endings import outcome, outcome_reason
from billp.experiments.stats.numbers import signed
from billp.graphs.methods import METHODS
from billp.graphs.plans import PlanState
from billp.graphs.state import Trajectory, Transition
from billp.graphs.trail import trail
from billp.reports.episode_view import (
    CandidateView,
    EpisodeView,
    HeadView,
    ItemView,
    RecalledView,
    RecordView,
    StepView,
)
from billp.settings import PlannerSettings


class Telling:
    """Renders the episodes of one run.

    `titles` are those of items that `catalogue` lacks; `settings` are the run's, as stored; `record` returns what is
    known of a record of memory by its id; `note` is a remark on all words.
    """

    def __init__(
        self,
        catalogue: Catalogue | None = None,
        titles: Mapping[int, str] | None = None,
        *,
        settings: Mapping[str, Any] | None = None,
        record: Callable[[str], RecordView] = RecordView,
        note: str = "",
    ) -> None:
        self._catalogue = catalogue
        self._titles = titles or {}
        self._planner = _planner(settings or {})
        self._record = record
        self._note = note
        self._items: dict[int, ItemView] = {}

    def episode(self, line: EpisodeLine) -> EpisodeView:
        """Returns the view of an episode of a run."""
        if line.output is not None:
            told = self.finished(line.output, line.method)
            return replace(told, head=replace(told.head, id=line.id, user=line.user, seed=line.seed))
        failed = outcome_reason(outcome(line))
        return EpisodeView(
            head=HeadView(line.id, line.user, line.seed, failed.brief, None, None),
            ended=failed.words, left=failed.left, error=line.error, history=[], recalled=[], principles=[], steps=[],
            reflection="", r_each=None, calls=0, prompt_tokens=0, cached_tokens=0, completion_tokens=0, note=self._note,
        )  # fmt: skip

    def finished(self, done: Trajectory, method: str) -> EpisodeView:
        """Returns the view of an episode that no run recorded."""
        ended, usage = outcome_reason(done["ended"]), done["usage"]
        return EpisodeView(
            head=HeadView(
                done["episode"], done["user"], 0, ended.brief, done["length"], _short(done["reward_trajectory"])
            ),
            ended=ended.words,
            left=ended.left,
            error="",
            history=[self.item(index) for index in done["history"]],
            recalled=[
                RecalledView(self._record(each["id"]), each["text"], _short(each["distance"]), len(each["alike"]))
                for each in done["reflections"]
            ],
            principles=done.get("principles", []),
            steps=self._steps(method, done),
            reflection=done["reflection"],
            r_each=_short(done["reward_each"]),
            calls=usage["calls"],
            prompt_tokens=usage["prompt_tokens"],
            cached_tokens=usage["cached_tokens"],
            completion_tokens=usage["completion_tokens"],
            note=self._note,
        )

    def item(self, index: int, title: str = "") -> ItemView:
        """Returns the view of an item; `title` is its name when it was recommended."""
        known = self._items.get(index)
        if known is None or (not known.about and title):
            known = self._items[index] = self._named(index, title)
        return known

    def _named(self, index: int, title: str) -> ItemView:
        if self._catalogue is None or index >= len(self._catalogue):
            return ItemView(index, title or self._titles.get(index, f"item {index}"), "")
        item = self._catalogue[index]
        year = [] if item.year is None else [str(item.year)]
        return ItemView(index, item.title, " · ".join([*year, ", ".join(item.categories)] if item.categories else year))

    def _steps(self, method: str, done: Trajectory) -> list[StepView]:
        chosen, steps = METHODS.get(method), done["steps"]
        nodes = [step.get("nodes", []) for step in steps]
        if chosen is not None and not all(nodes):  # written by a version that did not say
            nodes = trail(chosen, done, self._planner.steps, self._planner.revise)
        valued: dict[int, list[str]] = {}
        for record, numbers in done.get("valued", {}).items():
            for number in numbers:
                valued.setdefault(number, []).append(record)
        before: dict[int, int] = {}
        told = []
        for step, through in zip(steps, nodes, strict=True):
            told.append(self._step(step, through, valued.get(step["number"], []), before.get(step["too_close_to"])))
            before[step["item"]] = step["number"]
        return told

    def _step(self, step: Transition, nodes: list[str], valued: list[str], earlier_step: int | None) -> StepView:
        close = step["too_close_to"]
        return StepView(
            number=step["number"],
            nodes=nodes,
            thought=step["thought"],
            plan=_plan_words(step["plan"]),
            experiences=[self._record(id_) for id_ in step["experiences"]],
            candidates=self._candidates(step),
            proposal=step["proposal"],
            item=self.item(step["item"], step["title"]),
            reward=round(step["reward"], 6),
            because="" if close < 0 else outcome_reason(step["reason"]).earlier,
            earlier=None if close < 0 else self.item(close),
            earlier_step=None if close < 0 else earlier_step,
            value=_short(step["value"]),
            next_value=_short(step["next_value"]),
            advantage=_short(step["advantage"]),
            valued=[self._record(id_) for id_ in valued],
            said=step.get("said", ""),
        )

    def _candidates(self, step: Transition) -> list[CandidateView]:
        """Returns the shortlist; a column is empty if nothing was asked, as with an empty memory."""
        expected, likings, support = step["advantages"], step["likings"], step["support"]
        if not any(expected) and not step["preferences"]:
            expected, likings, support = [], [], []
        llm_weight = step.get("trust", 0.0) if expected else 1.0
        told = []
        for place, index in enumerate(step["shortlist"]):
            retention = expected[place] - likings[place] if expected else None
            llm = llm_weight * step["preferences"][place] if step["preferences"] else None
            parts = [part for part in (retention, likings[place] if expected else None, llm) if part is not None]
            told.append(
                CandidateView(
                    item=self.item(index),
                    retention_effect=_short(retention),
                    item_effect=_short(likings[place]) if expected else None,
                    support=_short(support[place]) if support else None,
                    llm=_short(llm),
                    total=_short(sum(parts)) if parts else None,
                )
            )
        return told


def titles_in(done: Trajectory | None) -> dict[int, str]:
    """Returns the titles that an episode itself contains, by the item's index."""
    return {} if done is None else {step["item"]: step["title"] for step in done["steps"]}


def _planner(settings: Mapping[str, Any]) -> PlannerSettings:
    try:
        return section_of(settings, "planner", PlannerSettings)
    except ValidationError:  # written by a version with other ranges
        return PlannerSettings()


def _plan_words(plan: PlanState) -> str:
    """Returns the typed plan in words; empty where it says nothing."""
    if not (plan["rest"] or plan["aim"] or plan["avoid"]):
        return ""
    parts = [f"for {ahead} steps"] if (ahead := plan.get("steps")) else []
    parts += [f"cooldown {plan['rest']} steps"] if plan["rest"] else []
    for name, worth in (("aim", plan["aim"]), ("avoid", plan["avoid"])):
        if worth:
            parts.append(f"{name}: {', '.join(f'{category} {signed(stars, 2)}' for category, stars in worth.items())}")
    return " · ".join(parts)


def _short(number: float | None) -> float | None:
    return None if number is None else round(number, 6)
