"""A run on real Ray workers: one is killed, then the run is interrupted and goes on; it is the run of one process."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from billp.memory import KINDS, SentenceEmbedder, open_memory
from billp.settings import load_settings
from tests.fakes.server import Script, serving

pytestmark = [
    pytest.mark.integration,
    pytest.mark.enable_socket,
    pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is not installed (extra scale)"),
]
ROOT = Path(__file__).parents[2]
PLANTED = "sk-planted-0123456789"
PATIENCE_S = 240
TRAIN = "train --dataset tiny --method billp --episodes 20 --set run.batch=4 --memory taught --run run"
ON_RAY = "--engine ray --set run.workers=2"


@pytest.fixture
def ray_folder() -> Iterator[Path]:
    """Where Ray keeps its logs; short, for its sockets lie in it."""
    folder = Path(tempfile.mkdtemp(prefix="ray-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


class Home:
    """A data folder and a runs folder, and commands that use them."""

    def __init__(self, data: Path, runs: Path, base_url: str, ray_folder: Path) -> None:
        self.data, self.runs = data, runs
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "TINY_WORLDS") if name in os.environ}
        self.environment = kept | {
            "PYTHONPATH": str(ROOT),
            "BILLP_DATA_DIR": str(data),
            "BILLP_RUNS_DIR": str(runs),
            "BILLP_LLM_BASE_URL": base_url,
            "BILLP_LLM_API_KEY": PLANTED,
            "RAY_TMPDIR": str(ray_folder),
            "OMP_NUM_THREADS": "1",
        }

    def start(self, command: str) -> subprocess.Popen[str]:
        return subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", "billp.cli", "--verbose", *command.split()],
            env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip

    def processes(self) -> dict[int, str]:
        """What runs with these folders, by process id: its command line."""
        found = {}
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                mine = f"BILLP_RUNS_DIR={self.runs}\0".encode() in (folder / "environ").read_bytes()
                words = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue
            if mine:
                found[int(folder.name)] = words
        return found

    def lines(self) -> dict[str, dict[str, Any]]:
        """What the run recorded, but for the times."""
        file = self.runs / "run" / "episodes.jsonl"
        found: dict[str, dict[str, Any]] = {}
        for line in file.read_text().splitlines() if file.exists() else ():
            told = json.loads(line)
            assert told["id"] not in found, "an episode was recorded twice"
            found[told["id"]] = told | {"started": 0, "ended": 0}
            told["output"]["usage"]["seconds"] = 0
        return found | {id_: line | {"started": 0, "ended": 0} for id_, line in found.items()}

    def memory(self) -> dict[str, object]:
        settings = load_settings({"data_dir": str(self.data)})
        with open_memory(settings, "tiny", "taught", SentenceEmbedder()) as agent_memory:
            return {record.id: record for kind in KINDS for record in agent_memory.records(kind, 10_000)}


def wait_until(true: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < end, f"{what} took too long"
        time.sleep(0.05)


def test_killed_interrupted_and_resumed_it_is_the_run_of_one_process(tiny: Path, tmp_path: Path, ray_folder: Path):
    scripts = Script(delay_s=0.03), Script(delay_s=0.03)
    shutil.copytree(tiny, tmp_path / "a")
    shutil.copytree(tiny, tmp_path / "b")
    with serving(scripts[0]) as first, serving(scripts[1]) as second:
        alone = Home(tmp_path / "a", tmp_path / "ra", f"{first},{second}", ray_folder)
        one = alone.start(TRAIN)
        words, _ = one.communicate(timeout=PATIENCE_S)
        assert one.returncode == 0, words

        spread = Home(tmp_path / "b", tmp_path / "rb", f"{first},{second}", ray_folder)
        driver = spread.start(f"{TRAIN} {ON_RAY}")
        wait_until(lambda: len(spread.lines()) >= 1 or driver.poll() is not None, "the first episode")
        assert driver.poll() is None, driver.communicate()[0]
        running = spread.processes()
        assert not [line for line in running.values() if PLANTED in line]
        workers = [process for process, line in running.items() if "RayWorker" in line]
        assert len(workers) == 2
        os.kill(workers[0], signal.SIGKILL)
        wait_until(lambda: len(spread.lines()) >= 5 or driver.poll() is not None, "the second batch")
        assert driver.poll() is None, driver.communicate()[0]
        for script in scripts:
            script.delay_s = 2.0  # the run cannot end before the interrupt comes, however busy the machine is
        driver.send_signal(signal.SIGINT)
        words, _ = driver.communicate(timeout=PATIENCE_S)
        assert driver.returncode == 130, words
        assert "was lost" in words
        wait_until(lambda: not spread.processes(), "the end of the workers")
        assert len(spread.lines()) < 20, "it was interrupted before its end"

        for script in scripts:
            script.delay_s = 0.03
        again = spread.start(f"{TRAIN} {ON_RAY} --resume")
        more, _ = again.communicate(timeout=PATIENCE_S)
        assert again.returncode == 0, more
    assert spread.lines() == alone.lines()
    assert spread.memory() == alone.memory()
    assert PLANTED not in words + more
    logs = [path for path in ray_folder.rglob("*") if path.is_file()]
    assert logs
    assert not [path for path in logs if PLANTED.encode() in path.read_bytes()]
    asked = [{beginning(body) for body in script.bodies if "The user liked before" in told(body)} for script in scripts]
    assert all(asked)
    assert not asked[0] & asked[1], "calls of one user go to one server"


def told(body: dict[str, Any]) -> str:
    return str(body["messages"][-1]["content"])


def beginning(body: dict[str, Any]) -> str:
    """Which role asks of which user."""
    return told(body).partition("Recommended")[0]
