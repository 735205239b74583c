"""`billp ui`: the local page alone, as a process of its own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.integration.dev_server import environment

pytestmark = [pytest.mark.integration, pytest.mark.enable_socket]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    command = [sys.executable, "-m", "billp", "ui", "--port", "0", "--no-browser"]
    home = tmp_path_factory.mktemp("ui")
    with subprocess.Popen(  # noqa: S603
        command, cwd=home, stdout=subprocess.PIPE, text=True, env=environment(home, "http://127.0.0.1:9/v1")
    ) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.send_signal(signal.SIGINT)
            assert process.wait(60) == 0


def test_it_prints_its_address_and_serves_the_page(served: str):
    page = httpx.get(served, timeout=60)
    assert page.status_code == 200
    assert "billp" in page.text
    runs = httpx.get(f"{served}api/runs", timeout=60)
    assert runs.json()["of"] == 0


def test_a_foreign_name_is_refused(served: str):
    assert httpx.get(served, headers={"Host": "evil.example"}, timeout=60).status_code in (400, 403, 421)


def test_a_port_in_use_is_said(own_folders: Path):
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        held.listen()
        said = subprocess.run(  # noqa: S603 -- our own command
            [sys.executable, "-m", "billp", "ui", "--no-browser", "--port", str(held.getsockname()[1])],
            capture_output=True, text=True, check=False, env=dict(os.environ),
        )  # fmt: skip
    assert said.returncode == 2
    assert "cannot be used" in said.stderr
    assert "Traceback" not in said.stderr
