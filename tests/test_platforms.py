"""What the program does where Windows lacks what Unix has, tried in a Python that lacks it, too."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from billp import platforms

ROOT = Path(__file__).parents[1]
BEGIN = "from tests.fakes.windows import become_windows, hide\n"


def python(code: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603
        [sys.executable, "-c", BEGIN + code, *map(str, arguments)], capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip


def test_every_module_loads_and_runs_are_made_resumed_renamed_and_removed_without_what_windows_lacks(tiny: Path):
    code = """
import sys
assert len(become_windows()) > 200
from billp import cli
from tests.fakes.embedder import hash_everywhere
hash_everywhere()

def billp(*arguments):
    try:
        cli.main(arguments)
    except SystemExit as ended:
        assert not ended.code, arguments

few = ("--dataset", "tiny", "--set", "run.horizon=3")
learned = ("--method", "billp-memory-only-no-logs")
billp("train", *learned, *few, "--episodes", "12", "--run", "t")
billp("train", *learned, *few, "--episodes", "12", "--run", "t", "--resume")
billp("evaluate", *learned, *few, "--users", "3", "--run", "e")
billp("episode", "--method", "random", *few, "--user", "u0")
billp("memory", "list")
billp("report", "e", "--out", "e.html")
billp("runs", "rename", "e", "f")
billp("runs", "rm", "f", "--yes")
"""
    done = python(code)
    assert done.returncode == 0, done.stderr
    assert "Run" in done.stdout


HOLDING = "hide()\nimport sys\nfrom billp import platforms\nfile = open(sys.argv[1], 'r+b', buffering=0)\n"


def test_a_lock_of_windows_keeps_others_out_and_leaves_the_file_readable(tmp_path: Path):
    path = tmp_path / "lock"
    path.write_bytes(b"42\n")
    code = "platforms.lock(file, wait=False)\nassert file.read() == b'42\\n'\nprint('held', flush=True)\ninput()\n"
    holder = subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", BEGIN + HOLDING + code, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        text=True, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        refused = python(HOLDING + "platforms.lock(file, wait=False)", path)
        assert refused.stderr.splitlines()[-1].startswith("BlockingIOError")
        waiting = subprocess.Popen(  # noqa: S603
            [sys.executable, "-c", BEGIN + HOLDING + "platforms.lock(file, wait=True)", str(path)],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        time.sleep(0.5)
        assert waiting.poll() is None
        holder.communicate("\n")
        assert waiting.wait(30) == 0


def test_a_signal_reaches_the_loop_where_it_takes_no_handlers(monkeypatch: pytest.MonkeyPatch):
    def refuses(*_: object) -> None:
        raise NotImplementedError

    async def work() -> list[int]:
        loop, come = asyncio.get_running_loop(), list[int]()
        monkeypatch.setattr(loop, "add_signal_handler", refuses)
        with platforms.signals_to(come.append, [signal.SIGTERM]):
            os.kill(os.getpid(), signal.SIGTERM)
            await asyncio.sleep(0.1)
        return come

    before = signal.getsignal(signal.SIGTERM)
    with asyncio.Runner() as runner:
        assert runner.run(work()) == [signal.SIGTERM]
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.parametrize("kill", [False, True])
def test_a_process_ends_where_there_are_no_process_groups(monkeypatch: pytest.MonkeyPatch, kill: bool):
    monkeypatch.delattr(os, "killpg")
    assert platforms.runs(os.getpid()) is None
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    platforms.end(child, kill=kill)
    assert child.wait(30) == -(signal.SIGKILL if kill else signal.SIGTERM)


@pytest.mark.skipif(sys.platform == "win32", reason="a shell of Unix closes the streams")
def test_a_command_without_standard_streams_works_and_prints_into_none_of_its_files(tmp_path: Path):
    code = """
import sys
from billp import cli
try:
    cli.main(["runs", "list"])
except SystemExit as ended:
    with open(sys.argv[1], "w") as file:
        file.write(f"{ended.code} {file.fileno() > 2}")
        print("lost", flush=True)
        sys.stderr.write("lost")
"""
    file = tmp_path / "told"
    shell = ["sh", "-c", 'exec "$0" -c "$1" "$2" <&- >&- 2>&-', sys.executable, code, str(file)]
    subprocess.run(shell, check=True, cwd=ROOT)  # noqa: S603
    assert file.read_text() == "0 True"
