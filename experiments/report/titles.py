"""Titles of the items that episodes only number: histories and shortlists."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from catalogue import Catalogue
from errors import DataError
from experiments.report.folders import RunData
from simulators import load_dataset


def catalogues(data_dir: Path, runs: Sequence[RunData]) -> dict[str, Catalogue]:
    """The catalogue of each dataset of `runs` that is registered and is the one they were made with, by fingerprint."""
    found: dict[str, Catalogue] = {}
    for data in {run.config.dataset for run in runs}:
        try:
            dataset = load_dataset(data_dir, data.name)
        except DataError:
            continue  # a report can be read without: items are then shown by number
        if dataset.fingerprint == data.fingerprint:
            found[data.fingerprint] = dataset.catalogue
    return found
