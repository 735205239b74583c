"""vLLM is killed in the middle of two runs: one waits for it, one gives up and is resumed; no episode is lost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from billp.memory import SentenceEmbedder, open_memory
from billp.settings import load_settings
from tests.cli.tiny import put_tiny
from tests.integration_vllm.conftest import INTERPRETER, KEY, NAME, PATIENCE_S, ROOT, Vllm

pytestmark = [
    pytest.mark.integration,
    pytest.mark.vllm,
    pytest.mark.enable_socket,
    pytest.mark.skipif(not INTERPRETER.exists(), reason="vLLM is not installed: make install-vllm"),
]
EPISODES = 8


def train(name: str, patience_s: int, base_url: str, home: Path) -> subprocess.Popen[bytes]:
    environment = {v: os.environ[v] for v in ("PATH", "HOME", "BILLP_DATA_DIR", "BILLP_RUNS_DIR")} | {
        "PYTHONPATH": str(ROOT),
        "BILLP_LLM_BASE_URL": base_url,
        "BILLP_LLM_MODEL": NAME,
        "BILLP_LLM_API_KEY": KEY,
        "BILLP_LLM_TIMEOUT_S": "180",
        "BILLP_LLM_PATIENCE_S": str(patience_s),
        "BILLP_RUN_BATCH": "4",
        "BILLP_RUN_HORIZON": "1",
    }
    command = f"train --method reflexion --dataset tiny --episodes {EPISODES} --run {name} --memory {name} --resume"
    with (home / f"{name}.log").open("ab") as stream:
        return subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", "billp.cli", *command.split(), "--side-by-side", "3"],
            cwd=home, env=environment, stdout=stream, stderr=stream,
        )  # fmt: skip


def episodes(name: str) -> list[dict[str, Any]]:
    path = Path(os.environ["BILLP_RUNS_DIR"]) / name / "episodes.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def remembered(name: str) -> list[tuple[str, str]]:
    """Episode and words of every reflection in the memory of a run that has ended; nothing else may be there."""
    with open_memory(load_settings(), "tiny", name, SentenceEmbedder()) as agent_memory:
        counts = agent_memory.stats().counts
        assert counts == {"reflections": EPISODES, "actor": 0, "critic": 0, "uses": EPISODES}
        records = agent_memory.records("reflections", limit=counts["reflections"])
    return sorted((record.origin.episode, record.text) for record in records)


def test_a_run_outlives_its_server(vllm: Vllm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    # A memory folder belongs to one process at a time: each run has a data folder of its own.
    runs = {}
    for name, patience_s in (("waits", PATIENCE_S), ("gives-up", 2)):
        monkeypatch.setenv("BILLP_DATA_DIR", str(tmp_path / name))
        put_tiny(tmp_path / name, tmp_path / f"source-{name}")
        runs[name] = train(name, patience_s, vllm.base_url, tmp_path)
    give_up = time.monotonic() + PATIENCE_S
    while not all(episodes(name) for name in runs):
        assert time.monotonic() < give_up
        assert all(run.poll() is None for run in runs.values()), [p.read_text() for p in tmp_path.glob("*.log")]
        time.sleep(0.05)

    vllm.kill_the_server()
    assert "vLLM died with signal 9" in vllm.words()
    assert KEY not in vllm.words()
    assert runs["gives-up"].wait(60) == 1
    said = (tmp_path / "gives-up.log").read_text()
    assert "is away and did not come back within 2 s" in said
    assert "--resume" in said
    left = episodes("gives-up")
    assert 0 < len(left) < EPISODES
    assert {episode["status"] for episode in left} == {"finished"}
    assert runs["waits"].poll() is None, "it waits"
    vllm.start()

    monkeypatch.setenv("BILLP_DATA_DIR", str(tmp_path / "gives-up"))
    runs["gives-up"] = train("gives-up", 60, vllm.base_url, tmp_path)
    for name, run in runs.items():
        assert run.wait(PATIENCE_S) == 0, (tmp_path / f"{name}.log").read_text()
        done = episodes(name)
        assert len({episode["id"] for episode in done}) == len(done) == EPISODES
        assert {episode["status"] for episode in done} == {"finished"}
        monkeypatch.setenv("BILLP_DATA_DIR", str(tmp_path / name))
        assert remembered(name) == sorted((episode["id"], episode["output"]["reflection"]) for episode in done)
    assert episodes("gives-up")[: len(left)] == left, "what was done before stays"
