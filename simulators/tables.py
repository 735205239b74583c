"""Tables that people bring: CSV, TSV, Parquet and atomic files, read alike, row by row and as text."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from io import TextIOWrapper
from operator import itemgetter
from pathlib import Path
from typing import Literal

from errors import DataError
from simulators.atomic_files import read_header, read_rows
from simulators.progress import Progress
from simulators.table import Row, Table, distinct_names, fault

_DELIMITERS = {".csv": ",", ".tsv": "\t"}


def open_table(path: Path) -> Table:
    """The table in a file whose name ends in .csv, .tsv or .parquet; raises DataError for any other name."""
    suffix = path.suffix.lower()
    if suffix == ".parquet":
        from simulators.parquet_tables import ParquetTable  # noqa: PLC0415 -- pyarrow is loaded by who needs it

        return ParquetTable(path)
    if suffix not in _DELIMITERS:
        raise DataError(f"{path} is no .csv, .tsv or .parquet file; convert it, or unpack it if it is compressed.")
    return DelimitedTable(path, _DELIMITERS[suffix])


@dataclass(frozen=True)
class DelimitedTable:
    """CSV as RFC 4180 has it, in UTF-8 with or without a byte-order mark; TSV is the same with tabs.

    Quoted cells may hold line breaks; blank lines are passed over. The last line must end with a line break, for a
    file that was cut short mostly has none.
    """

    path: Path
    delimiter: str
    unit: Literal["line"] = "line"

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the columns; raises DataError when the file is missing or empty, or was cut short."""
        self._check_end()
        for _, cells in self._records(None):
            return distinct_names(self.path, [cell.strip() for cell in cells])
        raise DataError(f"{self.path.name} line 1: the file is empty; begin it with a line that names the columns.")

    def rows(self, columns: Sequence[str | None], progress: Progress | None = None) -> Iterator[tuple[int, Row]]:
        """Number of the line where a row begins, and its cells in the order of `columns`."""
        width, pick = len(self.names), _picker(self.names, columns)
        records = self._records(progress)
        header, _ = next(records)
        number = header
        for number, cells in records:
            if len(cells) != width:
                raise fault(
                    self, number, f"{len(cells)} cells where line 1 names {width} columns; mend or remove the line."
                )
            yield number, pick(cells)
        if number == header:
            raise DataError(f"{self.path.name} line {header}: no rows follow the header; give a file that holds data.")

    def _records(self, progress: Progress | None) -> Iterator[tuple[int, list[str]]]:
        end, size = 0, self.path.stat().st_size
        with self.path.open("rb") as raw:
            file = TextIOWrapper(raw, encoding="utf-8-sig", newline="")
            reader = csv.reader(file, delimiter=self.delimiter, strict=True)
            try:
                for count, cells in enumerate(reader):
                    begin, end = end + 1, reader.line_num
                    if cells:
                        yield begin, cells
                    if progress and count % 65536 == 65535:
                        progress(raw.tell() / size)
            except csv.Error as error:
                raise fault(self, end + 1, f"{error}; close the quotes or mend the line.") from error
            except UnicodeDecodeError as error:
                raise fault(self, self._undecodable(), "not UTF-8 text; convert the file to UTF-8.") from error

    def _check_end(self) -> None:
        try:
            with self.path.open("rb") as file:
                breaks, last = 0, b""
                while block := file.read(1 << 20):
                    breaks, last = breaks + block.count(b"\n"), block[-1:]
        except OSError as error:
            raise DataError(
                f"{self.path} cannot be opened ({error.strerror}); check the folder and the name."
            ) from error
        if last not in (b"", b"\n", b"\r", b"\0"):  # a zero byte ends UTF-16, which is refused as what it is
            raise fault(
                self,
                breaks + 1,
                "the last line has no line break, so the file may be cut short; "
                "fetch it again, or end the line if it is whole.",
            )

    def _undecodable(self) -> int:
        """The first line that is not UTF-8: the decoder works on blocks and cannot say."""
        with self.path.open("rb") as file:
            return next(number for number, line in enumerate(file, start=1) if not _is_utf8(line))


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


@dataclass(frozen=True)
class AtomicTable:
    """A RecBole atomic file; its columns go by the names of their fields."""

    path: Path
    unit: Literal["line"] = "line"

    @cached_property
    def types(self) -> dict[str, str]:
        """Field name to type."""
        return read_header(self.path)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the fields."""
        return tuple(self.types)

    def rows(self, columns: Sequence[str | None], progress: Progress | None = None) -> Iterator[tuple[int, Row]]:
        """Line number and cells of every row."""
        pick = _picker(self.names, columns)
        for number, cells in read_rows(self.path, progress):
            yield number, pick(cells)


def _picker(names: Sequence[str], columns: Sequence[str | None]) -> Callable[[list[str]], Row]:
    """What takes the cells of `columns` (two or more) out of a row, which grows by an empty cell at its end."""
    pick = itemgetter(*(-1 if name is None else names.index(name) for name in columns))

    def picked(cells: list[str]) -> Row:
        cells.append("")
        row: Row = pick(cells)
        return row

    return picked
