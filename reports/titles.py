"""Titles of the items that episodes only number: histories and shortlists."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from billp.catalogue import Catalogue
from billp.errors import DataError
from billp.reports.folders import Data, RunData
from billp.simulators import load_dataset


def catalogues(data_dir: Path, runs: Sequence[RunData]) -> dict[str, Catalogue]:
    """The catalogue of each dataset of `runs` that is registered and is the one they were made with, by fingerprint."""
    found: dict[str, Catalogue] = {}
    for data in {run.config.dataset for run in runs}:
        catalogue = catalogue_of(data_dir, data)
        if catalogue is not None:
            found[data.fingerprint] = catalogue
    return found


def catalogue_of(data_dir: Path, data: Data) -> Catalogue | None:
    """The catalogue of `data`; None where it is not registered, or is no longer what it was: items go by number."""
    try:
        dataset = load_dataset(data_dir, data.name)
    except DataError:
        return None
    return dataset.catalogue if dataset.fingerprint == data.fingerprint else None
