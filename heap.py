"""The heap of the C library: how much freed memory a process keeps, and what freed memory holds.

What it does is glibc's (mallopt(3), malloc_trim(3)); with another C library nothing changes.
"""

from __future__ import annotations

import asyncio
import ctypes

_M_PERTURB, _M_ARENA_MAX = -6, -8  # of malloc.h
_FILL = 0xA5
_HEAPS = 2


def share_heaps() -> bool:
    """Makes all threads that begin from now on share two heaps; returns False if the C library cannot.

    By default each thread gets a heap of its own, up to eight for each core, and each keeps what it once needed.
    """
    return _done("mallopt", _M_ARENA_MAX, _HEAPS)


def return_freed_memory() -> bool:
    """Returns freed memory to the machine (malloc_trim(3)); returns False if the C library cannot.

    Of what a run frees, more than half lies between what it still uses, in heaps that only grow at their ends; glibc
    keeps it until it is asked. The call takes some 10 ms, so make it where a batch of work ends.
    """
    return _done("malloc_trim", 0)


async def keep_returning_freed_memory(every_s: float = 30.0) -> None:
    """Does `return_freed_memory` again and again, for a process that serves and has no batches."""
    while True:
        await asyncio.sleep(every_s)
        await asyncio.to_thread(return_freed_memory)


def scrub_freed_memory() -> bool:
    """Overwrites freed memory from now on, in the whole process; returns False if the C library cannot.

    It costs a write of everything that is allocated.
    """
    return _done("mallopt", _M_PERTURB, _FILL)


def _done(function: str, *arguments: int) -> bool:
    try:
        return bool(getattr(ctypes.CDLL(None), function)(*arguments))
    except (AttributeError, OSError, TypeError):  # TypeError: on Windows there is no library without a name
        return False
