"""The episodes of a report as one compact JSON text, from which its page opens one at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from billp.agents.llm.abilities import STAND_IN
from billp.catalogue import Catalogue
from billp.experiments.runs.episode_lines import EpisodeLine
from billp.reports.compact_json import Packing, dumps
from billp.reports.episode_view import ItemView, OriginView, Place, RecordView
from billp.reports.provenance import Source, Sources, record_view
from billp.reports.rendering import Telling, titles_in
from billp.reports.report_rows import Row
from billp.reports.run_data import RunData, addresses
from billp.reports.usage import TrainingUsage

BUDGET = 40_000_000
"""Bytes that the episodes of one page may take; with more, browsers get slow."""

_Found = tuple[Path, str]


@dataclass(frozen=True)
class EpisodesJson:
    """The text, how many episodes it holds, and how many there are."""

    text: str
    held: int
    of: int


def episodes_json(rows: Sequence[Row], catalogues: Mapping[str, Catalogue], budget: int = BUDGET) -> EpisodesJson:
    """Returns the episodes of `rows`, each as [run, number in it from 1, EpisodeView], in the order of `rows`.

    `catalogues` are by dataset fingerprint. If the episodes would take more than `budget` bytes, the rows take turns to
    add their next one until that is reached.
    """
    queues = [
        [(run, number, line) for run in row.runs for number, line in enumerate(run.lines, start=1)] for row in rows
    ]
    turns = sorted((turn, queue) for queue, episodes in enumerate(queues) for turn in range(len(episodes)))
    packing = Packing(ItemView, OriginView, RecordView)
    runs = [run for row in rows for run in row.runs]
    readers, called = _Readers(runs, catalogues), addresses(runs)
    held: dict[tuple[int, int], str] = {}
    places = {}
    for turn, queue in turns:
        run, number, line = queues[queue][turn]
        text = dumps([packing.text(called[run.path]), number, packing.pack(readers.of(run).episode(line))])
        packing.size += len(text.encode())
        if held and packing.size > budget:
            break
        held[queue, turn] = text
        places[run.path, line.id] = Place(called[run.path], number)
    tables = packing.tables(lambda view: readers.placed(view, places))
    episodes = ",".join(held[key] for key in sorted(held))
    return EpisodesJson(f'{dumps(tables)[:-1]},"episodes":[{episodes}]}}', len(held), len(turns))


class _Readers:
    """Renders the episodes of each run, with the origins of its memories among the report's other runs."""

    def __init__(self, runs: Sequence[RunData], catalogues: Mapping[str, Catalogue]) -> None:
        self._catalogues = catalogues
        self._lines = {(run.path, line.id): line for run in runs for line in run.lines}
        self._titles: dict[str, dict[int, str]] = {}
        for run in runs:
            titles = self._titles.setdefault(run.config.dataset.fingerprint, {})
            for line in run.lines:
                titles |= titles_in(line.output)
        self._sources = Sources(runs)
        self._usage = TrainingUsage(runs)
        self._readers: dict[Path, Telling] = {}
        self._records: dict[tuple[Path, str], RecordView] = {}

    def of(self, run: RunData) -> Telling:
        """Returns the renderer of the episodes of `run`."""
        if run.path not in self._readers:
            data = run.config.dataset.fingerprint
            self._readers[run.path] = Telling(
                self._catalogues.get(data),
                self._titles[data],
                settings=run.config.settings,
                record=lambda id_: self._record(run.path, id_),
                note=f"{STAND_IN}." if run.config.stands_in else "",
            )
        return self._readers[run.path]

    def placed(self, view: object, places: Mapping[_Found, Place]) -> object:
        """Returns `view`; an origin gets the place of its episode if the page holds that."""
        if not isinstance(view, OriginView) or view.at is None:
            return view
        return replace(view, at=places.get((Path(view.at.run), view.episode)))

    def _record(self, reader: Path, record_id: str) -> RecordView:
        key = (reader, record_id)
        if key not in self._records:
            self._records[key] = self._looked_up(reader, record_id)
        return self._records[key]

    def _looked_up(self, reader: Path, record_id: str) -> RecordView:
        def find(source: Source) -> tuple[Place, EpisodeLine] | None:
            found = self._sources.find(source, reader)
            # Its place is known once it is known which episodes the page holds.
            return None if found is None else (Place(str(found[0]), 0), self._lines[found])

        told = record_view(record_id, find)
        if told.origin is None or told.origin.at is None:
            return told
        return replace(told, usage=self._usage.words(Path(told.origin.at.run), record_id))
