"""The interface of tables, whatever their file format, and the handling of rows that cannot be used."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Literal, Protocol

from billp.errors import DataError
from billp.simulators.progress import Progress

Row = tuple[str, ...]

Unreadable = Callable[[int, str], None]
"""Called with the number of an unreadable row and what is wrong with it; raises, or lets the row be skipped."""


class Table(Protocol):
    """A table with named columns; rows are counted in `unit`s, from 1, where the header of a text file is line 1."""

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

    @property
    def read_as(self) -> str:
        """How the file is understood, in words: separator, encoding, header; empty where nothing was guessed."""
        ...

    def rows(
        self, columns: Sequence[str | None], progress: Progress | None = None, unreadable: Unreadable | None = None
    ) -> Iterator[tuple[int, Row]]:
        """Yields the number and the cells of every row, in the order of `columns`; the cell of None is empty.

        A row that cannot be read is passed to `unreadable`. Without it, and if nothing after it can be read
        either, DataError names file and row.
        """
        ...


class Faults:
    """The rows of one table that cannot be used: refused at the first one, or counted by reason up to a share.

    `most` is the largest share of rows that may be skipped; None refuses the first one.
    """

    def __init__(self, table: Table, most: float | None) -> None:
        self.counts: Counter[str] = Counter()
        self.file = table.path.name
        self._table, self._most = table, most
        self._first: dict[str, str] = {}

    @property
    def lenient(self) -> bool:
        """Whether rows may be skipped at all."""
        return self._most is not None

    @property
    def total(self) -> int:
        """How many rows were skipped."""
        return self.counts.total()

    def add(self, number: int, reason: str, text: str) -> None:
        """Counts the row under `reason`; raises DataError with `text` if no row may be skipped."""
        if self._most is None:
            raise fault(self._table, number, text)
        self.counts[reason] += 1
        self._first.setdefault(reason, f"{self._table.unit} {number}")

    def unreadable(self, number: int, text: str) -> None:
        """Counts a row that could not be read."""
        self.add(number, "unreadable row", text)

    def settle(self, rows: int) -> None:
        """Raises DataError if more than the allowed share of all `rows` was skipped."""
        if self._most is not None and self.total > self._most * rows:
            reasons = ", ".join(f"{reason} {count:,} (first: {self._first[reason]})" for reason, count in self.listed)
            raise DataError(
                f"{self._table.path.name}: {self.total:,} of {rows:,} rows cannot be used, more than the share of "
                f"{self._most:g} that may be skipped: {reasons}; mend them, or raise --skip-bad-rows."
            )

    @property
    def listed(self) -> list[tuple[str, int]]:
        """Reasons and counts, the most frequent first."""
        return self.counts.most_common()


def fault(table: Table, number: int, text: str) -> DataError:
    """Returns the error for a row of the table; `text` says what is wrong and what to do."""
    return DataError(f"{table.path.name} {table.unit} {number}: {text}")


def missing(path: Path) -> DataError:
    """Returns the error for a file or folder that does not exist."""
    if path.exists():
        return DataError(f"{path} is no file; give one that holds a table.")
    return DataError(f"{path} does not exist; check the folder and the name.")


def distinct_names(path: Path, names: Sequence[str]) -> tuple[str, ...]:
    """Returns `names`; raises DataError if one appears twice. Empty names, which pandas writes, may repeat."""
    for name in names:
        if name and names.count(name) > 1:
            raise DataError(f"{path.name}: the column {name!r} appears twice; rename or remove one of them.")
    return tuple(names)
