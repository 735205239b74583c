"""Simulators on disk: `worlds.json` and one npz per world, written completely or not at all, without pickles."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from billp.errors import ArtifactError
from billp.names import is_text, there_is_no
from billp.settings import ModelKind, SimulatorSettings
from billp.simulators.data.dataset import Dataset, file_digest
from billp.simulators.data.registry import base_name, checked_name, dataset_folder, list_datasets, no_dataset
from billp.simulators.env.world import Split, World, Worlds
from billp.simulators.rating.accuracy import Accuracy
from billp.simulators.rating.model_choice import ModelChoice
from billp.simulators.rating.registry import RATING_MODELS
from billp.whole_files import out_of_sight, read_bounded, replaced_folder

RECORD = "worlds.json"
_LARGEST = 16 << 20  # bytes of it
_UNREADABLE = (ValueError, KeyError, TypeError, OSError, MemoryError, zipfile.BadZipFile)  # what a damaged npz raises


def _known_kind(kind: str) -> str:
    if kind not in RATING_MODELS:
        raise ValueError(f"there is no rating model {kind!r}")
    return kind


class WorldRecord(BaseModel):
    """One world's part of `worlds.json`; its arrays are in SPLIT.npz, whose SHA-256 is `sha256`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sha256: str
    model: Annotated[ModelKind, AfterValidator(_known_kind)]
    interactions: int
    beta: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    accuracy: Accuracy


