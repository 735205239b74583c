"""Where a record of memory came from: the episode in the report that its id names."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from billp.experiments.runs.episode_lines import EpisodeLine
from billp.experiments.runs.run_names import is_called
from billp.graphs.state import Transition
from billp.reports.episode_view import OriginView, Place, RecordView
from billp.reports.run_data import RunData

_SEED = re.compile(r"(?:train|test)-(\d+)-")


@dataclass(frozen=True, slots=True)
class Source:
    """The content of a record's id (`memory.records.Origin.id`): run, episode and step, -1 for a whole episode.

    `seed` is part of the episode's name in planned runs; otherwise None.
    """

    run: str
    episode: str
    step: int
    seed: int | None


def source_of(record_id: str) -> Source | None:
    """Returns the source that `record_id` names; None for an id of another form."""
    parts = record_id.split("/")
    if len(parts) != 4 or not re.fullmatch(r"-?\d+", parts[3]):
        return None
    episode = unquote(parts[2])
    seed = _SEED.match(episode)
    return Source(unquote(parts[1]), episode, int(parts[3]), int(seed[1]) if seed else None)


def record_view(record_id: str, find: Callable[[Source], tuple[Place, EpisodeLine] | None]) -> RecordView:
    """Returns the view of the record of this id; `find` looks up the episode that it came from, and its place."""
    source = source_of(record_id)
    if source is None:
        return RecordView(record_id)
    found = find(source)
    if found is None:
        return _view(record_id, source, None, None)
    at, line = found
    steps = [] if line.output is None else line.output["steps"]
    return _view(record_id, source, next((step for step in steps if step["number"] == source.step), None), at)


def _view(record_id: str, source: Source, then: Transition | None, at: Place | None) -> RecordView:
    worth = None
    if then is not None and then["value"] is not None and then["advantage"] is not None:
        worth = then["value"] + then["advantage"] if record_id.startswith("critic/") else None
    return RecordView(
        record_id,
        origin=OriginView(source.run, source.episode, source.step, source.seed, at=at),
        title=None if then is None else then["title"],
        reward=None if then is None else then["reward"],
        advantage=None if then is None else then["advantage"],
        worth=None if worth is None else round(worth, 6),
    )


class Sources:
    """Finds the episode of the report that a record came from."""

    def __init__(self, runs: Sequence[RunData]) -> None:
        self._folders: dict[str, list[Path]] = {}
        for run in runs:
            for line in run.lines:
                self._folders.setdefault(line.id, []).append(run.path)

    def find(self, source: Source, reader: Path) -> tuple[Path, str] | None:
        """Returns run folder and episode id of `source`, as read by a run in `reader`.

        Memory stores the name of a run without its path. Of several folders of that name the nearest is taken; None if
        there is none, or if two are equally near.
        """
        held = [folder for folder in self._folders.get(source.episode, []) if is_called(folder, source.run)]
        folder = nearest(held, reader)
        return None if folder is None else (folder, source.episode)


def nearest(folders: Sequence[Path], reader: Path) -> Path | None:
    """Returns the one of `folders` that shares most of its path with `reader`; None if several share as much."""
    near = sorted(folders, key=lambda folder: _shared(folder, reader), reverse=True)
    if len(near) > 1 and _shared(near[0], reader) == _shared(near[1], reader):
        return None
    return near[0] if near else None


def _shared(one: Path, other: Path) -> int:
    """Returns the number of folders that both are in."""
    return len(Path(os.path.commonpath([one, other])).parts)
