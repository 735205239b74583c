"""A process that has loaded billp and forks for each command, so that many commands cost little.

`python -m tests.crash.nursery` reads orders from stdin, one JSON object a line, and answers each with one on stdout.
A child runs the command line as a process of its own would, but for a sentence embedder that needs no model; it may
end itself by SIGKILL at its n-th change of a file, and may live with a clock that was set back.
"""

from __future__ import annotations

import importlib
import itertools
import json
import os
import signal
import sys
import time
from typing import Any

from billp import cli
from tests.fakes.embedder import hash_everywhere

# What commands load when they need it.
_LOADED = (
    "billp.pages.page_file",
    "torch",
    "uvloop",
    "chromadb.api.rust",
    "billp.experiments.compare.comparison",
    "billp.experiments.runs.live_session",
    "billp.reports",
    "billp.experiments.runs.training",
    "billp.simulators.rating.deepfm",
)
_CHANGES = ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "os.link", "os.symlink", "shutil.rmtree")
_PATIENCE_S = 300  # of a busy machine, for one command
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class _Changes:
    """Counts what this process changes below a folder, and ends it at one of these."""

    def __init__(self, folder: str, last: int | None, kept: str) -> None:
        self._folder, self._last, self._count = folder + os.sep, last, 0
        self._kept = os.open(kept, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        sys.addaudithook(self._heard)

    def _heard(self, event: str, arguments: tuple[Any, ...]) -> None:
        opened = event == "open" and isinstance(arguments[2], int) and arguments[2] & _WRITES
        if not (opened or event in _CHANGES) or not isinstance(arguments[0], str | bytes | os.PathLike):
            return
        if not os.path.abspath(os.fsdecode(arguments[0])).startswith(self._folder):  # noqa: PTH100 -- it opens nothing
            return
        self._count += 1
        os.pwrite(self._kept, str(self._count).encode(), 0)
        if self._count == self._last:
            os.kill(os.getpid(), signal.SIGKILL)


def _set_back(seconds: float) -> None:
    """The clock is right for a while, then it is `seconds` behind."""
    now, asked = time.time, itertools.count()
    time.time = lambda: now() - (seconds if next(asked) > 10 else 0.0)


def _live(order: dict[str, Any]) -> None:
    """What a child does; it does not return."""
    signal.alarm(_PATIENCE_S)
    log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.dup2(os.open(order["stdin"] or os.devnull, os.O_RDONLY), 0)
    os.chdir(order["folder"])
    os.environ.update(order["environment"])
    if order["clock_back_s"]:
        _set_back(order["clock_back_s"])
    _Changes(order["folder"], order["last_change"], order["changes"])
    code = 70
    try:
        cli.main(order["arguments"])
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 0 if ended.code is None else 1
    except BaseException:  # noqa: BLE001 -- as the interpreter would
        sys.excepthook(*sys.exc_info())
        code = 71
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _obey(order: dict[str, Any]) -> dict[str, Any]:
    if order["do"] == "start":
        child = os.fork()
        if child == 0:
            _live(order)
        return {"process": child}
    _, status = os.waitpid(order["process"], 0)
    return {"code": os.waitstatus_to_exitcode(status)}


def main() -> None:
    """Obeys until stdin ends."""
    for name in _LOADED:
        importlib.import_module(name)
    hash_everywhere()
    orders, answers = os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "w")
    print(json.dumps({"ready": True}), file=answers, flush=True)
    while line := orders.readline():
        print(json.dumps(_obey(json.loads(line))), file=answers, flush=True)


if __name__ == "__main__":
    main()
