"""`billp serve` around a stand-in for vLLM: starts, waits, watches, and leaves no process behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.fakes.processes import left_running, running

pytestmark = [pytest.mark.integration, pytest.mark.enable_socket]
ROOT = Path(__file__).parents[2]
KEY = "sk-planted-0123456789"
PATIENCE_S = 60


@dataclass
class Served:
    """A started `billp serve`."""

    process: subprocess.Popen[str]
    pids: Path
    log: Path

    def base_url(self) -> str:
        """The line on stdout; empty when the program ended without one."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def end(self, number: int | None = None) -> tuple[int, str]:
        """Exit code and words on stderr, after a signal if one is named."""
        if number is not None:
            self.process.send_signal(number)
        _, err = self.process.communicate(timeout=PATIENCE_S)
        return self.process.returncode, err

    def processes(self) -> list[int]:
        """The server's process and its child's."""
        return [int(pid) for pid in self.pids.read_text().split()]


@pytest.fixture
def interpreter(tmp_path: Path) -> Path:
    """What BILLP_VLLM_PYTHON names."""
    path = tmp_path / "python"
    path.write_text(f'#!/bin/sh\nexec {sys.executable} {ROOT / "tests" / "fakes" / "vllm.py"} "$@"\n')
    path.chmod(0o755)
    return path


@pytest.fixture
def serve(interpreter: Path, tmp_path: Path) -> Iterator[object]:
    started: list[Served] = []

    def start(mode: str = "", *arguments: str, under: Sequence[str] = ()) -> Served:
        environment = {name: os.environ[name] for name in ("PATH", "HOME", "BILLP_DATA_DIR") if name in os.environ} | {
            "PYTHONPATH": str(ROOT),
            "BILLP_VLLM_PYTHON": str(interpreter),
            "BILLP_LLM_API_KEY": KEY,
            "FAKE_VLLM": mode,
            "FAKE_VLLM_PIDS": str(tmp_path / "pids"),
        }
        process = subprocess.Popen(  # noqa: S603
            [*under, sys.executable, "-m", "billp.cli", "serve", "--port", "0", *arguments],
            cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        started.append(Served(process, tmp_path / "pids", Path(os.environ["BILLP_DATA_DIR"]) / "logs"))
        return started[-1]

    yield start
    for served in started:
        if served.process.poll() is None:
            served.process.kill()
        served.process.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_it_says_where_the_server_is_and_stops_it(serve, number: int):
    served = serve("", "--set", "vllm.name=mine")
    url = served.base_url()
    assert url.startswith("http://127.0.0.1:")
    assert url.endswith("/v1")
    assert len(running(served.processes())) == 2
    code, said = served.end(number)
    assert code == 0
    assert f"BILLP_LLM_BASE_URL={url} BILLP_LLM_MODEL=mine" in said
    assert left_running(served.processes()) == []
    assert KEY not in said + url


def test_under_nohup_it_outlives_its_terminal(serve):
    served = serve(under=("nohup",))
    assert served.base_url()
    served.process.send_signal(signal.SIGHUP)
    with pytest.raises(subprocess.TimeoutExpired):
        served.process.wait(2)
    assert len(running(served.processes())) == 2
    assert served.end(signal.SIGTERM)[0] == 0


def test_a_server_that_does_not_start_is_an_error_with_its_last_line(serve):
    served = serve("die")
    assert served.base_url() == ""
    code, said = served.end()
    assert code == 1
    (line,) = [line for line in said.splitlines() if line.startswith("billp: ")]
    assert "vLLM died with exit code 1 (ValueError: no such model, and the key is [api key])" in line
    assert KEY not in said


def test_a_server_that_dies_later_is_noticed(serve):
    served = serve("crash")
    assert served.base_url()
    code, said = served.end()
    assert code == 1
    assert "vLLM died with exit code 3 (RuntimeError: the engine died)" in said
    assert left_running(served.processes()) == [], "nor is its child left"


def test_a_server_that_never_answers_is_given_up(serve):
    served = serve("deaf", "--set", "vllm.start_s=2")
    code, said = served.end()
    assert code == 1
    assert "vLLM did not answer within 2 s" in said
    assert left_running(served.processes()) == []


def test_it_can_be_stopped_while_it_waits(serve):
    served = serve("deaf")
    give_up = time.monotonic() + PATIENCE_S
    while not served.pids.exists():
        assert time.monotonic() < give_up
        time.sleep(0.05)
    served.process.send_signal(signal.SIGINT)
    assert served.base_url() == ""
    assert served.end()[0] == 0
    assert left_running(served.processes()) == []


def test_a_server_that_will_not_end_is_ended(serve):
    served = serve("stubborn")
    assert served.base_url()
    assert served.end(signal.SIGTERM)[0] == 0
    assert left_running(served.processes()) == []


def test_its_log_is_for_its_owner_alone(serve):
    served = serve()
    served.base_url()
    (log,) = served.log.iterdir()
    assert log.stat().st_mode & 0o077 == 0
    served.end(signal.SIGTERM)


def test_a_dry_run_prints_the_command_and_starts_nothing(serve):
    served = serve("", "--dry-run", "--device", "cpu", "--model", "org/model", "--no-prefix-caching")
    out = served.base_url()
    assert served.end() == (0, "")
    assert "-m vllm.entrypoints.openai.api_server --model=org/model " in out
    assert "--no-enable-prefix-caching" in out
    assert "VLLM_TARGET_DEVICE=cpu" in out
    assert 'VLLM_API_KEY="${BILLP_LLM_API_KEY:?}"' in out
    assert KEY not in out
    assert not served.pids.exists()


def test_a_dry_run_needs_neither_vllm_nor_a_free_port(serve, interpreter: Path):
    interpreter.unlink()
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        served = serve("", "--dry-run", "--port", str(port))
        assert f"--port={port}" in served.base_url()
        assert served.end() == (0, "")
