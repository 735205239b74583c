"""A Python that lacks what Windows lacks, as far as our own modules see; imported first thing in a process of its own.

Modules of the standard library and of others are loaded before, and keep what they need here.
"""

from __future__ import annotations

import fcntl
import importlib
import os
import shutil
import signal
import sys
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parents[2]
_MODULES = ("fcntl", "uvloop", "resource", "pwd", "grp", "termios", "tty", "pty", "syslog")
_OS = (
    "O_NONBLOCK", "O_NOFOLLOW", "O_DIRECTORY", "O_CLOEXEC", "killpg", "getpgid", "setsid", "getuid", "geteuid", "fork",
    "chown", "mkfifo", "pread", "pwrite", "sched_getaffinity", "uname", "getloadavg",
)  # fmt: skip
_SIGNALS = ("SIGKILL", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGALRM", "SIGQUIT", "SIGPIPE", "SIGCHLD")


def our_modules() -> list[str]:
    """Returns the names of all modules of the package."""
    skipped = {"tests", "benchmarks", "docs", "examples", "build"}
    found = []
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        if not parts[0].startswith(".") and parts[0] not in skipped and parts[-1] != "__main__":
            found.append(".".join(("billp", *(part for part in parts if part != "__init__"))))
    return found


def become_windows() -> list[str]:
    """Imports all our modules, forgets them, hides what Windows lacks, and imports them again; returns their names."""
    names = our_modules()
    for name in names:
        importlib.import_module(name)
    for name in [name for name in sys.modules if name.split(".")[0] == "billp"]:
        del sys.modules[name]
    hide()
    for name in names:
        importlib.import_module(name)
    del sys.modules["resource"]  # Chroma asks for it wherever the system is not called Windows
    return names


def hide() -> None:
    """Hides what Windows lacks, and puts the lock of files there is in place."""
    windows = ModuleType("msvcrt")
    windows.LK_NBLCK = 2  # type: ignore[attr-defined]
    windows.locking = _locking  # type: ignore[attr-defined]
    sys.modules["msvcrt"] = windows
    for name in _MODULES:
        sys.modules[name] = None  # type: ignore[assignment]
    for module, lacking in ((os, _OS), (signal, _SIGNALS)):
        for name in lacking:
            if hasattr(module, name):
                delattr(module, name)
    shutil._use_fd_functions = False  # type: ignore[attr-defined] # they use what is hidden now


def _locking(handle: int, mode: int, count: int) -> None:
    """Locks bytes from the file's position on, or raises PermissionError, as msvcrt does."""
    assert mode == 2, "the one that waits gives up after ten seconds"
    try:
        fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB, count, 0, os.SEEK_CUR)
    except BlockingIOError as error:
        raise PermissionError(error.errno, error.strerror) from error
