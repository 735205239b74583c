"""One episode as the page replays it: numbers turned into titles, ids into where they came from."""

from __future__ import annotations

import threading
from pathlib import Path

from pydantic import ValidationError

from billp.agents.llm.abilities import STAND_IN
from billp.catalogue import Catalogue
from billp.experiments.outcomes import outcome, outcome_words
from billp.experiments.records import EpisodeLine
from billp.experiments.report.folders import Config, Data
from billp.experiments.report.provenance import Source, source_of
from billp.experiments.report.titles import catalogue_of
from billp.graphs.methods import METHODS
from billp.graphs.state import EpisodeOutput, StepRecord
from billp.graphs.trail import trail
from billp.pages.answers import (
    EpisodeView,
    ExperienceView,
    ItemView,
    OriginView,
    Place,
    RecalledView,
    StepView,
    WeightView,
)
from billp.pages.runs import Runs
from billp.settings import PlannerSettings


class Episodes:
    """The episodes of `runs`, with titles from the datasets in `data_dir`. May be asked from several threads."""

    def __init__(self, runs: Runs, data_dir: Path) -> None:
        self._runs = runs
        self._data_dir = data_dir
        self._catalogues: dict[Data, Catalogue | None] = {}
        self._lock = threading.Lock()

    def episode(self, run: str, number: int) -> EpisodeView:
        """The episode `number` (from 1) of `run`; raises ArtifactError where there is none."""
        summary, row, line, config = self._runs.episode(run, number)
        done = line.output
        telling = _Telling(self._runs, run, line, self._catalogue(config.dataset))
        usage = None if done is None else done["usage"]
        return EpisodeView(
            run=summary,
            row=row,
            of=summary.episodes,
            ended=outcome_words(outcome(line))[1],
            error=line.error,
            history=[] if done is None else telling.items(done["history"]),
            recalled=[] if done is None else telling.recalled(done),
            steps=[] if done is None else telling.steps(done, _nodes(line, done, config)),
            reflection="" if done is None else done["reflection"],
            r_each=None if done is None else done["reward_each"],
            calls=0 if usage is None else usage["calls"],
            tokens=0 if usage is None else usage["prompt_tokens"] + usage["completion_tokens"],
            note=f"{STAND_IN}." if config.stands_in else "",
        )

    def _catalogue(self, data: Data) -> Catalogue | None:
        with self._lock:
            if self._catalogues.get(data) is None:  # it may have been registered since
                self._catalogues[data] = catalogue_of(self._data_dir, data)
            return self._catalogues[data]


class _Telling:
    """Turns what one episode recorded into what a reader understands."""

    def __init__(self, runs: Runs, run: str, line: EpisodeLine, catalogue: Catalogue | None) -> None:
        self._runs = runs
        self._catalogue = catalogue
        done = line.output
        steps: list[StepRecord] = [] if done is None else done["steps"]
        self._titles = {step["item"]: step["title"] for step in steps}
        ids = [id_ for step in steps for id_ in step["experiences"]]
        ids += [] if done is None else [reflection["id"] for reflection in done["reflections"]]
        self._sources = {id_: source for id_ in ids if (source := source_of(id_)) is not None}
        self._places = runs.places(self._sources.values(), run)
        self._lines: dict[Place, EpisodeLine] = {}

    def items(self, indices: list[int]) -> list[ItemView]:
        return [self.item(index) for index in indices]

    def item(self, index: int) -> ItemView:
        if self._catalogue is None or index >= len(self._catalogue):
            return ItemView(index=index, title=self._titles.get(index, f"item {index}"), about="")
        item = self._catalogue[index]
        about = [] if item.year is None else [str(item.year)]
        about += [", ".join(item.categories)] if item.categories else []
        return ItemView(index=index, title=item.title, about=" · ".join(about))

    def recalled(self, done: EpisodeOutput) -> list[RecalledView]:
        return [
            RecalledView(
                id=lesson["id"],
                text=lesson["text"],
                distance=lesson["distance"],
                alike=len(lesson["alike"]),
                origin=self._origin(lesson["id"]),
            )
            for lesson in done["reflections"]
        ]

    def steps(self, done: EpisodeOutput, nodes: list[list[str]]) -> list[StepView]:
        return [self._step(step, through) for step, through in zip(done["steps"], nodes, strict=True)]

    def _step(self, step: StepRecord, nodes: list[str]) -> StepView:
        close = step["too_close_to"]
        return StepView(
            number=step["number"],
            nodes=nodes,
            thought=step["thought"],
            experiences=[self._experience(id_) for id_ in step["experiences"]],
            shortlist=self.items(step["shortlist"]),
            weights=self._weights(step),
            trust=step["trust"],
            proposal=step["proposal"],
            item=self.item(step["item"]),
            reward=step["reward"],
            too_close_to=None if close < 0 else self.item(close),
            value=step["value"],
            next_value=step["next_value"],
            advantage=step["advantage"],
        )

    def _weights(self, step: StepRecord) -> list[WeightView]:
        def of(numbers: list[float], place: int) -> float | None:
            return numbers[place] if numbers else None

        return [
            WeightView(
                item=self.item(index),
                advantage=of(step["advantages"], place),
                liking=of(step["likings"], place),
                support=of(step["support"], place),
                preference=of(step["preferences"], place),
            )
            for place, index in enumerate(step["shortlist"])
        ]

    def _experience(self, id_: str) -> ExperienceView:
        then = self._step_at(self._sources.get(id_))
        return ExperienceView(
            id=id_,
            title=None if then is None else then["title"],
            reward=None if then is None else then["reward"],
            advantage=None if then is None else then["advantage"],
            origin=self._origin(id_),
        )

    def _step_at(self, source: Source | None) -> StepRecord | None:
        place = None if source is None else self._places.get(source)
        if source is None or place is None:
            return None
        if place not in self._lines:
            self._lines[place] = self._runs.line(place)
        done = self._lines[place].output
        return None if done is None else next((step for step in done["steps"] if step["number"] == source.step), None)

    def _origin(self, id_: str) -> OriginView | None:
        source = self._sources.get(id_)
        if source is None:
            return None
        return OriginView(
            run=source.run, episode=source.episode, step=source.step, seed=source.seed, at=self._places.get(source)
        )


def _nodes(line: EpisodeLine, done: EpisodeOutput, config: Config) -> list[list[str]]:
    """The nodes of each step; none for a method that is no longer there."""
    method = METHODS.get(line.method)
    if method is None:
        return [[] for _ in done["steps"]]
    try:
        planner = PlannerSettings.model_validate(config.settings.get("planner", {}))
    except ValidationError:  # written by a version with other settings
        planner = PlannerSettings()
    return trail(method, done, planner.steps, planner.revise)
