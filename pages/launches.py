"""Runs that the page has started: child processes of the server, with what they print."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Literal

from billp.errors import ArtifactError
from billp.pages.answers import Launch

_MOST = 4  # runs at once
_LINES = 100  # of what a run prints that are kept
_FAREWELL_S = 20.0  # for a run to end when the server does


@dataclass
class _Child:
    run: str
    arguments: Sequence[str]
    process: subprocess.Popen[str]
    said: deque[str] = field(default_factory=lambda: deque(maxlen=_LINES))
    stopping: bool = False

    def told(self) -> Launch:
        code = self.process.poll()
        state: Literal["running", "stopping", "ended"] = "stopping" if self.stopping else "running"
        return Launch(
            run=self.run,
            command=command_line(self.arguments),
            state=state if code is None else "ended",
            code=code,
            said=list(self.said),
        )

    def listen(self) -> None:
        assert self.process.stdout is not None  # noqa: S101 -- it is a pipe
        with self.process.stdout as lines:
            self.said.extend(line.rstrip() for line in lines)


class Launches:
    """Starts runs and stops them. May be asked from several threads."""

    def __init__(self, program: Sequence[str] = (sys.executable, "-m", "billp")) -> None:
        """Takes the `program` that runs a command of billp."""
        self._program = tuple(program)
        self._children: dict[str, _Child] = {}
        self._lock = threading.Lock()

    def start(self, run: str, arguments: Sequence[str]) -> Launch:
        """Starts `billp ARGUMENTS`, which makes the run `run`; it goes on when the page is closed, not the server.

        Raises ArtifactError if that run, or too many others, are under way, or if no process can be started.
        """
        with self._lock:
            under_way = [child.run for child in self._children.values() if child.process.poll() is None]
            if run in under_way:
                raise ArtifactError(f"Run {run} is under way; choose another name.")
            if len(under_way) >= _MOST:
                raise ArtifactError(f"{_MOST} runs are under way: {', '.join(under_way)}; wait for one, or stop one.")
            try:
                process = subprocess.Popen(  # noqa: S603 -- our own program, its arguments checked one by one
                    [*self._program, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT, text=True, encoding="utf-8", errors="replace",
                    env={**os.environ, "PYTHONUNBUFFERED": "1"},
                    start_new_session=True,  # Ctrl-C in the server's terminal comes from the server, once
                )  # fmt: skip
            except OSError as error:
                raise ArtifactError(f"The run cannot be started ({error.strerror or error}).") from error
            child = _Child(run, tuple(arguments), process)
            self._children[run] = child
        threading.Thread(target=child.listen, name=f"run {run}", daemon=True).start()
        return child.told()

    def of(self, run: str) -> Launch | None:
        """Returns the run `run` as it was started here; None if it was not."""
        with self._lock:
            child = self._children.get(run)
            return None if child is None else child.told()

    def all(self) -> list[Launch]:
        """Returns every run that was started here, the latest first."""
        with self._lock:
            return [child.told() for child in reversed(self._children.values())]

    def go_on(self, run: str) -> Launch:
        """Starts the run again where it stopped, with what it was started with."""
        arguments = self._child(run).arguments
        return self.start(run, [*arguments, *([] if "--resume" in arguments else ["--resume"])])

    def stop(self, run: str) -> Launch:
        """Interrupts the run, as Ctrl-C does; asked again, it ends it. What is recorded stays.

        Raises ArtifactError if it was not started here, or has ended.
        """
        child = self._child(run)
        if child.process.poll() is not None:
            raise ArtifactError(f"Run {run} has ended.")
        if child.stopping:
            child.process.terminate()
        else:
            child.stopping = True
            _interrupt(child.process)
        return child.told()

    def check_over(self, run: str) -> None:
        """Raises ArtifactError if the run was started here and is under way, though it may hold nothing yet."""
        child = self.of(run)
        if child is not None and child.code is None:
            raise ArtifactError(f"Run {run} is under way; stop it first.")

    def forget(self, run: str) -> None:
        """Forgets that the run was started here, since it is called otherwise now, or is gone."""
        with self._lock:
            self._children.pop(run, None)

    def close(self) -> None:
        """Interrupts every run and waits until they have ended."""
        children = [child for child in self._children.values() if child.process.poll() is None]
        for child in children:
            child.stopping = True
            _interrupt(child.process)
        for child in children:
            try:
                child.process.wait(_FAREWELL_S)
            except subprocess.TimeoutExpired:
                child.process.kill()

    def _child(self, run: str) -> _Child:
        with self._lock:
            child = self._children.get(run)
        if child is None:
            raise ArtifactError(f"Run {run} was not started from this page; stop it where it was started.")
        return child


def command_line(arguments: Sequence[str]) -> str:
    """Returns the command for a terminal."""
    return shlex.join(["billp", *arguments])


def _interrupt(process: subprocess.Popen[str]) -> None:
    if sys.platform == "win32":
        process.terminate()
    else:
        process.send_signal(signal.SIGINT)


@cache
def shared_launches() -> Launches:
    """Returns those of this process."""
    return Launches()
