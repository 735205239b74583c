"""Runs as child processes: what they print, how they are stopped, and that none outlives the server."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from billp.errors import ArtifactError
from billp.pages.answers import Launch
from billp.pages.launches import Launches

# Says its arguments, then waits to be interrupted; what it does then is the first argument.
PROGRAM = """
import signal, sys, time
print(" ".join(sys.argv[1:]), flush=True)
if sys.argv[1] == "end":
    raise SystemExit(3)
try:
    print("ready", flush=True)
    time.sleep(600)
except KeyboardInterrupt:
    print("interrupted", flush=True)
    if sys.argv[1] == "deaf":
        time.sleep(600)
    raise SystemExit(130)
"""


@pytest.fixture
def launches(tmp_path: Path) -> Iterator[Launches]:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    made = Launches((sys.executable, str(program)))
    yield made
    for launch in made.all():  # the deaf ones need two words
        if launch.code is None:
            with suppress(ArtifactError):  # it may end between the two
                for _ in range(2):
                    made.stop(launch.run)
    made.close()


def until(launches: Launches, run: str, holds: Callable[[Launch], bool]) -> Launch:
    for _ in range(600):
        found = launches.of(run)
        assert found is not None
        if holds(found):
            return found
        time.sleep(0.05)
    raise AssertionError(found)


def test_a_run_is_started_with_its_command_and_says_how_it_ended(launches: Launches):
    assert launches.start("one", ["end", "--set", "a=b c"]).command == "billp end --set 'a=b c'"
    found = until(launches, "one", lambda launch: launch.state == "ended" and bool(launch.said))
    assert (found.code, found.said) == (3, ["end --set a=b c"])
    assert launches.of("other") is None


def test_a_run_is_interrupted_and_goes_on_with_resume(launches: Launches):
    launches.start("one", ["wait"])
    until(launches, "one", lambda launch: "ready" in launch.said)
    assert launches.stop("one").state in ("stopping", "ended")
    found = until(launches, "one", lambda launch: launch.state == "ended" and "interrupted" in launch.said)
    assert found.code == 130
    with pytest.raises(ArtifactError, match="has ended"):
        launches.stop("one")
    assert launches.go_on("one").command == "billp wait --resume"


def test_a_run_that_does_not_listen_is_ended_by_the_second_word(launches: Launches):
    launches.start("one", ["deaf"])
    until(launches, "one", lambda launch: "ready" in launch.said)
    launches.stop("one")
    until(launches, "one", lambda launch: "interrupted" in launch.said)
    assert launches.of("one") is not None
    launches.stop("one")
    assert until(launches, "one", lambda launch: launch.state == "ended").code != 0


def test_so_many_run_at_once_and_each_once(launches: Launches):
    for number in range(4):
        launches.start(f"run-{number}", ["wait"])
    with pytest.raises(ArtifactError, match="run-0 is under way"):
        launches.start("run-0", ["wait"])
    with pytest.raises(ArtifactError, match="4 runs are under way"):
        launches.start("more", ["wait"])
    for number in range(4):
        until(launches, f"run-{number}", lambda launch: "ready" in launch.said)


def test_what_was_started_elsewhere_is_not_stopped(launches: Launches):
    with pytest.raises(ArtifactError, match="not started from this page"):
        launches.stop("other")


def test_the_end_of_the_server_is_the_end_of_its_runs(launches: Launches):
    launches.start("one", ["wait"])
    until(launches, "one", lambda launch: "ready" in launch.said)
    launches.close()
    found = launches.of("one")
    assert found is not None
    assert found.state == "ended"


def test_a_program_that_is_not_there_is_said(tmp_path: Path):
    with pytest.raises(ArtifactError, match="cannot be started"):
        Launches((str(tmp_path / "nothing"),)).start("one", [])
