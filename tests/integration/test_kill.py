"""A run that is killed again and again: no episode is lost, doubled or invented, and memory is what it would be."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from billp.memory import SentenceEmbedder, open_bank
from billp.settings import load_settings
from tests.cli.tiny import put_tiny
from tests.fakes.server import Script, serving

pytestmark = [pytest.mark.integration, pytest.mark.enable_socket]
ROOT = Path(__file__).parents[2]
EPISODES, BATCH, PATIENCE_S = 12, 4, 90


def train(run: Path, memory: str, base_url: str, log: Path) -> subprocess.Popen[bytes]:
    """Starts, or goes on with, a training run as a process of its own."""
    environment = {name: os.environ[name] for name in ("PATH", "HOME", "BILLP_DATA_DIR") if name in os.environ} | {
        "PYTHONPATH": str(ROOT),
        "BILLP_RUNS_DIR": str(run.parent),
        "BILLP_LLM_BASE_URL": base_url,
    }
    command = f"train --dataset tiny --episodes {EPISODES} --run {run.name} --memory {memory} --resume --side-by-side 3"
    with log.open("ab") as stream:
        return subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", "billp.cli", *command.split()], cwd=log.parent, stdout=stream, stderr=stream,
            env=environment | {"BILLP_RUN_BATCH": str(BATCH)},
        )  # fmt: skip


def kill_when(process: subprocess.Popen[bytes], ready: Callable[[], bool], log: Path) -> None:
    """Kills the process, without warning, as soon as `ready`."""
    give_up = time.monotonic() + PATIENCE_S
    while not ready():
        assert process.poll() is None, f"the run ended before it could be killed:\n{log.read_text()}"
        assert time.monotonic() < give_up, log.read_text()
        time.sleep(0.001)
    process.kill()
    assert process.wait(PATIENCE_S) == -signal.SIGKILL


def finish(process: subprocess.Popen[bytes], log: Path) -> None:
    assert process.wait(PATIENCE_S) == 0, log.read_text()


def whole_lines(run: Path) -> bytes:
    path = run / "episodes.jsonl"
    content = path.read_bytes() if path.exists() else b""
    return content[: content.rfind(b"\n") + 1]


def played(run: Path) -> dict[str, Any]:
    """What happened in each episode, without times."""
    lines = [json.loads(line) for line in whole_lines(run).splitlines()]
    assert len({line["id"] for line in lines}) == len(lines), "an episode was run twice"
    return {
        line["id"]: (line["user"], line["status"], line["batch"], line["output"]["steps"], line["output"]["reflection"])
        for line in lines
    }


def remembered(memory: str, target: Path) -> list[str]:
    """The lines of the memory's export, without the header, which holds its name."""
    with open_bank(load_settings(), "tiny", memory, SentenceEmbedder()) as bank:
        bank.export(target)
    return sorted(target.read_text(encoding="utf-8").splitlines()[1:])


def test_a_run_killed_at_any_moment_goes_on_as_if_it_had_not_been(tmp_path: Path):
    put_tiny(Path(os.environ["BILLP_DATA_DIR"]), tmp_path / "source")
    log = tmp_path / "log"
    # The same name in two folders: what is remembered names the run it was learned in.
    whole, broken = tmp_path / "whole" / "run", tmp_path / "broken" / "run"
    with serving(Script(delay_s=0.02)) as base_url:
        finish(train(whole, "whole", base_url, log), log)

        moments: list[Callable[[], bool]] = [
            (broken / "config.json").exists,  # nothing played yet
            lambda: whole_lines(broken).count(b"\n") >= 3,  # within a batch
            lambda: whole_lines(broken).count(b"\n") >= BATCH,  # a batch is complete: its lessons are being written
            lambda: whole_lines(broken).count(b"\n") >= 7,
        ]
        before = b""
        for ready in moments:
            kill_when(train(broken, "broken", base_url, log), ready, log)
            after = whole_lines(broken)
            assert after.startswith(before), "what was recorded before a kill changed"
            assert after.count(b"\n") < EPISODES, "the kill came too late to show anything"
            before = after
        finish(train(broken, "broken", base_url, log), log)

    assert whole_lines(broken).startswith(before)
    assert len(played(broken)) == EPISODES
    assert played(broken) == played(whole)
    lessons = remembered("whole", tmp_path / "whole.jsonl")
    assert len(lessons) > EPISODES
    assert remembered("broken", tmp_path / "broken.jsonl") == lessons
    metrics = [json.loads((run / "metrics.json").read_text()) for run in (whole, broken)]
    assert metrics[0]["len"] == metrics[1]["len"]
    assert metrics[0]["r_traj"] == metrics[1]["r_traj"]
