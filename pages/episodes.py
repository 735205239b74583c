"""One episode for the page's replay, with links to the episodes that its memories came from."""

from __future__ import annotations

import threading
from pathlib import Path

from billp.agents.llm.abilities import STAND_IN
from billp.catalogue import Catalogue
from billp.experiments.runs.episode_lines import EpisodeLine
from billp.experiments.runs.stored import Data
from billp.pages.answers import EpisodeAnswer
from billp.pages.runs import Runs
from billp.reports.episode_view import Place, RecordView
from billp.reports.provenance import Source, record_view, source_of
from billp.reports.rendering import Telling, titles_in
from billp.reports.run_data import catalogue_of


class Episodes:
    """The episodes of `runs`, with titles from the datasets in `data_dir`. Thread-safe."""

    def __init__(self, runs: Runs, data_dir: Path) -> None:
        self._runs = runs
        self._data_dir = data_dir
        self._catalogues: dict[Data, Catalogue | None] = {}
        self._lock = threading.Lock()

    def episode(self, run: str, number: int) -> EpisodeAnswer:
        """Returns the episode `number` (from 1) of `run`; raises ArtifactError if there is none."""
        summary, line, config = self._runs.episode(run, number)
        telling = Telling(
            self._catalogue(config.dataset),
            titles_in(line.output),
            settings=config.settings,
            record=_Records(self._runs, run, line).record,
            note=f"{STAND_IN}." if config.stands_in else "",
        )
        return EpisodeAnswer(run=summary, number=number, of=summary.episodes, told=telling.episode(line))

    def _catalogue(self, data: Data) -> Catalogue | None:
        with self._lock:
            if self._catalogues.get(data) is None:  # it may have been registered since
                self._catalogues[data] = catalogue_of(self._data_dir, data)
            return self._catalogues[data]


class _Records:
    """The records of memory behind one episode, and the episodes that they came from."""

    def __init__(self, runs: Runs, run: str, line: EpisodeLine) -> None:
        self._runs = runs
        done = line.output
        ids = [] if done is None else [id_ for step in done["steps"] for id_ in step["experiences"]]
        ids += [] if done is None else [each["id"] for each in done["reflections"]] + list(done.get("valued", {}))
        self._places = runs.places({source for id_ in ids if (source := source_of(id_)) is not None}, run)
        self._lines: dict[Place, EpisodeLine] = {}

    def record(self, id_: str) -> RecordView:
        return record_view(id_, self._found)

    def _found(self, source: Source) -> tuple[Place, EpisodeLine] | None:
        place = self._places.get(source)
        if place is None:
            return None
        if place not in self._lines:
            self._lines[place] = self._runs.line(place)
        return place, self._lines[place]
