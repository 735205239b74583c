"""Every test runs without the user's settings and away from the user's folders; the tiny dataset for those that ask."""

from __future__ import annotations

import os
import shutil
import signal
from contextlib import suppress
from pathlib import Path

if "PYTEST_XDIST_WORKER" in os.environ:  # workers share the cores; OpenMP reads this when NumPy and torch are loaded
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import hypothesis
import pytest

from tests.cli.tiny import put_tiny

with suppress(ImportError):  # not on Windows
    import uvloop  # noqa: F401 -- keeps the socket class it is loaded with, so before a test blocks sockets

# A background job, or one under nohup, ignores these, and so would every command that a test starts and stops.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if os.name == "posix" and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

# How long an example takes says something of the machine beside us and nothing of the code.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")


@pytest.fixture(autouse=True)
def own_folders(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder and a data folder of the test's own; no BILLP_ variable of the machine's."""
    for name in [name for name in os.environ if name.startswith("BILLP_")]:
        monkeypatch.delenv(name)
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("BILLP_DATA_DIR", str(home / "data"))
    monkeypatch.setenv("BILLP_RUNS_DIR", str(home / "runs"))
    monkeypatch.chdir(home)
    return home


@pytest.fixture(scope="session")
def tiny_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose `data` holds the tiny dataset and its simulator, made of `source`; copied, never used itself."""
    home = tmp_path_factory.mktemp("tiny")
    put_tiny(home / "data", home / "source")
    return home


@pytest.fixture
def tiny(tiny_home: Path, own_folders: Path) -> Path:
    """The test's own data folder, with the tiny dataset and its simulator."""
    return shutil.copytree(tiny_home / "data", own_folders / "data")
