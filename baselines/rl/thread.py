"""Work that keeps a core busy for minutes, beside an event loop that goes on."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")
OnProgress = Callable[[float], None]


class _Stopped(Exception):
    """Ends the thread; nobody waits for what it would have returned."""


async def in_thread(work: Callable[[OnProgress], Result], on_progress: OnProgress) -> Result:
    """What `work` returns. When this is cancelled, the thread ends the next time that it reports its progress."""
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
