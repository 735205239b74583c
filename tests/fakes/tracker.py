"""A tracker that keeps what runs say to it."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from billp.experiments.stats.tables import TextTable
from billp.experiments.tracking.tracker import Point


class FakeTracker:
    """Keeps what it is told; `breaks` raises in the call of that name."""

    id = "id-1"

    def __init__(self, breaks: str = "", error: Exception | None = None) -> None:
        self.breaks, self.error = breaks, error or OSError("the server is away")
        self.opened: list[tuple[str, Mapping[str, str], str | None]] = []
        self.points: list[Point] = []
        self.titles: list[str] = []
        self.kept: dict[str, Path] = {}
        self.ended: list[bool] = []
        self.threads: set[int] = set()

    def __call__(self, name: str, parameters: Mapping[str, str], known: str | None) -> FakeTracker:
        self._called("open")
        self.opened.append((name, parameters, known))
        return self

    def numbers(self, points: Sequence[Point]) -> None:
        self._called("numbers")
        self.points += points

    def tables(self, tables: Sequence[TextTable]) -> None:
        self._called("tables")
        self.titles += [table.title for table in tables]

    def files(self, paths: Mapping[str, Path]) -> None:
        self._called("files")
        self.kept.update(paths)

    def end(self, *, failed: bool) -> None:
        self._called("end")
        self.ended.append(failed)

    def _called(self, name: str) -> None:
        self.threads.add(threading.get_ident())
        if name == self.breaks:
            raise self.error

    def series(self, name: str, number: str) -> list[tuple[int, float]]:
        return [(point.step, point.value) for point in self.points if (point.series, point.name) == (name, number)]
