"""What Unix and Windows do differently: locks, how files are opened, processes, signals, the event loop.

What a system can is found out by its names, as Python leaves out those that it lacks.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio
    import subprocess

AS_IT_IS = getattr(os, "O_BINARY", 0)
"""Flag that opens a file without changing line ends."""
AT_ONCE = getattr(os, "O_NONBLOCK", 0)
"""Flag that opens a pipe without waiting for the process at its other end."""
NO_LINK = getattr(os, "O_NOFOLLOW", 0)
"""Flag that refuses links."""
ENDING = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
"""Signals of Ctrl-C, of who ends the process, and of a closed terminal."""

_LOCKED_BYTE = 1 << 30  # on Windows a locked byte cannot be read, so it is one that no lock file has
_AGAIN_S = 0.05


def lock(file: IO[Any] | int, *, wait: bool) -> None:
    """Locks an open file against other processes until it is closed.

    Raises OSError; without `wait`, BlockingIOError if another process holds it.
    """
    handle = file if isinstance(file, int) else file.fileno()
    fcntl = _module("fcntl")
    if fcntl is not None:
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        return
    windows = importlib.import_module("msvcrt")
    while True:
        at = os.lseek(handle, 0, os.SEEK_CUR)
        os.lseek(handle, _LOCKED_BYTE, os.SEEK_SET)
        try:
            windows.locking(handle, windows.LK_NBLCK, 1)
            return
        except PermissionError as error:
            if not wait:
                raise BlockingIOError(error.errno, error.strerror) from error
        finally:
            os.lseek(handle, at, os.SEEK_SET)
        time.sleep(_AGAIN_S)


def open_standard_streams() -> None:
    """Opens the null device in place of standard streams that are closed.

    Otherwise files that are opened later take their numbers, and what is printed goes into them.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # it takes the lowest number that is free
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115 -- it stays open


def runs(process: int) -> bool | None:
    """Returns whether the process of this number runs; None where that cannot be asked without harm."""
    if not hasattr(os, "killpg"):  # on Windows the question would be Ctrl-C
        return None
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True


def end(process: subprocess.Popen[Any], *, kill: bool) -> None:
    """Asks a process that was started with a session of its own to end, with all its child processes; or kills them."""
    with suppress(ProcessLookupError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL if kill else signal.SIGTERM)
        elif kill:
            process.kill()
        else:
            process.terminate()


@contextmanager
def signals_to(heed: Callable[[int], None], numbers: list[signal.Signals]) -> Iterator[None]:
    """Calls `heed` with the number, on the running event loop, for each signal of `numbers` during the block."""
    import asyncio  # noqa: PLC0415 -- most of what is here needs no loop

    loop = asyncio.get_running_loop()
    with ExitStack() as undone:
        for number in numbers:
            try:
                loop.add_signal_handler(number, heed, number)
                undone.callback(loop.remove_signal_handler, number)
            except NotImplementedError:  # Windows
                before = signal.signal(number, lambda come, _: loop.call_soon_threadsafe(heed, come))
                undone.callback(signal.signal, number, before)
        yield


def fast_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Returns what makes uvloop's event loop; None, for Python's own, where there is no uvloop."""
    uvloop = _module("uvloop")
    return None if uvloop is None else uvloop.new_event_loop


def _module(name: str) -> Any:  # noqa: ANN401 -- what it has depends on the system
    try:
        return importlib.import_module(name)
    except ImportError:
        return None
