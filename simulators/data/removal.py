"""Datasets and simulators out of the data folder again."""

from __future__ import annotations

import shutil
from pathlib import Path

from billp.errors import ArtifactError
from billp.names import there_is_no
from billp.simulators.data.registry import base_name, dataset_folder, list_datasets, no_dataset
from billp.simulators.env.artifacts import RECORD, simulator_folder


def list_simulators(data_dir: Path) -> list[str]:
    """Names of the simulators that are built, sorted."""
    return sorted(
        path.parent.name for path in (data_dir / "simulators").glob(f"*/{RECORD}") if path.parent.name[0] != "."
    )


def remove_simulator(data_dir: Path, name: str) -> Path:
    """Removes the simulator `name` and returns where it was; raises ArtifactError where there is none."""
    if name not in list_simulators(data_dir):
        raise ArtifactError(there_is_no("simulator", name, list_simulators(data_dir)))
    folder = simulator_folder(data_dir, name)
    shutil.rmtree(folder)
    return folder


def remove_dataset(data_dir: Path, name: str) -> list[Path]:
    """Removes the dataset `name` and its simulators; returns where they were. Raises DataError where there is none."""
    if name not in list_datasets(data_dir):
        raise no_dataset(data_dir, name)
    gone = [remove_simulator(data_dir, each) for each in list_simulators(data_dir) if base_name(each) == name]
    folder = dataset_folder(data_dir, name)
    shutil.rmtree(folder)
    return [*gone, folder]
