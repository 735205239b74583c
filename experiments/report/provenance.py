"""Where a memory came from: the id of a record read back, and the episode in the report that it names."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from experiments.report.folders import RunData

_SEED = re.compile(r"(?:train|test)-(\d+)-")


@dataclass(frozen=True, slots=True)
class Source:
    """What the id of a record says (`memory.records.Origin.id`): run, episode and step, -1 for a whole episode.

    `seed` is part of the episode's name in planned runs; None elsewhere.
    """

    run: str
    episode: str
    step: int
    seed: int | None


def source_of(record_id: str) -> Source | None:
    """The source that `record_id` names; None for an id of another form."""
    parts = record_id.split("/")
    if len(parts) != 4 or not re.fullmatch(r"-?\d+", parts[3]):
        return None
    episode = unquote(parts[2])
    seed = _SEED.match(episode)
    return Source(unquote(parts[1]), episode, int(parts[3]), int(seed[1]) if seed else None)


class Sources:
    """Finds the episode of the report that a record came from."""

    def __init__(self, runs: Sequence[RunData]) -> None:
        self._places: dict[tuple[str, str], list[tuple[Path, str]]] = {}
        for run in runs:
            for line in run.lines:
                self._places.setdefault((run.path.name, line.id), []).append((run.path, line.id))

    def find(self, source: Source, reader: Path) -> tuple[Path, str] | None:
        """Run folder and episode id of `source`, as read by a run in `reader`.

        Memory remembers a folder's name without where it lies. Of several folders of that name the one nearest to the
        reader is meant; None where none is there, or where two are equally near.
        """
        places = self._places.get((source.run, source.episode), [])
        near = sorted(places, key=lambda place: _shared(place[0], reader), reverse=True)
        if len(near) > 1 and _shared(near[0][0], reader) == _shared(near[1][0], reader):
            return None
        return near[0] if near else None


def _shared(one: Path, other: Path) -> int:
    """Number of folders that both lie in."""
    return len(Path(os.path.commonpath([one, other])).parts)
