"""The registered datasets: checked copies under `data_dir/datasets/NAME/`, read by name."""

from __future__ import annotations

import re
import shutil
from dataclasses import asdict, replace
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from billp.catalogue import Catalogue
from billp.errors import DataError
from billp.names import is_text, there_is_no
from billp.simulators.data.atomic_files import read_header
from billp.simulators.data.dataset import SUFFIXES, Dataset, file_digest, read_dataset
from billp.simulators.data.distinct_pairs import pair_keys
from billp.simulators.data.import_report import ColumnSpec, ImportReport, Rules
from billp.simulators.data.importers.atomic_table import AtomicTable
from billp.simulators.data.importers.categories import LISTS, guessed_separator
from billp.simulators.data.importers.convert import convert
from billp.simulators.data.importers.opening import open_table, table_name
from billp.simulators.data.importers.table import Table, missing
from billp.simulators.data.importers.text_table import TextForm
from billp.simulators.data.known import KNOWN
from billp.simulators.data.mapping import ColumnMapping, found_column, guess_mapping
from billp.simulators.progress import Progress, part
from billp.whole_files import read_bounded, replaced_folder

RECORD = "dataset.json"
_LARGEST = 16 << 20  # bytes of it
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class DatasetRecord(BaseModel):
    """The content of `dataset.json`: how to read the files beside it, and their SHA-256.

    `intake` says how they were converted from other files; None if they are copies.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal[1] = 1
    name: str
    mapping: ColumnMapping
    files: dict[str, str]
    intake: ImportReport | None = None


def add_folder(
    data_dir: Path,
    folder: Path,
    name: str | None = None,
    progress: Progress | None = None,
    *,
    columns: ColumnSpec | None = None,
    rules: Rules | None = None,
) -> Dataset:
    """Registers the atomic files in `folder` under `name` (default: that of the only *.inter file there).

    They are copied unchanged, unless `rules` leave something out, `columns` name a separator or an item key, the log
    has no ratings or repeats a pair of user and item, or categories are written as lists: then they are converted as
    tables are. A dataset already registered under the name is replaced only after the new one has been read without
    fault. Raises DataError otherwise.
    """
    columns, rules = columns or ColumnSpec(), rules or Rules()
    stem = _stem(folder, name)
    name = checked_name(name or stem)
    log, items = (AtomicTable(folder / f"{stem}{suffix}") for suffix in (".inter", ".item"))
    implicit = columns.hours or not (columns.rating or found_column("rating", log.names))
    convert_first = bool(implicit or rules.asked or columns.item_key or columns.category_separator)
    with replaced_folder(dataset_folder(data_dir, name)) as new:
        dataset = None if convert_first else _copied(folder / stem, new, name, columns, progress)
        if dataset is None or _repeats(dataset) or _lists(items, dataset.mapping):
            dataset = _converted(log, items, new / name, columns=columns, rules=rules, progress=progress)
    return dataset


def add_tables(
    data_dir: Path,
    log: Path,
    items: Path,
    name: str | None = None,
    *,
    progress: Progress | None = None,
    columns: ColumnSpec | None = None,
    rules: Rules | None = None,
    forms: tuple[TextForm, TextForm] | None = None,
) -> Dataset:
    """Registers a log and its item table under `name` (default: that of the log's file).

    Each is CSV or another text file, JSON Lines or Parquet (see `open_table`); `forms` says how the log and the item
    table are read if they are text. They are converted to atomic files (see `convert`). A dataset already registered
    under the name is replaced only after the new one has been read without fault. Raises DataError otherwise.
    """
    name = checked_name(table_name(log) if name is None else name)
    log_form, items_form = forms or (None, None)
    tables = open_table(log, log_form), open_table(items, items_form)
    with replaced_folder(dataset_folder(data_dir, name)) as new:
        return _converted(
            *tables, new / name, columns=columns or ColumnSpec(), rules=rules or Rules(), progress=progress
        )


def _copied(source: Path, new: Path, name: str, columns: ColumnSpec, progress: Progress | None) -> Dataset:
    """Copies the atomic files `source`.inter, `source`.item and `source`.user to the folder `new` and reads them."""
    for suffix in SUFFIXES:
        if (file := source.with_name(source.name + suffix)).exists():
            shutil.copyfile(file, new / file.name)
    # The copy is checked, since the original may change meanwhile; messages use the original's names.
    headers = (read_header(new / f"{source.name}{suffix}") for suffix in (".inter", ".item"))
    given = {field: value for field, value in asdict(columns).items() if field in ColumnMapping.model_fields}
    dataset = read_dataset(new, source.name, guess_mapping(source.name, *headers, **given), progress)
    for path in list(new.iterdir()):
        path.rename(new / f"{name}{path.suffix}")
    _write_record(new, name, dataset, None)
    return replace(dataset, name=name, catalogue=Catalogue(name, dataset.catalogue.items))


def _converted(
    log: Table, items: Table, stem: Path, *, columns: ColumnSpec, rules: Rules, progress: Progress | None
) -> Dataset:
    """Converts the tables to the atomic files `stem`.inter and `stem`.item and reads them."""
    new, name = stem.parent, stem.name
    mapping, intake = convert(log, items, stem, columns, rules, progress=part(progress, 0, 0.5))
    sources = {table.path.name: file_digest(table.path) for table in (log, items)}
    if isinstance(log, AtomicTable) and (user := log.path.with_suffix(".user")).exists():
        shutil.copyfile(user, new / f"{name}.user")
        sources[user.name] = file_digest(user)
    dataset = read_dataset(new, name, mapping, part(progress, 0.5, 0.5))
    _write_record(new, name, dataset, intake.model_copy(update={"sources": sources}))
    return dataset


def _write_record(folder: Path, name: str, dataset: Dataset, intake: ImportReport | None) -> None:
    if len(dataset.user_keys) < 2 or len(dataset.catalogue) < 2:
        raise DataError(
            f"Dataset {name} has {len(dataset.user_keys)} users and {len(dataset.catalogue)} items, and a simulator "
            "needs two of each, users to learn from and users to be judged by; give a larger log."
        )
    files = (folder / f"{name}{suffix}" for suffix in SUFFIXES)
    digests = {path.name: file_digest(path) for path in files if path.exists()}
    record = DatasetRecord(name=name, mapping=dataset.mapping, files=digests, intake=intake)
    (folder / RECORD).write_text(record.model_dump_json(indent=2) + "\n", encoding="utf-8")


def _repeats(dataset: Dataset) -> bool:
    keys = pair_keys(dataset.users, dataset.items, len(dataset.catalogue))
    return len(np.unique(keys)) < len(keys)


def _lists(items: AtomicTable, mapping: ColumnMapping) -> bool:
    """Returns whether the categories are written as lists, which splitting at spaces would tear apart."""
    if mapping.categories is None:
        return False
    return guessed_separator({cell for _, (cell, _) in items.rows((mapping.categories, None))}) == LISTS


def _stem(folder: Path, name: str | None) -> str:
    """Returns the name that the atomic files in `folder` share."""
    if not folder.is_dir():
        raise missing(folder)
    logs = sorted(path.stem for path in folder.glob("*.inter"))
    stem = name if name in logs else logs[0] if len(logs) == 1 else None
    if stem is None:
        fault = f"holds {len(logs)} files named *.inter" if logs else "holds no file named *.inter"
        raise DataError(f"{folder} {fault}; give a folder with one, or name the one to take.")
    if not (folder / f"{stem}.item").is_file():
        raise DataError(f"{folder / stem}.item is missing; put the items' titles there.")
    return stem


def list_datasets(data_dir: Path) -> list[str]:
    """Returns the names of the registered datasets, sorted."""
    return sorted(filter(is_text, (path.parent.name for path in (data_dir / "datasets").glob(f"[!.]*/{RECORD}"))))


def load_dataset(data_dir: Path, name: str, progress: Progress | None = None) -> Dataset:
    """Returns the dataset registered as `name`; for a variant of a simulator, its dataset under that name.

    Raises DataError if there is none, or if its files have changed since they were added.
    """
    folder = dataset_folder(data_dir, name)
    record = read_record(folder)
    if record is None:
        raise no_dataset(data_dir, name)
    for file, digest in record.files.items():
        path = folder / Path(file).name
        if not path.is_file() or file_digest(path) != digest:
            raise DataError(f"{path} is missing or has changed since it was added; add dataset {name} again.")
    return replace(read_dataset(folder, base_name(name), record.mapping, progress), name=name)


def no_dataset(data_dir: Path, name: str) -> DataError:
    """Returns the error for an unknown dataset `name`: it lists the known ones and says how to get this one."""
    remedy = f"fetch it with `billp data fetch {name}`" if name in KNOWN else "add it with `billp data add`"
    return DataError(there_is_no("dataset", name, list_datasets(data_dir), remedy=remedy))


def read_intake(data_dir: Path, name: str) -> ImportReport | None:
    """Returns how the registered dataset was imported; None if its files are copies of atomic files."""
    record = read_record(dataset_folder(data_dir, name))
    return None if record is None else record.intake


def read_record(folder: Path) -> DatasetRecord | None:
    """Returns the record in `folder`, None if there is none; raises DataError if it cannot be understood."""
    path = folder / RECORD
    if not path.is_file():
        return None
    try:
        return DatasetRecord.model_validate_json(read_bounded(path, _LARGEST))
    except (ValidationError, OSError) as error:
        raise DataError(f"{path} is damaged or of another version; add dataset {folder.name} again.") from error


def dataset_folder(data_dir: Path, name: str) -> Path:
    """Returns the folder of the dataset `name`, or of the dataset that the simulator `name` is a variant of."""
    return data_dir / "datasets" / checked_name(base_name(name))


def base_name(name: str) -> str:
    """Returns the dataset of a simulator's name: the part before `@` (see `simulators.env.variants`)."""
    return name.partition("@")[0]


def checked_name(name: str) -> str:
    """Returns `name`; raises DataError if it is not a valid folder name on every system."""
    if not _NAME.fullmatch(name):
        raise DataError(f"Dataset name {name!r} is not usable; take letters, digits, dots, dashes and underscores.")
    return name
