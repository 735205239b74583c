"""From a file's name to the table in it."""

from __future__ import annotations

from pathlib import Path

from billp.simulators.data.importers.json_table import JsonTable
from billp.simulators.data.importers.table import Table, missing
from billp.simulators.data.importers.text_table import TextForm, TextTable, suffix_of

_JSON = (".jsonl", ".ndjson", ".json")


def open_table(path: Path, form: TextForm | None = None) -> Table:
    """The table in the file: Parquet or JSON Lines by its name, else text, each packed with gzip or not.

    `form` says how a text file is to be read. Raises DataError where there is no such file.
    """
    if not path.is_file():
        raise missing(path)
    suffix = suffix_of(path)
    if path.suffix.lower() == ".parquet":
        from billp.simulators.data.importers.parquet_table import ParquetTable  # noqa: PLC0415 -- pyarrow is slow to import

        return ParquetTable(path)
    return JsonTable(path) if suffix in _JSON else TextTable(path, form or TextForm())


def table_name(path: Path) -> str:
    """The name that a data set takes from the file of its log: what stands before the first ending that is known."""
    return Path(path.stem).stem if path.suffix.lower() == ".gz" else path.stem
