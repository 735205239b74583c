"""Runs work that keeps a core busy for minutes beside a running event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")
OnProgress = Callable[[float], None]


class _Stopped(Exception):
    """Ends the thread, whose result is no longer needed."""


async def in_thread(work: Callable[[OnProgress], Result], on_progress: OnProgress) -> Result:
    """Returns the result of `work`; after a cancellation the thread ends at its next progress report."""
    stop = threading.Event()

    def report(share: float) -> None:
        if stop.is_set():
            raise _Stopped
        on_progress(share)

    try:
        return await asyncio.to_thread(work, report)
    except asyncio.CancelledError:
        stop.set()
        raise
