"""Commands that are killed: a nursery of processes, and moments drawn by a seed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Any

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Moment:
    """When a process is killed: at its n-th change of a file, or after some seconds."""

    change: int | None = None
    seconds: float | None = None


@dataclass(frozen=True)
class Ended:
    """How a command ended: its exit code, below zero for a signal; what it said; how long it took and changed files."""

    code: int
    said: str
    seconds: float
    changes: int

    @property
    def killed(self) -> bool:
        return self.code == -signal.SIGKILL


@dataclass
class Living:
    """A command that runs."""

    process: int
    begun: float
    number: int


@dataclass
class Nursery:
    """Starts `billp` commands in a home of their own: data, runs and working folder."""

    home: Path
    _process: subprocess.Popen[str]
    environment: dict[str, str] = field(default_factory=dict)
    _count: int = 0

    @property
    def root(self) -> Path:
        """The root folder as the nursery sees it."""
        return Path(f"/proc/{self._process.pid}/root")

    def at(self, home: Path) -> Nursery:
        """The same nursery with another home, which is made."""
        home.mkdir(parents=True, exist_ok=True)
        return replace(self, home=home, environment=dict(self.environment))

    def start(
        self, *arguments: object, stdin: str | None = None, last_change: int | None = None, clock_back_s: float = 0
    ) -> Living:
        """Starts a command; `home` is its working folder."""
        self._count += 1
        for kind in ("log", "changes"):  # a kill may come before the process makes them
            (self.home / f"{kind}-{self._count}").touch()
        given = None
        if stdin is not None:
            given = self.home / f"stdin-{self._count}"
            given.write_text(stdin)
        folders = {"BILLP_DATA_DIR": str(self.home / "data"), "BILLP_RUNS_DIR": str(self.home / "runs")}
        answer = self._order(
            do="start", arguments=[str(argument) for argument in arguments], folder=str(self.home),
            environment={**folders, **self.environment}, log=str(self.home / f"log-{self._count}"),
            changes=str(self.home / f"changes-{self._count}"), stdin=None if given is None else str(given),
            last_change=last_change, clock_back_s=clock_back_s,
        )  # fmt: skip
        return Living(answer["process"], time.monotonic(), self._count)

    def wait(self, living: Living) -> Ended:
        """Waits until the command ends."""
        code = self._order(do="wait", process=living.process)["code"]
        seconds = time.monotonic() - living.begun
        changes = (self.home / f"changes-{living.number}").read_text() or "0"
        said = (self.home / f"log-{living.number}").read_text(errors="replace")
        return Ended(code, said, seconds, int(changes))

    def run(self, *arguments: object, stdin: str | None = None, clock_back_s: float = 0) -> Ended:
        """Runs a command to its end, which must be a good one."""
        ended = self.wait(self.start(*arguments, stdin=stdin, clock_back_s=clock_back_s))
        assert ended.code == 0, (arguments, ended)
        return ended

    def kill(self, moment: Moment, *arguments: object, stdin: str | None = None, clock_back_s: float = 0) -> Ended:
        """Runs a command and kills it at `moment`; one that ends before it ends well, or says why in a sentence."""
        living = self.start(*arguments, stdin=stdin, last_change=moment.change, clock_back_s=clock_back_s)
        if moment.seconds is not None:
            time.sleep(moment.seconds)
            os.kill(living.process, signal.SIGKILL)  # at worst a zombie's: nobody waited for it yet
        ended = self.wait(living)
        assert ended.killed or ended.code == 0, (arguments, ended)
        return ended

    def _order(self, **order: Any) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, "the nursery ended"
        found: dict[str, Any] = json.loads(answer)
        return found


@contextmanager
def nursery(home: Path, within: Sequence[str] = ()) -> Iterator[Nursery]:
    """A nursery, at first with `home`; `within` is a command that runs the one given after it."""
    environment = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    environment |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    environment |= {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    with subprocess.Popen(  # noqa: S603 -- our own words
        [*within, sys.executable, "-m", "tests.crash.nursery"], cwd=ROOT, env=environment, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.readline(), "the nursery did not start"
        yield Nursery(home, process)
        assert process.stdin is not None
        process.stdin.close()
        process.wait()


def moments(random: Random, unbroken: Ended) -> Iterator[Moment]:
    """Moments within the life of a command like `unbroken`: half by what it changes, half by the clock."""
    while True:
        if unbroken.changes and random.random() < 0.5:
            yield Moment(change=random.randint(1, unbroken.changes))
        else:
            yield Moment(seconds=random.uniform(0, unbroken.seconds))


def leftovers(folder: Path) -> list[str]:
    """Files and folders of work that was not finished, below `folder`."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob(".*") if path.name != ".lock")


def contents(folder: Path, but: Sequence[str] = ()) -> Mapping[str, bytes]:
    """Every file below `folder`, but those of these names."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path.name not in but)
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}
