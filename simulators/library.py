"""The registered datasets: checked copies under `data_dir/datasets/NAME/`, ready to be read by name."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from catalogue import Catalogue
from errors import DataError
from simulators.atomic_files import read_header
from simulators.datasets import SUFFIXES, Dataset, file_digest, read_dataset
from simulators.folders import replaced_folder
from simulators.mapping import ColumnMapping, guess_mapping
from simulators.progress import Progress

RECORD = "dataset.json"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class DatasetRecord(BaseModel):
    """What `dataset.json` holds: how to read the files beside it, and their SHA-256."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal[1] = 1
    name: str
    mapping: ColumnMapping
    files: dict[str, str]


def add_folder(
    data_dir: Path,
    folder: Path,
    name: str | None = None,
    progress: Progress | None = None,
    **mapping: str | float | None,
) -> Dataset:
    """Registers the atomic files in `folder`, copied, under `name` (default: that of the only *.inter file there).

    `mapping` holds fields of ColumnMapping; the others are guessed. A dataset already registered under the name is
    replaced only once the new one has been read without fault. Raises DataError otherwise.
    """
    stem = _stem(folder, name)
    name = checked_name(name or stem)
    with replaced_folder(dataset_folder(data_dir, name)) as new:
        for suffix in SUFFIXES:
            if (folder / f"{stem}{suffix}").exists():
                shutil.copyfile(folder / f"{stem}{suffix}", new / f"{stem}{suffix}")
        # The copy is what is checked, for the original may change meanwhile; under the names the user knows.
        headers = [*read_header(new / f"{stem}.inter"), *read_header(new / f"{stem}.item")]
        dataset = read_dataset(new, stem, guess_mapping(headers, **mapping), progress)
        for path in list(new.iterdir()):
            path.rename(new / f"{name}{path.suffix}")
        digests = {path.name: file_digest(path) for path in sorted(new.iterdir())}
        record = DatasetRecord(name=name, mapping=dataset.mapping, files=digests)
        (new / RECORD).write_text(record.model_dump_json(indent=2) + "\n", encoding="utf-8")
    return replace(dataset, name=name, catalogue=Catalogue(name, dataset.catalogue.items))


def _stem(folder: Path, name: str | None) -> str:
    """The name that the atomic files in `folder` share."""
    logs = sorted(path.stem for path in folder.glob("*.inter"))
    stem = name if name in logs else logs[0] if len(logs) == 1 else None
    if stem is None:
        fault = f"holds {len(logs)} files named *.inter" if logs else "holds no file named *.inter"
        raise DataError(f"{folder} {fault}; give a folder with one, or name the one to take.")
    if not (folder / f"{stem}.item").is_file():
        raise DataError(f"{folder / stem}.item is missing; put the items' titles there.")
    return stem


def list_datasets(data_dir: Path) -> list[str]:
    """Names of the registered datasets, sorted."""
    return sorted(path.parent.name for path in (data_dir / "datasets").glob(f"*/{RECORD}"))


def load_dataset(data_dir: Path, name: str, progress: Progress | None = None) -> Dataset:
    """The dataset registered as `name`; raises DataError when there is none, or its files are not those added."""
    folder = dataset_folder(data_dir, name)
    record = read_record(folder)
    if record is None:
        known = ", ".join(list_datasets(data_dir)) or "none yet"
        raise DataError(f"No dataset {name!r} is registered (registered: {known}); add it or give one of these names.")
    for file, digest in record.files.items():
        path = folder / Path(file).name
        if not path.is_file() or file_digest(path) != digest:
            raise DataError(f"{path} is missing or has changed since it was added; add dataset {name} again.")
    return read_dataset(folder, name, record.mapping, progress)


def read_record(folder: Path) -> DatasetRecord | None:
    """The record in `folder`, None when there is none; raises DataError when it cannot be understood."""
    path = folder / RECORD
    if not path.is_file():
        return None
    try:
        return DatasetRecord.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise DataError(f"{path} is damaged or of another version; add dataset {folder.name} again.") from error


def dataset_folder(data_dir: Path, name: str) -> Path:
    """Where the dataset `name` is kept."""
    return data_dir / "datasets" / checked_name(name)


def checked_name(name: str) -> str:
    """`name` itself; DataError when it could not be the name of a folder everywhere."""
    if not _NAME.fullmatch(name):
        raise DataError(f"Dataset name {name!r} is not usable; take letters, digits, dots, dashes and underscores.")
    return name
