"""Parquet files as tables of text."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from billp.errors import DataError
from billp.simulators.data.importers.table import Row, Unreadable, distinct_names, missing
from billp.simulators.progress import Progress

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

_BATCH = 65_536


@dataclass(frozen=True)
class ParquetTable:
    """A Parquet file, read in batches. A null is "", a list is JSON, a time is in ISO 8601."""

    path: Path
    unit: Literal["row"] = "row"
    read_as: str = ""

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the columns; raises DataError if the file is missing, cut short or not Parquet."""
        with self._open() as file:
            return distinct_names(self.path, file.schema_arrow.names)

    def rows(
        self, columns: Sequence[str | None], progress: Progress | None = None, unreadable: Unreadable | None = None
    ) -> Iterator[tuple[int, Row]]:
        """Yields the number (from 1) and the cells of every row."""
        import pyarrow as pa  # noqa: PLC0415 -- slow to import, and only this kind of file needs it

        wanted = list(dict.fromkeys(name for name in columns if name is not None))
        done = 0
        with self._open() as file:
            total = file.metadata.num_rows
            if total == 0:
                raise DataError(f"{self.path.name} holds no rows; give a file that holds data.")
            try:
                for batch in file.iter_batches(_BATCH, columns=wanted):
                    texts = {name: _texts(batch.column(name)) for name in wanted}
                    none = [""] * batch.num_rows
                    cells = zip(*(none if name is None else texts[name] for name in columns), strict=True)
                    yield from enumerate(cells, start=done + 1)
                    done += batch.num_rows
                    if progress:
                        progress(done / total)
            except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
                raise self._damaged(error) from error

    def _open(self) -> pq.ParquetFile:
        import pyarrow as pa  # noqa: PLC0415 -- see rows
        from pyarrow import parquet  # noqa: PLC0415 -- see rows

        if not self.path.is_file():
            raise missing(self.path)
        try:
            return parquet.ParquetFile(self.path)
        except (pa.ArrowException, OSError) as error:
            raise self._damaged(error) from error

    def _damaged(self, error: Exception) -> DataError:
        said = (str(error).splitlines() or ["no reason given"])[0].rstrip(".")
        return DataError(f"{self.path.name} is no whole Parquet file ({said}); write or fetch it again.")


def _texts(column: pa.Array) -> list[str]:
    """Returns the values as text."""
    import pyarrow as pa  # noqa: PLC0415 -- see ParquetTable.rows

    kind = column.type
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        # As dates, which also hold the year; in microseconds, the finest unit of Python's dates.
        zone = kind.tz if pa.types.is_timestamp(kind) else None
        times = column.cast(pa.timestamp("us", zone), safe=False)
        try:
            return ["" if value is None else value.isoformat() for value in times.to_pylist()]
        except (OverflowError, ValueError):  # beyond the years that dates can have: Unix seconds
            return ["" if value is None else str(value / 1e6) for value in times.cast(pa.int64()).to_pylist()]
    return [_text(value) for value in column.to_pylist()]


def _text(value: object) -> str:
    if value is None:
        return ""
    return json.dumps(value, ensure_ascii=False, default=str) if isinstance(value, list | dict) else str(value)
