"""A real `langgraph dev`."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

PATIENCE_S = 180
_ROOT = Path(__file__).parents[2]


@contextmanager
def developing(home: Path, llm_url: str, **settings: str) -> Iterator[str]:
    """A running `langgraph dev` with data and runs in `home`, and more settings by their variables; yields its URL.

    It runs without `--allow-blocking`, so that a call that blocks the event loop is an error of its run.
    """
    # It looks for its graphs and keeps its threads in the folder it is started in: a stand-in for the checkout.
    for name in ("langgraph.json", "graphs", "pages"):
        (home / name).symlink_to(_ROOT / name)
    port, log = _free_port(), home / "log"
    tool = str(Path(sys.executable).with_name("langgraph"))
    arguments = f"dev --no-browser --no-reload --host 127.0.0.1 --port {port} --config langgraph.json"
    with log.open("w") as stream:
        process = subprocess.Popen(  # noqa: S603
            [tool, *arguments.split()], cwd=home, env=environment(home, llm_url) | settings, stdout=stream,
            stderr=subprocess.STDOUT,
        )  # fmt: skip
        try:
            url = f"http://127.0.0.1:{port}"
            give_up = time.monotonic() + PATIENCE_S
            while not _answers(url):
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < give_up, log.read_text()
                time.sleep(0.25)
            yield url
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(5)


def environment(home: Path, llm_url: str) -> dict[str, str]:
    """The environment of a process of ours with data and runs in `home`."""
    return {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ} | {
        "PYTHONPATH": str(_ROOT),
        "BILLP_DATA_DIR": str(home / "data"),
        "BILLP_RUNS_DIR": str(home / "runs"),
        "BILLP_LLM_BASE_URL": llm_url,
    }


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/ok", trust_env=False).is_success
    except httpx.HTTPError:
        return False
