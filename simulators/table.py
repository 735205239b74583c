"""What a table is, whichever file it lies in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal, Protocol

from errors import DataError
from simulators.progress import Progress

Row = tuple[str, ...]


class Table(Protocol):
    """A table with named columns; rows are counted in `unit`s, from 1, the header of a text file being line 1."""

    @property
    def path(self) -> Path:
        """The file."""
        ...

    @property
    def unit(self) -> Literal["line", "row"]:
        """What the numbers of the rows count."""
        ...

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns, in order; raises DataError where the header cannot be used."""
        ...

    def rows(self, columns: Sequence[str | None], progress: Progress | None = None) -> Iterator[tuple[int, Row]]:
        """Number and cells of every row, in the order of `columns`; the cell of no column (None) is empty.

        Raises DataError, naming file and row, at the first row that cannot be read.
        """
        ...


def fault(table: Table, number: int, text: str) -> DataError:
    """The error for a row of the table; `text` says what is wrong and what to do."""
    return DataError(f"{table.path.name} {table.unit} {number}: {text}")


def distinct_names(path: Path, names: Sequence[str]) -> tuple[str, ...]:
    """`names` themselves; DataError where one appears twice. Columns without a name, which pandas writes, may be."""
    for name in names:
        if name and names.count(name) > 1:
            raise DataError(f"{path.name}: the column {name!r} appears twice; rename or remove one of them.")
    return tuple(names)
