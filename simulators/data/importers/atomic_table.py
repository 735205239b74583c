"""RecBole's atomic files as tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from billp.simulators.data.atomic_files import read_header, read_rows
from billp.simulators.data.importers.table import Row, Unreadable
from billp.simulators.data.importers.text_table import picker
from billp.simulators.progress import Progress


@dataclass(frozen=True)
class AtomicTable:
    """A RecBole atomic file; its columns go by the names of their fields."""

    path: Path
    unit: Literal["line"] = "line"
    read_as: str = ""

    @cached_property
    def types(self) -> dict[str, str]:
        """Field name to type."""
        return read_header(self.path)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the fields."""
        return tuple(self.types)

    def rows(
        self, columns: Sequence[str | None], progress: Progress | None = None, unreadable: Unreadable | None = None
    ) -> Iterator[tuple[int, Row]]:
        """Yields the line number and the cells of every row."""
        pick = picker(self.names, columns)
        for number, cells in read_rows(self.path, progress, unreadable):
            yield number, pick(cells)
