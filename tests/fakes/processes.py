"""Which of some processes still run."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path


def running(pids: Iterable[int]) -> list[int]:
    """Those of `pids` that run; one that has ended and waits to be reaped does not."""
    return [pid for pid in pids if _state(pid) not in ("", "Z")]


def left_running(pids: Iterable[int], patience_s: float = 10) -> list[int]:
    """Those of `pids` that still run after `patience_s` seconds; a killed process needs an instant to end."""
    deadline, left = time.monotonic() + patience_s, running(pids)
    while left and time.monotonic() < deadline:
        time.sleep(0.05)
        left = running(left)
    return left


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return ""
