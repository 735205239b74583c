"""Opens a table by its file name."""

from __future__ import annotations

from pathlib import Path

from billp.simulators.data.importers.json_table import JsonTable
from billp.simulators.data.importers.table import Table, missing
from billp.simulators.data.importers.text_table import TextForm, TextTable, suffix_of

_JSON = (".jsonl", ".ndjson", ".json")


def open_table(path: Path, form: TextForm | None = None) -> Table:
    """Returns the table in the file: Parquet or JSON Lines by its name, otherwise text; each may be packed with gzip.

    `form` says how a text file is read. Raises DataError if there is no such file.
    """
    if not path.is_file():
        raise missing(path)
    suffix = suffix_of(path)
    if path.suffix.lower() == ".parquet":
        from billp.simulators.data.importers.parquet_table import ParquetTable  # noqa: PLC0415 -- pyarrow is slow to import

        return ParquetTable(path)
    return JsonTable(path) if suffix in _JSON else TextTable(path, form or TextForm())


def table_name(path: Path) -> str:
    """Returns the default name of a data set: the name of its log's file before the first known ending."""
    return Path(path.stem).stem if path.suffix.lower() == ".gz" else path.stem