class WorldsRecord(BaseModel):
    """The content of `worlds.json`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal[2] = 2
    name: str
    fingerprint: str
    n_users: int
    n_items: int
    settings: SimulatorSettings
    train: WorldRecord
    test: WorldRecord
    choice: ModelChoice | None = None


def simulator_folder(data_dir: Path, name: str) -> Path:
    """Returns the folder of the simulator of the dataset `name`, or of its variant NAME@VARIANT."""
    base, at, variant = name.partition("@")
    return data_dir / "simulators" / f"{checked_name(base)}{at}{checked_name(variant) if at else ''}"


def save_worlds(folder: Path, worlds: Worlds) -> None:
    """Writes both worlds to `folder`, replacing what was there."""
    made_and_saved(folder, lambda: worlds)


def made_and_saved(folder: Path, make: Callable[[], Worlds]) -> Worlds:
    """Returns the worlds that `make` builds, after writing them to `folder`; refuses a full disk before the work."""
    with replaced_folder(folder) as new:
        worlds = make()
        record = WorldsRecord(
            name=worlds.name,
            fingerprint=worlds.fingerprint,
            n_users=worlds.train.n_users,
            n_items=worlds.train.n_items,
            settings=worlds.train.settings,
            train=_write(new, worlds.train),
            test=_write(new, worlds.test),
            choice=worlds.choice,
        )
        (new / RECORD).write_text(record.model_dump_json(indent=2) + "\n", encoding="utf-8")
    return worlds


def load_worlds(folder: Path, dataset: Dataset | None = None) -> Worlds:
    """Returns the worlds stored in `folder`.

    Raises ArtifactError, with the command that helps, if they are missing, damaged or of another version, and, if
    `dataset` is given, if they were built from other data.
    """
    path = folder / RECORD
    remedy = f"build it with `billp simulator build {folder.name}`"
    if not path.is_file():
        raise ArtifactError(f"There is no simulator in {folder}; {remedy}.")
    try:
        record = WorldsRecord.model_validate_json(read_bounded(path, _LARGEST))
    except (ValidationError, OSError) as error:
        raise ArtifactError(f"{path} is damaged or of another version; {remedy}.") from error
    if dataset is not None and record.fingerprint != dataset.fingerprint:
        raise ArtifactError(f"The simulator in {folder} was built from other data than {dataset.name}; {remedy}.")
    return Worlds(_read(folder, "train", record), _read(folder, "test", record), record.fingerprint, record.choice)


def held_out(folder: Path) -> int:
    """Returns how many users the test world in `folder` has, without reading its model.

    Raises ArtifactError if its file is missing or damaged.
    """
    path = folder / "test.npz"
    try:
        with np.load(path, allow_pickle=False) as arrays:
            users: np.ndarray = arrays["users"]
            return len(users)
    except _UNREADABLE as error:
        raise ArtifactError(_fault(path)) from error


def _write(folder: Path, world: World) -> WorldRecord:
    kind = RATING_MODELS.get(world.model.kind)
    if kind is None or not isinstance(world.model, kind.stored):
        raise ArtifactError(
            f"The {world.split} world of {world.name} has a model of another kind; "
            "store only worlds that build_worlds made."
        )
    path = folder / f"{world.split}.npz"
    np.savez(path, allow_pickle=False, users=world.users, categories=world.categories, **world.model.parameters())
    return WorldRecord(
        sha256=file_digest(path),
        model=world.model.kind,
        interactions=world.interactions,
        beta=world.beta,
        accuracy=world.accuracy,
    )


def _read(folder: Path, split: Split, record: WorldsRecord) -> World:
    path = folder / f"{split}.npz"
    part = record.train if split == "train" else record.test
    fault = _fault(path)
    if not path.is_file() or file_digest(path) != part.sha256:
        raise ArtifactError(fault)
    try:
        with np.load(path, allow_pickle=False) as arrays:
            parameters = dict(arrays)
        users, categories = parameters.pop("users"), parameters.pop("categories")
        model = RATING_MODELS[part.model].stored.from_parameters(parameters)
    except _UNREADABLE as error:
        raise ArtifactError(fault) from error
    ascending = users.ndim == 1 and users.dtype == np.int32 and bool((np.diff(users) > 0).all())
    known = ascending and len(users) > 0 and users[0] >= 0 and users[-1] < record.n_users
    if not known or len(users) != model.n_users or len(model.item_vectors) != record.n_items:
        raise ArtifactError(fault)
    if categories.ndim != 2 or categories.dtype != np.uint64 or len(categories) != record.n_items:
        raise ArtifactError(fault)
    users.setflags(write=False)
    return World(
        name=record.name,
        split=split,
        n_users=record.n_users,
        n_items=record.n_items,
        users=users,
        interactions=part.interactions,
        model=model,
        categories=categories,
        beta=part.beta,
        settings=record.settings,
        accuracy=part.accuracy,
    )


def _fault(path: Path) -> str:
    return f"{path} is missing or damaged; build it with `billp simulator build {path.parent.name}`."


def list_simulators(data_dir: Path) -> list[str]:
    """Returns the names of the simulators that are built, sorted."""
    return sorted(filter(is_text, (path.parent.name for path in (data_dir / "simulators").glob(f"[!.]*/{RECORD}"))))


def remove_simulator(data_dir: Path, name: str) -> Path:
    """Removes the simulator `name` and returns its former path; raises ArtifactError if there is none or it stays."""
    if name not in list_simulators(data_dir):
        raise ArtifactError(there_is_no("simulator", name, list_simulators(data_dir)))
    return _removed(simulator_folder(data_dir, name))


def remove_dataset(data_dir: Path, name: str) -> list[Path]:
    """Removes the dataset `name` and its simulators; returns their former paths. Raises DataError if there is none."""
    if name not in list_datasets(data_dir):
        raise no_dataset(data_dir, name)
    gone = [remove_simulator(data_dir, each) for each in list_simulators(data_dir) if base_name(each) == name]
    return [*gone, _removed(dataset_folder(data_dir, name))]


def _removed(folder: Path) -> Path:
    """Removes `folder`; a kill leaves no half of it in its place."""
    try:
        if folder.is_symlink():
            raise OSError("it is a link")
        gone = out_of_sight(folder)
        folder.rename(gone)
        shutil.rmtree(gone)
    except OSError as error:  # a read-only disk, or a link in its place
        raise ArtifactError(f"{folder} cannot be removed ({error.strerror or error}); remove it by hand.") from error
    return folder
