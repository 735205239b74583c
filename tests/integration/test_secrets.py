"""A planted API key is looked for in everything that commands say and leave behind, whatever the server answers."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.tiny import put_tiny
from tests.fakes.server import Script, serving

pytestmark = [pytest.mark.integration, pytest.mark.enable_socket]
ROOT = Path(__file__).parents[2]
PLANTED = "sk-planted-0123456789"
TRAIN = "train --dataset tiny --episodes 2 --tape record"
EVALUATE = "evaluate --dataset tiny --users 2 --json --tape record --set critic.always=true"
EPISODE = "episode --dataset tiny --user u0 --tape record --tape-file episode.sqlite"
UNTRAINED = tuple(f"{command} --untrained" for command in (EVALUATE, EPISODE))
CRITIC = "critic --dataset tiny --users 1 --values logprobs"
REFUSED = [401] * 500
CHECKS = 4  # calls that tell what the server can do
RECORDED = {"episodes.jsonl", "tape.sqlite", "report.html"}


def said(home: Path, base_url: str, command: str) -> tuple[int, str]:
    """Exit code and everything that the command says in a process of its own, logging."""
    environment = {name: os.environ[name] for name in ("PATH", "HOME", "BILLP_DATA_DIR", "BILLP_RUNS_DIR")} | {
        "PYTHONPATH": str(ROOT),
        "BILLP_LLM_BASE_URL": base_url,
        "BILLP_LLM_API_KEY": PLANTED,
        "BILLP_LLM_RETRIES": "0",
    }
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-m", "billp.cli", "--verbose", *command.split()],
        cwd=home, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("script", "commands", "code", "left"),
    [
        (Script(echo=True), (TRAIN, EVALUATE, EPISODE, CRITIC), 0, {*RECORDED, "episode.sqlite"}),
        (Script(echo=True, statuses=REFUSED), (TRAIN, *UNTRAINED), 1, RECORDED),
        (Script(echo=True, foreign=True), UNTRAINED, 1, set[str]()),  # refused before the run begins
    ],
    ids=["echoed in replies", "echoed in refusals", "echoed in a page"],
)
def test_an_api_key_is_said_and_stored_nowhere(  # noqa: PLR0917
    own_folders: Path, tmp_path: Path, script: Script, commands: tuple[str, ...], code: int, left: set[str]
):
    put_tiny(Path(os.environ["BILLP_DATA_DIR"]), tmp_path / "source")
    with serving(script) as base_url:
        for number, command in enumerate(commands):
            if script.statuses:
                script.statuses[:0] = [200] * CHECKS  # whether the server is sound is asked before the run begins
            run = "" if command.startswith("episode") else f" --run {number}"
            ended, words = said(own_folders, base_url, command + run)
            assert ended == code, words
            assert PLANTED not in words
    if left:  # there are runs to report
        ended, words = said(own_folders, base_url, "report 0 1")
        assert ended == 0, words
        assert PLANTED not in words
    assert set(script.keys) == {f"Bearer {PLANTED}"}, "it was sent"
    written = [path for path in own_folders.rglob("*") if path.is_file()]
    assert left <= {path.name for path in written}
    assert [path for path in written if PLANTED.encode() in path.read_bytes()] == []
