"""A planted API key is looked for in everything that commands say and leave behind, whatever the server answers."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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


# A process that runs commands one after another, logging: each would load the same libraries for seconds.
COMMANDS = """
import os, sys
from billp import cli
ended = os.fdopen(os.dup(1), "w", buffering=1)
os.dup2(2, 1)
for command in sys.stdin:
    try:
        cli.main(["--verbose", *command.split()])
    except SystemExit as done:
        sys.stdout.flush()
        print(done.code, file=ended)
"""


@contextmanager
def commanded(home: Path, base_url: str) -> Iterator[Callable[[str], tuple[int, str]]]:
    """Runs a command in a process of its own; gives its exit code and everything that was said so far."""
    environment = {name: os.environ[name] for name in ("PATH", "HOME", "BILLP_DATA_DIR", "BILLP_RUNS_DIR")} | {
        "PYTHONPATH": str(ROOT),
        "BILLP_LLM_BASE_URL": base_url,
        "BILLP_LLM_API_KEY": PLANTED,
        "BILLP_LLM_RETRIES": "0",
    }
    words = home / "words"
    with words.open("w") as stream, subprocess.Popen(  # noqa: S603 -- our own words
        [sys.executable, "-c", COMMANDS], cwd=home, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=stream, text=True,
    ) as process:  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None

        def run(command: str) -> tuple[int, str]:
            print(command, file=process.stdin, flush=True)
            code = process.stdout.readline()  # type: ignore[union-attr] # a pipe
            assert code, words.read_text()
            return int(code), words.read_text()

        yield run


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
    with serving(script) as base_url, commanded(own_folders, base_url) as run:
        for number, command in enumerate(commands):
            if script.statuses:
                script.statuses[:0] = [200] * CHECKS  # whether the server is sound is asked before the run begins
            ended, words = run(command if command.startswith("episode") else f"{command} --run {number}")
            assert ended == code, words
            assert PLANTED not in words
        if left:  # there are runs to report
            ended, words = run("report 0 1")
            assert ended == 0, words
            assert PLANTED not in words
    assert set(script.keys) == {f"Bearer {PLANTED}"}, "it was sent"
    written = [path for path in own_folders.rglob("*") if path.is_file()]
    assert left <= {path.name for path in written}
    assert [path for path in written if PLANTED.encode() in path.read_bytes()] == []
