"""The interface of a service that keeps parameters, numbers, tables and files of runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from billp.experiments.stats.tables import TextTable

PROJECT = "billp"
"""What runs are filed under, unless the service's own variables name something else."""


@dataclass(frozen=True, slots=True)
class Point:
    """A number of a series, `training/r_traj`, at its `step`, which counts the episodes of the series from 1."""

    series: str
    name: str
    step: int
    value: float


class Tracker(Protocol):
    """An open run of a service. One thread calls it, and whatever it raises costs the record alone, never the run."""

    @property
    def id(self) -> str:
        """By which the service knows the run, for a resumed run to go on with."""
        ...

    def numbers(self, points: Sequence[Point]) -> None:
        """Keeps numbers of episodes, or final ones."""
        ...

    def tables(self, tables: Sequence[TextTable]) -> None:
        """Keeps tables of results."""
        ...

    def files(self, paths: Mapping[str, Path]) -> None:
        """Keeps files by their name in the run folder."""
        ...

    def end(self, *, failed: bool) -> None:
        """Closes the run."""
        ...


class Opens(Protocol):
    """Opens a tracker for a run."""

    def __call__(self, name: str, parameters: Mapping[str, str], known: str | None) -> Tracker:
        """Returns the run `name` with its `parameters`, or the one that the service knows as `known`."""
        ...
